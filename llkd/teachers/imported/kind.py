"""The kind of teacher that is a file of labels."""

from __future__ import annotations

from pathlib import Path

from llkd.config import LabelSet, TeacherConfig
from llkd.teachers.base import FewShot, Meter, Teacher
from llkd.teachers.kind import Argument, TeacherKind


def _make(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    from llkd.teachers.imported.columns import imported_teacher

    del examples, meter  # no model is asked
    return imported_teacher(config, labels, home)


FILE = TeacherKind(
    name="file",
    make=_make,
    label="Labels from a file",
    summary="Labels that another tool or model has made already.",
    argument=Argument(
        shape="<path>",
        label="File with labels",
        placeholder="labels.csv",
        missing="Choose the file with the labels.",
    ),
    noun="file",
    cached=False,
    has_prompt=False,
    lookup=True,
    settings=("text_column", "label_column", "confidence_column"),
    confidences=("imported", "none"),
    form="file",
    described=lambda config: "No model was asked here: another tool had made the labels.",
)
