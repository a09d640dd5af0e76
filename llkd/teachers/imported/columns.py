"""From a file to its teacher: which column plays which part."""

from __future__ import annotations

from pathlib import Path

from llkd.config import LabelSet, TeacherConfig
from llkd.datasets import Records, read_records
from llkd.datasets.annotations import annotations_of
from llkd.datasets.checks.columns import guess_id, guess_label, guess_text
from llkd.errors import DataError, NotFound
from llkd.models import sources
from llkd.teachers.imported.predictions import predictions_teacher
from llkd.teachers.imported.score_columns import SCORE
from llkd.teachers.imported.teacher import RESERVED, ImportedTeacher

PROBABILITY = ("probability_", "prob_", "p_")


def imported_teacher(config: TeacherConfig, labels: LabelSet, home: Path) -> ImportedTeacher:
    """The teacher ``file:<path>``: any file that texts can be imported from.

    The columns are those that ``config`` names, else ``text``, ``label`` and ``confidence``, else
    what looks like them; one column of probabilities for each class, named like the class or
    ``probability_<class>``, ``prob_<class>`` or ``p_<class>``, takes the place of a confidence; so
    does one of raw scores, ``score_<class>`` (logits or log-probabilities).
    Raises NotFound, or DataError for a file of no use.
    """
    path = Path(config.teacher.partition(":")[2].strip()).expanduser()
    if not path.is_file():
        raise NotFound(f"There is no file {path} to read labels from.")
    named = [config.text_column, config.label_column, config.confidence_column]
    records = read_records(path, named=[name for name in named if name])
    annotations = annotations_of(records, label=config.label_column)
    if annotations is not None and annotations.answered():
        return predictions_teacher(records, annotations, config, labels, path, home)
    columns = column_roles(records, config, labels)
    identity = {
        "file": path.name,
        "sha256": sources.file_sha256(path, home),
        "columns": columns,
    }
    table = records.table.select(list(columns.values())).rename_columns(list(columns))
    ident = guess_id(records)
    if "id" not in columns and ident is not None and ident not in columns.values():
        # Beside the texts they are a help, and no part of what the file says.
        table = table.append_column("id", records.table.column(ident))
    return ImportedTeacher(table, labels, identity)


def column_roles(records: Records, config: TeacherConfig, labels: LabelSet) -> dict[str, str]:
    """Which column of the file plays which part: text, label, confidence, or a class's name."""
    there = set(records.columns)
    probabilities = {
        name: next(
            (p + word for word in words for p in ("", *PROBABILITY) if p + word in there), None
        )
        for name, words in zip(labels.names, labels.names_ever, strict=True)
    }
    has_labels = config.label_column or config.confidence_column or "confidence" in there
    if not has_labels and not all(probabilities.values()):
        scores = {
            name: next((SCORE + word for word in words if SCORE + word in there), None)
            for name, words in zip(labels.names, labels.names_ever, strict=True)
        }
        probabilities = scores if all(scores.values()) else probabilities
    complete = all(probabilities.values()) and len(set(probabilities.values())) == len(
        probabilities
    )
    columns: dict[str, str | None] = {
        "text": _column(records, config.text_column, "text", guess_text(records)),
    }
    text, ident = columns["text"], guess_id(records)
    if text is not None and text in (ident, config.label_column):
        text = None
    if text is None and ident is None:
        raise DataError(
            f"{records.name} has no column of texts to match its labels by, and no ids. Its "
            f"columns are {', '.join(records.columns)}. Name the right one as the text column."
        )
    guessed = None if complete else guess_label(records, text, ident)
    if text is not None and text == guessed and config.text_column is None:
        text = None if ident is not None else text
    columns["text"] = text
    if text is None:
        columns["id"] = ident
    columns["label"] = _column(records, config.label_column, "label", guessed)
    columns["confidence"] = _column(records, config.confidence_column, "confidence", None)
    if complete and not set(labels.names) & RESERVED:
        columns |= probabilities
    elif columns["label"] is None:
        raise DataError(
            f"{records.name} has neither a column 'label' nor one column of probabilities or "
            f"scores for each class ({', '.join(labels.names)}). Name the right one as the label "
            "column."
        )
    return {part: column for part, column in columns.items() if column is not None}


def _column(records: Records, name: str | None, usual: str, guess: str | None) -> str | None:
    """The column that was asked for, else the one with the usual name, else the guess."""
    if name is None:
        return usual if usual in records.columns else guess
    if name not in records.columns:
        raise DataError(
            f"There is no column {name!r} in {records.name}. Its columns are "
            f"{', '.join(records.columns)}."
        )
    return name
