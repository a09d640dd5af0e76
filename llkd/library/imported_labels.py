"""Labels that another tool or a person made, held in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from llkd.config import Calibration, LabelSet
from llkd.errors import DataError
from llkd.library.labeling import label
from llkd.library.labels import Labels
from llkd.library.texts import Texts, check_texts

if TYPE_CHECKING:
    import pandas as pd

    from llkd.teachers.base import Teacher

LABEL, CONFIDENCE = "label", "confidence"


def import_labels(
    texts: Texts,
    source: pd.DataFrame | Mapping[str, str],
    *,
    text: str = "text",
    label_column: str = LABEL,
    confidence: str | None = None,
    name: str = "imported labels",
    calibration: Calibration = "none",
    progress: bool = True,
) -> Labels:
    """Take labels that another tool made, matched to ``texts`` by the text itself.

    A file of labels goes with ``label(texts, "file:PATH")``, a model with ``label(texts, model)``.

    Args:
        texts: what :func:`read_texts` returned, with its classes.
        source: a dict from texts to class names, or a frame with a column of texts and either one
            of labels or one of probabilities for each class, named like the class.
        text: the column of texts.
        label_column: the column of class names; not needed beside probabilities.
        confidence: the column with the confidence of each label, from 0 to 1.
        name: what these labels are called in the project.
        calibration: as in :func:`label`.
        progress: show a bar.

    Texts without a label in ``source`` have none; ``Labels.notices`` counts them. Raises DataError
    for a missing column or a confidence that is none.
    """
    check_texts("import_labels", texts)
    label_set = texts.label_set
    table = _table(source, text, label_column, confidence, label_set)
    teacher = _teacher(table, label_set, name)
    return label(texts, teacher, name=name, calibration=calibration, progress=progress)


def _teacher(table: pa.Table, label_set: LabelSet, name: str) -> Teacher:
    from llkd.teachers.imported.teacher import ImportedTeacher

    total = hashlib.sha256()
    for column in table.column_names:
        for cell in table[column].to_pylist():
            total.update(f"{column}\0{cell}\0".encode("utf-8", "replace"))
    identity = {"file": name, "sha256": total.hexdigest(), "columns": {}}
    return ImportedTeacher(table, label_set, identity)


def _table(
    source: Any, text: str, label_column: str, confidence: str | None, label_set: LabelSet
) -> pa.Table:
    """Columns of strings: ``text`` with ``label`` and ``confidence``, or with probabilities."""
    from llkd.datasets.in_memory import string_columns

    if isinstance(source, Mapping):
        return string_columns({"text": list(source), LABEL: list(source.values())})
    if not hasattr(source, "columns"):
        raise DataError(
            "import_labels() takes a frame or a dict from texts to class names, but it was of the "
            f"type {type(source).__name__}."
        )
    columns = {"text": text}
    if label_column in source.columns:
        columns[LABEL] = label_column
    if confidence is not None:
        columns[CONFIDENCE] = confidence
    if set(label_set.names) <= set(source.columns):
        columns |= {name: name for name in label_set.names}
    for column in columns.values():
        if column not in source.columns:
            raise DataError(
                f"The frame has no column {column!r}. Its columns are "
                f"{', '.join(map(str, source.columns[:30]))}."
            )
    return string_columns({part: source[column].tolist() for part, column in columns.items()})
