"""SoftMatch weights over any selection (Chen et al. 2023, arXiv 2301.10921)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.selection.inputs import StrategyInputs, prepared, selectable
from llkd.selection.moving_mean import MovingMean
from llkd.selection.signals import Bools, Floats, Ints
from llkd.selection.strategy import SelectionResult, Strategy

_UPDATED = np.array([True])


@dataclass(frozen=True)
class SoftMatchWeights:
    """Less weight the further a text's confidence lies below the moving mean.

    w = exp(-min(c - m, 0)^2 / (2 v)) with m and v the moving mean and (unbiased) variance of the
    teacher confidence of whole batches, largest weight 1; then rescaled to mean 1 over the
    selected, as all weights are. Where v is 0, nothing below m counts.
    """

    inner: Strategy
    momentum: float = 0.9
    mean: MovingMean = field(default_factory=lambda: MovingMean.zeros(1), repr=False)
    variance: MovingMean = field(default_factory=lambda: MovingMean.zeros(1), repr=False)

    @property
    def needs_student(self) -> bool:
        """As the selection it weighs."""
        return self.inner.needs_student

    @property
    def needs_confidence(self) -> bool:
        """As the selection it weighs."""
        return self.inner.needs_confidence

    def selectable(self, label: Ints, confidence: Floats) -> Bools:
        """As the selection it weighs."""
        return selectable(self.inner, label, confidence)

    @property
    def filled(self) -> int:
        """The inner strategy's."""
        return int(getattr(self.inner, "filled", 0))

    def prepare(self, inputs: StrategyInputs) -> SoftMatchWeights:
        """Hand on what the inner strategy may want to know."""
        return replace(self, inner=prepared(self.inner, inputs))

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
        label: Ints | None = None,
    ) -> tuple[SoftMatchWeights, SelectionResult]:
        """Select as the inner strategy does, then weigh."""
        inner, result = self.inner.step(
            teacher_probs, student_probs, rng=rng, count=count, positions=positions, label=label
        )
        after = replace(self, inner=inner)._updated(result.confidence)
        return after, replace(result, weight=after._weights(result))

    def _updated(self, confidence: Floats) -> SoftMatchWeights:
        confidence = confidence[np.isfinite(confidence)]
        if not len(confidence):
            return self
        mean = self.mean.update(np.array([confidence.mean()]), _UPDATED, self.momentum)
        variance = self.variance
        if len(confidence) > 1:
            spread = np.array([confidence.var(ddof=1)])
            variance = variance.update(spread, _UPDATED, self.momentum)
        return replace(self, mean=mean, variance=variance)

    def _weights(self, result: SelectionResult) -> Floats:
        below = np.minimum(result.confidence - self.mean.value(self.momentum), 0.0)
        variance = max(float(self.variance.value(self.momentum)[0]), 1e-12)
        weight = result.selected.astype(np.float64)  # a label without a confidence weighs 1
        finite = result.selected & np.isfinite(below)
        raw = np.exp(-(below[finite] ** 2) / (2 * variance))
        total = raw.sum()
        if total > 0:
            weight[finite] = raw * (finite.sum() / total)
        return weight

    def state(self) -> dict[str, Any]:
        """Both averages and the inner strategy's state."""
        return {
            "inner": self.inner.state(),
            "mean": self.mean.state(),
            "variance": self.variance.state(),
        }

    def restored(self, state: Mapping[str, Any]) -> SoftMatchWeights:
        """With the averages of ``state``."""
        return replace(
            self,
            inner=self.inner.restored(state["inner"]),
            mean=MovingMean.restored(state["mean"]),
            variance=MovingMean.restored(state["variance"]),
        )
