"""The numbers of a file of labels as log-probabilities of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from llkd.config import LabelSet
from llkd.errors import DataError
from llkd.teachers.base import Ints
from llkd.teachers.imported.cells import Doubles, filled, floats

SCORE = "score_"
"""How the columns of raw scores begin, before the name of the class."""
_CERTAIN = 1 - 1e-9  # a confidence of 1 would make the other scores minus infinity


@dataclass(frozen=True)
class ScoreColumns:
    """A table with a column for each class, or a ``confidence``, and what its file calls them.

    Each method gives ``[rows, classes]``, NaN in rows that say nothing, and raises DataError naming
    the row of a cell that is no such number.
    """

    table: pa.Table
    labels: LabelSet
    identity: dict[str, Any]

    @property
    def name(self) -> str:
        """The file's name."""
        return str(self.identity["file"])

    @property
    def raw(self) -> bool:
        """Whether the file's numbers are scores and no probabilities."""
        names = self.labels.names
        return all(self._called(n) != n and self._called(n).startswith(SCORE) for n in names)

    def _called(self, part: str) -> str:
        """What the file itself calls a column."""
        return str(self.identity.get("columns", {}).get(part, part))

    def from_probabilities(self) -> Doubles:
        """Log-probabilities ``[rows, classes]``; NaN in rows with an empty cell."""
        names = self.labels.names
        complete = np.logical_and.reduce([filled(self.table.column(name)) for name in names])
        values = self._numbers(names, complete)
        total = values.sum(axis=1)
        nothing = np.flatnonzero(complete & (total <= 0))
        if len(nothing):
            raise DataError(f"{self.name}, row {nothing[0] + 1}: the probabilities are all 0.")
        values[complete] /= total[complete, None]
        return np.asarray(np.log(np.maximum(values, 1 - _CERTAIN)))  # a NaN stays one

    def from_scores(self) -> Doubles:
        """Raw scores ``[rows, classes]`` as log-probabilities; NaN in rows with an empty cell."""
        names = self.labels.names
        complete = np.logical_and.reduce([filled(self.table.column(name)) for name in names])
        values = np.stack([floats(self.table.column(name)) for name in names], axis=1)
        values[~complete] = np.nan
        # A log-probability of 0 is minus infinity, but not of all classes.
        nothing = complete & (values == -np.inf).all(axis=1)
        bad = complete[:, None] & (np.isnan(values) | (values == np.inf) | nothing[:, None])
        for row, k in np.argwhere(bad)[:1].tolist():
            cell = str(self.table.column(names[k])[row].as_py())
            raise DataError(
                f"{self.name}, row {row + 1}: {self._called(names[k])!r} must be a number, but it "
                f"was {cell[:40]!r}."
            )
        values = values - values.max(axis=1, keepdims=True)
        values -= np.log(np.exp(values).sum(axis=1, keepdims=True))
        return np.asarray(np.maximum(values, np.log(1e-300)))  # a NaN stays one

    def from_confidence(self, label: Ints) -> Doubles:
        """The label's confidence, the rest shared evenly; NaN where there is none."""
        rows, classes = len(label), len(self.labels.labels)
        if "confidence" not in self.table.column_names:
            return np.full((rows, classes), np.nan)
        complete = (label >= 0) & filled(self.table.column("confidence"))
        confidence = self._numbers(["confidence"], complete)[:, 0]
        rest = (1 - np.minimum(confidence, _CERTAIN)) / (classes - 1)
        values = np.repeat(rest[:, None], classes, axis=1)
        own = np.clip(confidence[complete], 1 - _CERTAIN, _CERTAIN)
        values[np.arange(rows)[complete], label[complete]] = own
        return np.asarray(np.log(values))

    def _numbers(self, columns: Sequence[str], rows: npt.NDArray[np.bool_]) -> Doubles:
        """``[rows, columns]`` from 0 to 1 in the rows ``wanted``, NaN in the others."""
        numbers = np.stack([floats(self.table.column(name)) for name in columns], axis=1)
        numbers[~rows] = np.nan
        with np.errstate(invalid="ignore"):
            bad = rows[:, None] & ~((numbers >= 0) & (numbers <= 1))
        for row, k in np.argwhere(bad)[:1].tolist():
            called, cell = self._called(columns[k]), str(self.table.column(columns[k])[row].as_py())
            raise DataError(
                f"{self.name}, row {row + 1}: {called!r} must be a number from 0 to 1, but it was "
                f"{cell[:40]!r}."
            )
        return numbers
