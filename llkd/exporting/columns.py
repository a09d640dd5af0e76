"""The columns of a curated set, by group, and what each of them means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from llkd.errors import ConfigError

GROUPS = {
    "teacher": "the teacher's label, its confidence and where that comes from",
    "probabilities": "the teacher's probability of every class",
    "student": "information need, the student's label and its confidence",
    "people": "the label that a person gave",
    "weights": "a weight for training, and how often a run trained on the row",
    "notes": "what people noted on the text, and whether they flagged it",
    "gold": "the label that came with the data, meant for evaluation",
}
USUAL_GROUPS = tuple(name for name in GROUPS if name not in ("gold", "notes"))
"""Gold is for evaluation, and notes are among colleagues: both come only where they are asked for.
"""
PROBABILITIES = "teacher_probabilities"


class Column(NamedTuple):
    """One column: its group (empty: always there), its kind and what it means."""

    group: str
    kind: str
    meaning: str


COLUMNS = {
    "id": Column("", "text", "the text's id in the project"),
    "text": Column("", "text", "the text, as it was imported"),
    "label": Column("", "class", "the label to learn: a person's where there is one, else the "
                    "teacher's"),
    "labelled_by": Column("", "text", "who gave the label: person or teacher"),
    "split": Column("", "text", "train or validation"),
    "teacher_label": Column("teacher", "class", "the teacher's most probable class"),
    "teacher_confidence": Column("teacher", "number", "the probability of that class, calibrated, "
                                 "0 to 1"),
    "confidence_source": Column("teacher", "text", "where the confidence comes from: logprob, "
                                "self_consistency, verbalized, imported, or none"),
    PROBABILITIES: Column("probabilities", "numbers", "the teacher's calibrated probability of "
                          "every class, in the order of the classes"),
    "information_need": Column("student", "number", "how unsure the student is: normalised "
                               "entropy, 0 to 1"),
    "student_label": Column("student", "class", "the student's most probable class"),
    "student_confidence": Column("student", "number", "the student's probability of that class"),
    "human_label": Column("people", "class", "the label that a person gave, if one did"),
    "note": Column("notes", "text", "what people noted on the text, each with who did: a line a "
                   "note"),
    "flagged": Column("notes", "text", "yes where a person flagged the text, to look at again"),
    "weight": Column("weights", "number", ""),
    "times_trained_on": Column("weights", "whole number", "how many steps of the run trained on "
                               "the row"),
    "gold": Column("gold", "class", "the label that came with the data; for evaluation only"),
}  # fmt: skip


def checked_groups(text: str) -> tuple[str, ...]:
    """Groups of columns from ``teacher,student``; ``none`` is the bare minimum.

    Raises ConfigError naming those there are.
    """
    wanted = {part.strip().lower() for part in text.split(",") if part.strip()} - {"none"}
    unknown = wanted - set(GROUPS)
    if unknown or not text.strip():
        raise ConfigError(
            f"Columns are none, or some of {', '.join(GROUPS)} (several with commas), "
            f"but they were {text!r}."
        )
    return tuple(name for name in GROUPS if name in wanted)


def described(columns: Sequence[str], formula: str, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Name, kind and meaning of each column; ``formula`` is how the weight came about."""
    entries: list[dict[str, Any]] = []
    for name in columns:
        column = COLUMNS[name]
        meaning = formula if name == "weight" else column.meaning
        entries.append({"name": name, "kind": column.kind, "meaning": meaning})
        if name == PROBABILITIES:
            entries[-1]["in_csv"] = [f"prob_{class_name}" for class_name in classes]
    return entries
