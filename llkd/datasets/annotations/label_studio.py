"""Label Studio's exports: JSON with nested annotations, JSON_MIN and CSV with one in each row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from llkd.datasets.annotations.cells import Cells, listed_value, parsed
from llkd.datasets.annotations.judgements import (
    EMPTY,
    Annotations,
    Judgement,
    Prediction,
    Question,
    class_name,
    person,
    share,
    single,
)

TOOL = "Label Studio"
_NESTED = ("annotations", "completions")
_ROW_MARKS = {"annotator", "annotation_id", "lead_time"}
_NO_QUESTION = {
    *("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"),
    *("text", "llkd_id", "curated_label", "labelled_by"),
}


def of_tasks(cells: Cells) -> Annotations | None:
    """The JSON export: a list ``annotations`` (once called completions) and perhaps predictions."""
    nested = next((name for name in _NESTED if name in cells.columns), None)
    data = any(name.startswith("data.") for name in cells.columns)
    if nested is None or not (data or "predictions" in cells.columns):
        return None
    answers = {nested, "predictions", "drafts"}
    annotations = Annotations(TOOL, frozenset(answers & set(cells.columns)))
    for record, value in cells.column(nested):
        for annotation in listed_value(value):
            _annotation(annotations, record, annotation)
    for record, value in cells.column("predictions"):
        for prediction in listed_value(value):
            _prediction(annotations, record, prediction)
    return annotations


def _annotation(annotations: Annotations, record: int, annotation: dict[str, Any]) -> None:
    if annotation.get("was_cancelled") or annotation.get("skipped"):
        annotations.skipped += 1
        return
    who = person(annotation.get("completed_by"), TOOL)
    created = str(annotation.get("created_at") or "")
    truth = annotation.get("ground_truth") is True
    for name, values in _answers(annotation):
        label, why = single(values)
        question = annotations.questions[name]
        if label is None:
            question.left_out[why or EMPTY] += 1
        else:
            question.judgements.append(Judgement(record, who, label, created, truth))


def _prediction(annotations: Annotations, record: int, prediction: dict[str, Any]) -> None:
    model = str(prediction.get("model_version") or "a model")[:200]
    for name, values in _answers(prediction):
        label, _ = single(values)
        if label is not None:
            score = share(prediction.get("score"))
            annotations.questions[name].predictions.append(Prediction(record, model, label, score))


def _answers(annotation: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Choices by the name of their question; regions, texts and the like are no classes."""
    for result in listed_value(annotation.get("result")):
        value = result.get("value")
        choices = value.get("choices") if isinstance(value, dict) else None
        if choices is not None:
            name = str(result.get("from_name") or "choice")[:200]
            yield name, choices if isinstance(choices, list) else [choices]


def of_rows(cells: Cells, is_class: Callable[[str], bool]) -> Annotations | None:
    """JSON_MIN and CSV: an annotation in each row, its answers in columns of their own.

    ``is_class`` says of a column whether its values could be classes: those of the tasks' own data
    stand among them, and nothing in the file tells them apart.
    """
    if not set(cells.columns) >= _ROW_MARKS:
        return None
    names = [c for c in cells.columns if c not in _NO_QUESTION and is_class(c)]
    annotations = Annotations(TOOL, frozenset(names))
    people = dict(cells.column("annotator"))
    times = dict(cells.column("created_at")) if "created_at" in cells.columns else {}
    for column in names:
        # In JSON_MIN several choices are an object, of which the reader makes such a column.
        question = annotations.questions[column.removesuffix(".choices")]
        for record, value in cells.column(column):
            if record in people:
                who = person(people[record], TOOL)
                _cell(question, record, value, who, times.get(record) or "")
    return annotations


def _cell(question: Question, record: int, value: str, who: str, created: str) -> None:
    inner = parsed(value) if value[:1] in "[{" else None
    if isinstance(inner, dict):
        inner = inner.get("choices")
    if isinstance(inner, list):
        label, why = single(inner)
    else:
        label, why = class_name(value), EMPTY
    if label is None:
        question.left_out[why or EMPTY] += 1
    else:
        question.judgements.append(Judgement(record, who, label, created))
