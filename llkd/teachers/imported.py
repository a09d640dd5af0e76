"""Labels that another tool or model made, read from a file and matched by text."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from llkd import models
from llkd.config import LabelSet, TeacherConfig
from llkd.datasets import Records, read_records
from llkd.datasets.columns import guess_id, guess_label, guess_text
from llkd.errors import DataError, NotFound
from llkd.teachers.base import Floats, Ints, ScoredBatch

BATCH = 8192
CERTAIN = 1 - 1e-9  # a confidence of 1 would make the other scores minus infinity
RESERVED = {"id", "text", "label", "confidence"}
PROBABILITY = ("probability_", "prob_", "p_")

Entry = tuple[int, tuple[float, ...] | None]
"""A label's index or -1, and log-probabilities by class or None."""


class ImportedTeacher:
    """Looks labels up by text. After ``score`` the counts say what could not be used.

    ``unmatched``: texts the file does not hold; ``unknown``: texts whose label is no class;
    ``conflicting``: texts the file labels in two ways. Each gets the answer -1.
    """

    def __init__(
        self, rows: Sequence[Mapping[str, Any]], labels: LabelSet, identity: dict[str, Any]
    ) -> None:
        """``rows`` hold ``text`` and ``label`` or one probability per class, by class name.

        A ``confidence`` is a number from 0 to 1. Raises DataError naming the row otherwise.
        """
        self._labels = labels
        self._identity = identity
        columns = set().union(*(row.keys() for row in rows[:1]))
        self._probabilities = not (set(labels.names) & RESERVED) and columns >= set(labels.names)
        if "text" not in columns:
            raise DataError(f"{self._name} has no column 'text' to match its labels by.")
        if "label" not in columns and not self._probabilities:
            raise DataError(
                f"{self._name} has neither a column 'label' nor one column of probabilities for "
                f"each class ({', '.join(labels.names)})."
            )
        self._class: dict[str, int] = {}
        for k, label in enumerate(labels.labels):
            self._class.setdefault(label.words.casefold(), k)
        self._class |= {label.name.casefold(): k for k, label in enumerate(labels.labels)}
        self._found: dict[str, Entry] = {}
        self._conflicting: set[str] = set()
        for number, row in enumerate(rows, start=1):
            self._remember(number, row)
        self.unmatched = self.unknown = self.conflicting = 0
        self.cut = 0

    @property
    def _name(self) -> str:
        return str(self._identity["file"])

    def describe(self) -> dict[str, Any]:
        """The file's name and sha256, and the classes."""
        return {"kind": "file", **self._identity, "classes": self._labels.names}

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield the file's labels for these texts, those with a confidence apart from the rest."""
        for start in range(0, len(texts), BATCH):
            found = [self._look_up(text) for text in texts[start : start + BATCH]]
            answers = np.array([answer for answer, _ in found], dtype=np.int64)
            blank = (math.nan,) * len(self._labels.labels)
            scores = np.array([row or blank for _, row in found], dtype=np.float32)
            scored = np.isfinite(scores).all(axis=1)
            for source, chosen in (("imported", scored), ("none", ~scored)):
                index = np.flatnonzero(chosen)
                if len(index):
                    yield _batch(index + start, scores[index], answers[index], source)

    def content_free(self) -> None:
        """None: no model is asked."""

    def prompt(self, text: str) -> str:
        """There is no prompt; says where the label comes from."""
        del text
        return f"No model is asked: the label is looked up in {self._name} by the text."

    def close(self) -> None:
        """Nothing to let go of."""

    def _look_up(self, text: str) -> Entry:
        key = _key(text)
        if key in self._conflicting:
            self.conflicting += 1
        elif key not in self._found:
            self.unmatched += 1
        else:
            answer, scores = self._found[key]
            self.unknown += answer < 0 and scores is None
            return answer, scores
        return -1, None

    def _remember(self, number: int, row: Mapping[str, Any]) -> None:
        key = _key(str(row["text"]))
        entry = self._entry(number, row)
        if self._found.setdefault(key, entry) != entry:
            self._conflicting.add(key)

    def _entry(self, number: int, row: Mapping[str, Any]) -> Entry:
        """The explicit answer and the scores of a row; the answer is -1 where scores say it."""
        named = str(row["label"]).strip() if row.get("label") is not None else ""
        label = self._class.get(named.casefold(), -1)
        scores: tuple[float, ...] | None = None
        if self._probabilities:
            scores = self._from_probabilities(number, row)
        elif label >= 0 and not _empty(row.get("confidence")):
            scores = self._from_confidence(label, self._number(number, row, "confidence"))
        if named and scores is not None and scores.index(max(scores)) != label:
            scores = None  # a confidence that is not that of the label is none
        return (label if scores is None else -1), scores

    def _from_probabilities(self, number: int, row: Mapping[str, Any]) -> tuple[float, ...] | None:
        # Plain numbers: a million small arrays take several times as long.
        if any(_empty(row.get(name)) for name in self._labels.names):
            return None
        values = [self._number(number, row, name) for name in self._labels.names]
        total = math.fsum(values)
        if total <= 0:
            raise DataError(f"{self._name}, row {number}: the probabilities are all 0.")
        return tuple(math.log(max(value / total, 1 - CERTAIN)) for value in values)

    def _from_confidence(self, label: int, confidence: float) -> tuple[float, ...]:
        classes = len(self._labels.labels)
        rest = math.log((1 - min(confidence, CERTAIN)) / (classes - 1))
        own = math.log(max(min(confidence, CERTAIN), 1 - CERTAIN))
        return tuple(own if k == label else rest for k in range(classes))

    def _number(self, number: int, row: Mapping[str, Any], column: str) -> float:
        try:
            value = float(row[column])
        except (TypeError, ValueError):
            value = math.nan
        if not 0 <= value <= 1:
            raise DataError(
                f"{self._name}, row {number}: {column!r} must be a number from 0 to 1, but it was "
                f"{str(row[column])[:40]!r}."
            )
        return value


def imported_teacher(config: TeacherConfig, labels: LabelSet, home: Path) -> ImportedTeacher:
    """The teacher ``file:<path>``: any file that texts can be imported from.

    The columns are those that ``config`` names, else ``text``, ``label`` and ``confidence``, else
    what looks like them; one column of probabilities for each class, named like the class or
    ``probability_<class>``, ``prob_<class>`` or ``p_<class>``, takes the place of a confidence.
    Raises NotFound, or DataError for a file of no use.
    """
    path = Path(config.teacher.partition(":")[2].strip()).expanduser()
    if not path.is_file():
        raise NotFound(f"There is no file {path} to read labels from.")
    wanted = [config.text_column, config.label_column, config.confidence_column]
    records = read_records(path, named=[name for name in wanted if name])
    columns = _columns(records, config, labels)
    identity = {
        "file": path.name,
        "sha256": models.file_sha256(path, home),
        "columns": columns,
    }
    cells = [records.table.column(column).to_pylist() for column in columns.values()]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]
    return ImportedTeacher(rows, labels, identity)


def _columns(records: Records, config: TeacherConfig, labels: LabelSet) -> dict[str, str]:
    """Which column of the file plays which part: text, label, confidence, or a class's name."""
    there = set(records.columns)
    probabilities = {
        name: next((c for c in (name, *(p + name for p in PROBABILITY)) if c in there), None)
        for name in labels.names
    }
    given = all(probabilities.values()) and len(set(probabilities.values())) == len(probabilities)
    columns: dict[str, str | None] = {
        "text": _column(records, config.text_column, "text", guess_text(records)),
    }
    text = columns["text"]
    if text is None:
        raise DataError(
            f"{records.name} has no column of texts to match its labels by. Its columns are "
            f"{', '.join(records.columns)}. Name the right one as the text column."
        )
    guessed = None if given else guess_label(records, text, guess_id(records))
    columns["label"] = _column(records, config.label_column, "label", guessed)
    columns["confidence"] = _column(records, config.confidence_column, "confidence", None)
    if given and not set(labels.names) & RESERVED:
        columns |= probabilities
    elif columns["label"] is None:
        raise DataError(
            f"{records.name} has neither a column 'label' nor one column of probabilities for "
            f"each class ({', '.join(labels.names)}). Name the right one as the label column."
        )
    return {part: column for part, column in columns.items() if column is not None}


def _column(records: Records, wanted: str | None, usual: str, guess: str | None) -> str | None:
    """The column that was asked for, else the one with the usual name, else the guess."""
    if wanted is None:
        return usual if usual in records.columns else guess
    if wanted not in records.columns:
        raise DataError(
            f"There is no column {wanted!r} in {records.name}. Its columns are "
            f"{', '.join(records.columns)}."
        )
    return wanted


def _batch(index: Ints, scores: Floats, answers: Ints, source: str) -> ScoredBatch:
    return ScoredBatch(index=index, scores=scores, answer=answers, source=source)


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value)) or value == ""


def _key(text: str) -> str:
    """What is the same text: white space and Unicode composition aside."""
    return " ".join(unicodedata.normalize("NFC", text).split())
