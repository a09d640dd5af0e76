"""A teacher that a Python program hands over: a function from texts to probabilities."""

from __future__ import annotations

from pathlib import Path

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import UserError
from llkd.teachers.base import FewShot, Meter, Teacher
from llkd.teachers.kind import Argument, TeacherKind


def _make(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    del labels, home, examples, meter
    raise UserError(
        f"The teacher {config.teacher!r} is a Python function, which only the program that has it "
        "can ask: llkd.label(texts, teacher=function). Choose another teacher."
    )


FUNCTION = TeacherKind(
    name="function",
    make=_make,
    label="A Python function",
    summary="What a program handed over to llkd.label.",
    argument=Argument(
        shape="<name>",
        label="Name",
        placeholder="my_model",
        missing="A Python function is handed over by a program.",
    ),
    display="the Python function {name}",
    noun="Python function",
    cached=False,
    has_prompt=False,
    lookup=True,
    confidences=("imported", "none"),
    described=lambda config: "A Python function gave the labels.",
)
