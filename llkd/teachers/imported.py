"""Labels that another tool or model made, read from a file and matched by text."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llkd import models
from llkd.config import LabelSet, TeacherConfig
from llkd.datasets import Records, read_records
from llkd.datasets.columns import guess_id, guess_label, guess_text
from llkd.errors import DataError, NotFound
from llkd.teachers.base import Floats, Ints, ScoredBatch

Doubles = npt.NDArray[np.float64]

BATCH = 8192
CERTAIN = 1 - 1e-9  # a confidence of 1 would make the other scores minus infinity
RESERVED = {"id", "text", "label", "confidence"}
PROBABILITY = ("probability_", "prob_", "p_")


class ImportedTeacher:
    """Looks labels up by text. After ``score`` the counts say what could not be used.

    ``unmatched``: texts the file does not hold; ``unknown``: texts whose label is no class;
    ``conflicting``: texts the file labels in two ways. Each gets the answer -1.
    """

    def __init__(self, table: pa.Table, labels: LabelSet, identity: dict[str, Any]) -> None:
        """``table``: string columns ``text`` and ``label`` or a probability by class name.

        A ``confidence`` is a number from 0 to 1. Raises DataError naming the row otherwise.
        """
        self._labels = labels
        self._identity = identity
        columns = set(table.column_names)
        probabilities = not (set(labels.names) & RESERVED) and columns >= set(labels.names)
        if "text" not in columns:
            raise DataError(f"{self._name} has no column 'text' to match its labels by.")
        if "label" not in columns and not probabilities:
            raise DataError(
                f"{self._name} has neither a column 'label' nor one column of probabilities for "
                f"each class ({', '.join(labels.names)})."
            )
        named, label = self._named(table)
        if probabilities:
            scores = self._from_probabilities(table)
        else:
            scores = self._from_confidence(table, label)
        known = np.isfinite(scores).all(axis=1)
        # A confidence that is not that of the label is none.
        scores[named & known & (scores.argmax(axis=1) != label)] = np.nan
        # The explicit answer; -1 where the scores say it.
        answers = np.where(np.isfinite(scores).all(axis=1), -1, label)
        texts = table.column("text")
        if texts.null_count:  # a record without a text labels none
            there = np.flatnonzero(texts.is_valid().to_numpy())
            texts, answers, scores = texts.drop_null(), answers[there], scores[there]
        self._remember(texts, answers, scores)
        self.unmatched = self.unknown = self.conflicting = 0
        self.cut = 0

    @property
    def _name(self) -> str:
        return str(self._identity["file"])

    def _called(self, part: str) -> str:
        """What the file itself calls a column."""
        return str(self._identity.get("columns", {}).get(part, part))

    def describe(self) -> dict[str, Any]:
        """The file's name and sha256, and the classes."""
        return {
            "kind": "file",
            **self._identity,
            "classes": self._labels.asked_names,
        }

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield the file's labels for these texts, those with a confidence apart from the rest."""
        for start in range(0, len(texts), BATCH):
            answers, scores = self._look_up(texts[start : start + BATCH])
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

    def _look_up(self, texts: Sequence[str]) -> tuple[Ints, Floats]:
        at = np.array([self._places.get(key, -1) for key in _keys(texts)], dtype=np.int64)
        found = at >= 0
        torn = found & self._torn[at]
        usable = found & ~torn
        answers = np.where(usable, self._answers[at], -1)
        scores = np.where(usable[:, None], self._scores[at], np.nan).astype(np.float32)
        self.unmatched += int((~found).sum())
        self.conflicting += int(torn.sum())
        self.unknown += int((usable & (answers < 0) & ~np.isfinite(scores).all(axis=1)).sum())
        return answers, scores

    def _remember(self, texts: pa.ChunkedArray, answers: Ints, scores: Doubles) -> None:
        """The first entry of each different text, and whether a later one says otherwise."""
        self._places: dict[str, int] = {}
        code = np.empty(len(texts), dtype=np.int64)
        first: list[int] = []
        for row, key in enumerate(_keys(texts.to_pylist())):
            code[row] = place = self._places.setdefault(key, len(first))
            if place == len(first):
                first.append(row)
        with np.errstate(invalid="ignore"):
            equal = (scores == scores[first][code]).all(axis=1)
        equal |= np.isnan(scores).any(axis=1) & np.isnan(scores[first][code]).any(axis=1)
        equal &= answers == answers[first][code]
        # One more entry than texts, so that there is one to look at where the file holds none.
        self._torn = np.zeros(len(first) + 1, dtype=bool)
        self._torn[code[~equal]] = True
        self._answers = np.append(answers[first], -1)
        blank = np.full((1, scores.shape[1]), np.nan, dtype=scores.dtype)
        self._scores = np.concatenate([scores[first], blank])

    def _named(self, table: pa.Table) -> tuple[npt.NDArray[np.bool_], Ints]:
        """Whether a row has a label, and its class; -1 for none or one that is no class."""
        if "label" not in table.column_names:
            return np.zeros(table.num_rows, dtype=bool), np.full(table.num_rows, -1)
        classes = {word.casefold(): k for word, k in self._labels.spellings.items()}
        column = pc.fill_null(table.column("label"), "")
        different = pc.dictionary_encode(column).combine_chunks()
        cells = [cell.strip() for cell in different.dictionary.to_pylist()]
        code = different.indices.to_numpy(zero_copy_only=False)
        named = np.array([cell != "" for cell in cells], dtype=bool)
        index = np.array([classes.get(cell.casefold(), -1) for cell in cells], dtype=np.int64)
        return named[code], index[code]

    def _from_probabilities(self, table: pa.Table) -> Doubles:
        """Log-probabilities ``[rows, classes]``; NaN in rows with an empty cell."""
        names = self._labels.names
        given = np.logical_and.reduce([_filled(table.column(name)) for name in names])
        values = self._numbers(table, names, given)
        total = values.sum(axis=1)
        nothing = np.flatnonzero(given & (total <= 0))
        if len(nothing):
            raise DataError(f"{self._name}, row {nothing[0] + 1}: the probabilities are all 0.")
        values[given] /= total[given, None]
        return np.asarray(np.log(np.maximum(values, 1 - CERTAIN)))  # a NaN stays one

    def _from_confidence(self, table: pa.Table, label: Ints) -> Doubles:
        """The label's confidence, the rest shared evenly; NaN where there is none."""
        rows, classes = len(label), len(self._labels.labels)
        if "confidence" not in table.column_names:
            return np.full((rows, classes), np.nan)
        given = (label >= 0) & _filled(table.column("confidence"))
        confidence = self._numbers(table, ["confidence"], given)[:, 0]
        rest = (1 - np.minimum(confidence, CERTAIN)) / (classes - 1)
        values = np.repeat(rest[:, None], classes, axis=1)
        own = np.clip(confidence[given], 1 - CERTAIN, CERTAIN)
        values[np.arange(rows)[given], label[given]] = own
        return np.asarray(np.log(values))

    def _numbers(
        self, table: pa.Table, columns: Sequence[str], wanted: npt.NDArray[np.bool_]
    ) -> Doubles:
        """``[rows, columns]`` from 0 to 1 in the rows ``wanted``, NaN in the others."""
        found = np.stack([_floats(table.column(name)) for name in columns], axis=1)
        found[~wanted] = np.nan
        with np.errstate(invalid="ignore"):
            bad = wanted[:, None] & ~((found >= 0) & (found <= 1))
        for row, k in np.argwhere(bad)[:1].tolist():
            called, cell = self._called(columns[k]), str(table.column(columns[k])[row].as_py())
            raise DataError(
                f"{self._name}, row {row + 1}: {called!r} must be a number from 0 to 1, but it was "
                f"{cell[:40]!r}."
            )
        return found


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
    table = records.table.select(list(columns.values())).rename_columns(list(columns))
    return ImportedTeacher(table, labels, identity)


def _columns(records: Records, config: TeacherConfig, labels: LabelSet) -> dict[str, str]:
    """Which column of the file plays which part: text, label, confidence, or a class's name."""
    there = set(records.columns)
    probabilities = {
        name: next(
            (p + word for word in words for p in ("", *PROBABILITY) if p + word in there), None
        )
        for name, words in zip(labels.names, labels.names_ever, strict=True)
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


def _filled(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    filled = pc.not_equal(pc.fill_null(column, ""), "")
    return np.asarray(filled.to_numpy(), dtype=bool)


def _floats(column: pa.ChunkedArray) -> Doubles:
    """The cells as numbers; NaN where a cell is none."""
    try:
        cells = pc.if_else(pc.equal(column, ""), None, column)
        numbers = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        numbers = pa.array([_float(cell) for cell in column.to_pylist()], pa.float64())
    return np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def _float(cell: str | None) -> float:
    try:
        return math.nan if cell is None else float(cell)
    except ValueError:
        return math.nan


def _keys(texts: Sequence[str]) -> list[str]:
    """What is the same text: white space and Unicode composition aside."""
    composed = unicodedata.normalize
    # Nothing of ASCII is composed, and looking takes a fraction of the time.
    return [" ".join((t if t.isascii() else composed("NFC", t)).split()) for t in texts]
