"""Labels that a model gave in an annotation tool, as a teacher: predictions and suggestions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa

from llkd.config import LabelSet, TeacherConfig
from llkd.datasets import Records
from llkd.datasets.annotations import Annotations, Prediction
from llkd.datasets.annotations.reading import own_id
from llkd.datasets.checks.columns import guess_text
from llkd.datasets.wording import listed, quoted
from llkd.errors import DataError
from llkd.models import sources
from llkd.teachers.imported.teacher import ImportedTeacher


def predictions_teacher(
    records: Records,
    annotations: Annotations,
    config: TeacherConfig,
    labels: LabelSet,
    path: Path,
    home: Path,
) -> ImportedTeacher:
    """The model that labelled most of the records of a tool's file, as a teacher.

    A score from 0 to 1 is its confidence. Raises DataError where no model labelled, or it is not
    clear which question is meant.
    """
    name, question = annotations.pick(config.label_column)
    if name is None or question is None:
        raise DataError(
            f"{records.name} holds answers to several questions: "
            f"{listed([quoted(n) for n in annotations.answered()], 8)}. Choose one as the label "
            "column."
        )
    if not question.predictions:
        raise DataError(
            f"{records.name} holds labels of people, and none of a model. Take them with: llkd "
            "annotations PROJECT FILE"
        )
    model = Counter(p.model for p in question.predictions).most_common(1)[0][0]
    text = config.text_column or guess_text(records)
    if text is None or text not in records.columns:
        raise DataError(
            f"{records.name} has no column of texts to match its labels by. Name it as the text "
            "column."
        )
    of_model = [p for p in question.predictions if p.model == model]
    table = _table(records, of_model, text)
    columns = {"text": text, "label": name, "confidence": "score"}
    identity = {
        "file": path.name,
        "sha256": sources.file_sha256(path, home),
        "columns": columns,
        "model": model,
    }
    return ImportedTeacher(table, labels, identity)


def _table(records: Records, predictions: list[Prediction], text: str) -> pa.Table:
    rows = pa.array([p.record for p in predictions], pa.int64())
    columns = {
        "text": records.table.column(text).take(rows),
        "label": pa.chunked_array([pa.array([p.label for p in predictions], pa.string())]),
        "confidence": pa.chunked_array(
            [
                pa.array(
                    [None if p.score is None else repr(p.score) for p in predictions], pa.string()
                )
            ]
        ),
    }
    ident = own_id(records)
    if ident is not None:
        columns["id"] = records.table.column(ident).take(rows)
    return pa.table(columns)
