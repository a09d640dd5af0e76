"""Teachers: who labels the texts. ``registry`` names the kinds, ``base`` says what each offers."""

from __future__ import annotations

from llkd.teachers.base import FewShot, Meter, ScoredBatch, Teacher
from llkd.teachers.registry import TEACHERS, make_teacher

__all__ = ["TEACHERS", "FewShot", "Meter", "ScoredBatch", "Teacher", "make_teacher"]
