"""What filters are called: one phrase for each value, for chips, reports and errors."""

from __future__ import annotations

from typing import Any

from llkd.config import LabelSet
from llkd.config.text_filters import FILTER_KINDS, NOBODY, PERSON, TEACHER, Range, TextFilters
from llkd.store import Project

_WORDS: dict[tuple[str, str], str] = {
    ("student", "agrees"): "Student agrees with the teacher",
    ("student", "differs"): "Student differs from the teacher",
    ("student", "unknown"): "No label of teacher or student",
    ("people", "agrees"): "People agree with the teacher",
    ("people", "differs"): "People differ from the teacher",
    ("people", "unknown"): "No label of teacher or people",
    ("gold", "agrees"): "Label is gold's",
    ("gold", "differs"): "Label is not gold's",
    ("gold", "unknown"): "No gold, or no label",
    ("refined", "yes"): "Label changed by refinement",
    ("refined", "no"): "Label not changed by refinement",
    ("flag", "yes"): "Flagged",
    ("flag", "no"): "Not flagged",
    ("note", "yes"): "With a note",
    ("note", "no"): "Without a note",
    ("excluded", "yes"): "Excluded",
    ("excluded", "no"): "Not excluded",
    ("split", "pool"): "Of the pool",
    ("split", "held-out"): "Held out",
    ("by", TEACHER): "Labelled by the teacher",
    ("by", NOBODY): "Without a label",
}
_SHARES = ("confidence", "uncertainty")


def value_words(project: Project, classes: LabelSet, kind: str, value: Any) -> str:
    """One value of a filter as a phrase. It may hold names, which may be anything."""
    if isinstance(value, Range):
        return f"{FILTER_KINDS[kind].title}: {_range_words(kind, value)}"
    if kind == "label":
        place = classes.places.get(value)
        return f"Label: {'a class that is gone' if place is None else classes.names[place]}"
    if kind == "by" and str(value).startswith(PERSON):
        return f"Labelled by {str(value).removeprefix(PERSON) or 'nobody by name'}"
    if kind == "added":
        return addition_words(project, int(value))
    return _WORDS[kind, str(value)]


def addition_words(project: Project, number: int) -> str:
    """What came with an import: ``Imported: a.csv``, ``Addition 1: b.csv``."""
    if number == 0:
        return f"Imported: {project.source}"
    if number > len(project.additions):
        return f"Addition {number}, which is not there"
    return f"Addition {number}: {project.additions[number - 1].source}"


def filter_sentence(project: Project, classes: LabelSet, filters: TextFilters) -> str:
    """All filters in one line: kinds joined by ``and``, values of one kind by ``or``."""
    return "; and ".join(
        " or ".join(value_words(project, classes, each.kind, value) for value in each.values)
        for each in filters.filters
    )


def _range_words(kind: str, values: Range) -> str:
    def number(value: float) -> str:
        return f"{100 * value:.4g} %" if kind in _SHARES else f"{value:.6g}"

    if values.low is None:
        return f"at most {number(values.high or 0.0)}"
    if values.high is None:
        return f"at least {number(values.low)}"
    if values.low == values.high:
        return number(values.low)
    return f"{number(values.low).removesuffix(' %')} to {number(values.high)}"
