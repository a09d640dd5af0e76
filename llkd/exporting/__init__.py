"""What people take away: the curated set with its manifest, a student, predictions of a file."""

from llkd.exporting.card import Story, model_card
from llkd.exporting.curated import (
    FORMATS,
    PROGRAM,
    checked_folder,
    checked_formats,
    sha256,
    write_curated,
)
from llkd.exporting.student import write_student
from llkd.exporting.tables import ENDINGS, FORMULA_STARTS, safe_cell, safe_frame, table_writer

__all__ = [
    "ENDINGS",
    "FORMATS",
    "FORMULA_STARTS",
    "PROGRAM",
    "Story",
    "checked_folder",
    "checked_formats",
    "model_card",
    "safe_cell",
    "safe_frame",
    "sha256",
    "table_writer",
    "write_curated",
    "write_student",
]
