"""A classifier behind HTTP: the two decision interfaces, and plain predictions.

What answers is a :class:`~llkd.serving.decider.Decider`: a student by ONNX, without torch, or a
teacher that takes any question. Modules here that a student's server loads need neither torch nor a
home, so that a folder can be served where only these few packages are: see docs/serving.md.
"""
