"""Argilla's records: nested (``to_json``), flat (``to_datasets``), and those of version 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llkd.datasets.annotations.cells import Cells, listed_value, parsed
from llkd.datasets.annotations.judgements import (
    DRAFT,
    EMPTY,
    SKIPPED,
    Annotations,
    Judgement,
    Prediction,
    Question,
    person,
    share,
    single,
)

TOOL = "Argilla"
_V1 = "-suggestion"
_FLAT = (
    *(".responses", ".responses.users", ".responses.status"),
    *(".suggestion", ".suggestion.score", ".suggestion.agent"),
)


def of_nested(cells: Cells) -> Annotations | None:
    """``responses.NAME`` with a list of {value, user_id}, ``suggestions.NAME.value`` and score."""
    names = {c.removeprefix("responses.") for c in cells.columns if c.startswith("responses.")}
    suggested = {
        c.removeprefix("suggestions.").removesuffix(".value")
        for c in cells.columns
        if c.startswith("suggestions.") and c.endswith(".value")
    }
    fields = any(c.startswith("fields.") for c in cells.columns)
    if not fields or not (names | suggested or {"responses", "suggestions"} & set(cells.columns)):
        return None
    own = {c for c in cells.columns if c.split(".")[0] in {"responses", "suggestions"}}
    annotations = Annotations(TOOL, frozenset(own), drafts_unknown=True)
    for name in sorted(names):
        for record, value in cells.column(f"responses.{name}"):
            for response in listed_value(value):
                _response(annotations, annotations.questions[name], record, response)
    for name in sorted(suggested):
        parts = {part: f"suggestions.{name}.{part}" for part in ("value", "score", "agent")}
        _suggestions(annotations.questions[name], cells, parts)
    return annotations


def of_flat(cells: Cells) -> Annotations | None:
    """``NAME.responses`` with its ``.users`` and ``.status``, ``NAME.suggestion`` and its score."""
    names = sorted(
        {
            c.removesuffix(end)
            for end in (".responses", ".suggestion")
            for c in cells.columns
            if c.endswith(end)
        }
    )
    if not names:
        return None
    own = {name + end for name in names for end in _FLAT} & set(cells.columns)
    annotations = Annotations(TOOL, frozenset(own))
    for name in names:
        question = annotations.questions[name]
        users = dict(cells.column(f"{name}.responses.users"))
        states = dict(cells.column(f"{name}.responses.status"))
        for record, value in cells.column(f"{name}.responses"):
            values = parsed(value)
            who, status = parsed(users.get(record)), parsed(states.get(record))
            for place, answer in enumerate(values if isinstance(values, list) else []):
                response = {
                    "value": answer, "user_id": _at(who, place), "status": _at(status, place)
                }  # fmt: skip
                _response(annotations, question, record, response)
        parts = {"value": ".suggestion", "score": ".suggestion.score", "agent": ".suggestion.agent"}
        _suggestions(question, cells, {part: name + end for part, end in parts.items()})
    return annotations


def of_version_1(cells: Cells) -> Annotations | None:
    """``NAME`` with a list of {value, user_id, status}, and ``NAME-suggestion``."""
    names = [
        c.removesuffix(_V1)
        for c in cells.columns
        if c.endswith(_V1) and c.removesuffix(_V1) in cells.columns
    ]
    if not names:
        return None
    own = {c for name in names for c in cells.columns if c == name or c.startswith(f"{name}{_V1}")}
    annotations = Annotations(TOOL, frozenset(own))
    for name in names:
        for record, value in cells.column(name):
            for response in listed_value(value):
                _response(annotations, annotations.questions[name], record, response)
        parts = {
            "value": f"{name}{_V1}",
            "score": f"{name}{_V1}-metadata.score",
            "agent": f"{name}{_V1}-metadata.agent",
        }
        _suggestions(annotations.questions[name], cells, parts)
    return annotations


def _at(values: Any, place: int) -> Any:
    return values[place] if isinstance(values, list) and place < len(values) else None


def _response(
    annotations: Annotations, question: Question, record: int, response: Mapping[str, Any]
) -> None:
    status = response.get("status")
    if status in ("discarded", "draft"):
        question.left_out[DRAFT if status == "draft" else SKIPPED] += 1
        return
    value = response.get("value")
    label, why = single(value if isinstance(value, list) else [value])
    if label is None:
        question.left_out[why or EMPTY] += 1
        return
    who = person(response.get("user_id"), TOOL)
    question.judgements.append(Judgement(record, who, label))


def _suggestions(question: Question, cells: Cells, parts: Mapping[str, str]) -> None:
    scores, agents = dict(cells.column(parts["score"])), dict(cells.column(parts["agent"]))
    for record, value in cells.column(parts["value"]):
        inner = parsed(value) if value[:1] == "[" else value
        label, _ = single(inner if isinstance(inner, list) else [inner])
        if label is not None:
            model = str(agents.get(record) or "a model")[:200]
            question.predictions.append(Prediction(record, model, label, share(scores.get(record))))
