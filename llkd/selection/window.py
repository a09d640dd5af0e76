"""A text judged against those of recent batches: the window, and what its strategies share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError
from llkd.selection.batch import Batch, highest
from llkd.selection.signals import Bools, Floats, Ints
from llkd.selection.strategy import SelectionResult

LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True)
class Window:
    """Values of the last ``length`` batches, oldest first; empty batches do not count."""

    length: int
    batches: tuple[Floats, ...] = ()

    def pushed(self, values: Floats) -> Window:
        """With one more batch, and without those too old."""
        if not len(values):
            return self
        return Window(self.length, (*self.batches, values)[-self.length :])

    @property
    def full(self) -> bool:
        """Whether ``length`` batches are there."""
        return len(self.batches) == self.length

    @property
    def values(self) -> Floats:
        """All of them in one array."""
        return np.concatenate(self.batches) if self.batches else np.zeros(0)

    def above(self, score: Floats, share: float, count: int | None) -> Bools:
        """Which of a batch's scores ``[B]`` are among the window's highest ``share``.

        With ``count`` the batch's own highest, whatever the window holds.
        """
        if count is not None:
            return highest(score, count)
        if not self.batches:
            return np.zeros(len(score), dtype=np.bool_)
        return np.asarray(score >= np.quantile(self.values, 1 - share))

    def state(self) -> list[Any]:
        """As JSON values."""
        return [batch.tolist() for batch in self.batches]

    def restored(self, state: Sequence[Any]) -> Window:
        """With the batches of ``state``."""
        batches = tuple(np.asarray(batch, dtype=np.float64) for batch in state)
        return replace(self, batches=batches)


def cross_entropy(probability: Floats) -> Floats:
    """-ln p, finite for a probability of 0."""
    return -np.log(np.maximum(probability, LEAST_PROBABILITY))


def batch_with_student(
    classes: int,
    teacher_probs: npt.ArrayLike,
    student_probs: npt.ArrayLike | None,
    label: Ints | None = None,
) -> Batch:
    """Both sides' signals. Raises ConfigError without the student's."""
    if student_probs is None:
        raise ConfigError("This strategy needs the student's probabilities for every batch.")
    return Batch.of(classes, teacher_probs, student_probs, label)


def scored_result(
    batch: Batch, classes: int, selected: Bools, weight: Floats | None = None
) -> SelectionResult:
    """A decision by another measure than the two thresholds, which are 0; weights 1 if not given.

    ``weight [B]`` is rescaled to mean 1 over the selected.
    """
    raw = np.where(selected, 1.0 if weight is None else weight, 0.0)
    mean = raw.sum() / max(1, int(selected.sum()))
    scaled = raw / mean if mean > 0 else selected.astype(np.float64)
    none = np.zeros(classes)
    return SelectionResult(batch.label, batch.confidence, batch.need, none, none, selected, scaled)
