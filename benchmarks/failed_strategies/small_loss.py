"""``small_loss``, which collapsed (docs/experiments.md): labels that the student finds easy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.failed_strategies.mixture import Mixture, fit_two
from llkd.selection.batch import highest
from llkd.selection.signals import Ints
from llkd.selection.strategy import SelectionResult
from llkd.selection.window import Window, batch_with_student, cross_entropy, scored_result

REFIT_EVERY = 5


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
        loss = cross_entropy(batch.label_prob)
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
