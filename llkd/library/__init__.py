"""The Python API: what ``import llkd`` offers, each module loaded when its name is first used.

``texts`` holds what is read, ``labeling`` asks a teacher, ``labels`` holds what it said,
``selection`` what is kept of it, ``training`` makes a ``student``, ``comparison`` compares ways to
train, ``exporting`` writes files. ``workspace`` is the home that all of them work in. They call the
workflows that the command line and the app call, without a job; what they make is in the same
project.
"""
