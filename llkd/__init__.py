"""LLKD Studio's core: from unlabeled text to a curated training set and a small student.

A library and a command line (``python -m llkd``). It never imports streamlit, and importing it
never imports torch: the modules that need torch (`teachers.local`, `students`, `training`) do so
when they are used.
"""

__version__ = "0.3.0"
