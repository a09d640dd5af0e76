"""The student: a text encoder, mean pooling over its tokens, dropout and a linear head.

Any encoder folder or hub id with safetensors weights serves. Importing this package loads no
torch; using a student does.
"""

from llkd.students.encoding import Encoded
from llkd.students.loading import load_saved, load_student, student_folder
from llkd.students.student import Student

__all__ = [
    "Encoded",
    "Student",
    "load_saved",
    "load_student",
    "student_folder",
]
