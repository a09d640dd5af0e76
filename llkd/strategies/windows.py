"""Strategies that judge a text against those of recent batches: learnability and small loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError
from llkd.selection import Batch, Bools, SelectionResult, highest
from llkd.signals import Floats, Ints
from llkd.strategies.mixture import Mixture, fit_two

LEAST_PROBABILITY = 1e-12
REFIT_EVERY = 5


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
        kept = tuple(np.asarray(batch, dtype=np.float64) for batch in state)
        return replace(self, batches=kept)


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


@dataclass(frozen=True)
class Learnability:
    """What the student has yet to learn and the teacher finds easy (after RHO-loss).

    Score: the student's cross-entropy on the pseudo-label minus the teacher's, ln q - ln p. The
    top ``share`` of the scores of the last ``length`` batches, this one among them, is selected;
    with ``count`` the batch's own highest. Weights 1. Mindermann et al. 2022, with the teacher as
    the reference model.
    """

    num_classes: int
    share: float
    length: int = 20
    window: Window = field(default=None, repr=False)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """Start with an empty window."""
        if self.window is None:
            object.__setattr__(self, "window", Window(self.length))

    @property
    def needs_student(self) -> bool:
        """Always."""
        return True

    @property
    def needs_confidence(self) -> bool:
        """Always: it is half of the score."""
        return True

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
        label: Ints | None = None,
    ) -> tuple[Learnability, SelectionResult]:
        """Take in one batch, then select from it."""
        batch = batch_with_student(self.num_classes, teacher_probs, student_probs)
        score = cross_entropy(batch.own) - cross_entropy(batch.confidence)
        window = self.window.pushed(score)
        selected = window.above(score, self.share, count)
        return replace(self, window=window), scored_result(batch, self.num_classes, selected)

    def state(self) -> dict[str, Any]:
        """The window."""
        return {"window": self.window.state()}

    def restored(self, state: Mapping[str, Any]) -> Learnability:
        """With the window of ``state``."""
        return replace(self, window=self.window.restored(state["window"]))


@dataclass(frozen=True)
class SmallLoss:
    """Labels that the student finds easy: wrong ones are learned last (DivideMix, Li et al. 2020).

    Two Gaussians are fitted to the student's losses of the last ``length`` batches, anew every
    :data:`REFIT_EVERY` batches; a text is selected where the lower one is at least as likely as
    the other. Until the window is full every text is; with ``count`` the batch's lowest losses
    are. Weights 1.
    """

    num_classes: int
    length: int = 20
    window: Window = field(default=None, repr=False)  # type: ignore[assignment]
    mixture: Mixture | None = None
    age: int = 0

    def __post_init__(self) -> None:
        """Start with an empty window."""
        if self.window is None:
            object.__setattr__(self, "window", Window(self.length))

    @property
    def needs_student(self) -> bool:
        """Always."""
        return True

    @property
    def needs_confidence(self) -> bool:
        """Never: the student's loss on the label decides."""
        return False

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
        label: Ints | None = None,
    ) -> tuple[SmallLoss, SelectionResult]:
        """Take in one batch, then select from it."""
        batch = batch_with_student(self.num_classes, teacher_probs, student_probs, label)
        loss = cross_entropy(batch.own)
        after = replace(self, window=self.window.pushed(loss))._refitted()
        if count is not None:
            selected = highest(-loss, count)
        elif after.mixture is None:
            selected = np.ones(len(loss), dtype=np.bool_)
        else:
            selected = after.mixture.low(loss) >= 0.5
        return after, scored_result(batch, self.num_classes, selected)

    def _refitted(self) -> SmallLoss:
        if not self.window.full:
            return self
        if self.mixture is not None and self.age + 1 < REFIT_EVERY:
            return replace(self, age=self.age + 1)
        return replace(self, mixture=fit_two(self.window.values), age=0)

    def state(self) -> dict[str, Any]:
        """The window, the fit and its age."""
        fit = None if self.mixture is None else self.mixture.state()
        return {"window": self.window.state(), "mixture": fit, "age": self.age}

    def restored(self, state: Mapping[str, Any]) -> SmallLoss:
        """With the window and the fit of ``state``."""
        fit = state["mixture"]
        return replace(
            self,
            window=self.window.restored(state["window"]),
            mixture=None if fit is None else Mixture.restored(fit),
            age=int(state["age"]),
        )
