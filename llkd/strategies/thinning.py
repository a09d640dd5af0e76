"""Random draws within a batch: the controls that any cleverer choice is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError
from llkd.selection import Bools, SelectionResult, Strategy
from llkd.signals import Floats, Ints
from llkd.strategies.inputs import selectable


@dataclass(frozen=True)
class RandomThinning:
    """A gate, then a random draw within the batch: the control for any cleverer choice.

    ``count`` (of a reference run's step) fixes how many are drawn; without it ``share`` of the
    batch is, rounded at random so that the share is met on average. Needs ``rng``.
    """

    gate: Strategy
    share: float | None = None

    @property
    def needs_student(self) -> bool:
        """As the gate."""
        return self.gate.needs_student

    @property
    def needs_confidence(self) -> bool:
        """As the gate."""
        return self.gate.needs_confidence

    def selectable(self, label: Ints, confidence: Floats) -> Bools:
        """As the gate."""
        return selectable(self.gate, label, confidence)

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
        label: Ints | None = None,
    ) -> tuple[RandomThinning, SelectionResult]:
        """Draw from what the gate lets through."""
        if rng is None:
            raise ConfigError("A random strategy needs a random generator.")
        gate, result = self.gate.step(teacher_probs, student_probs, label=label)
        allowed = np.flatnonzero(result.selected)
        if count is None:
            if self.share is None:
                raise ConfigError("A random strategy needs a share or a reference run.")
            count = int(np.floor(self.share * len(result.selected) + rng.random()))
        drawn = rng.permutation(allowed)[:count]
        selected = np.zeros(len(result.selected), dtype=bool)
        selected[drawn] = True
        weight = np.where(selected, result.weight, 0.0)
        if selected.any():
            weight = weight / weight[selected].mean()
        return replace(self, gate=gate), replace(result, selected=selected, weight=weight)

    def state(self) -> dict[str, Any]:
        """The gate's."""
        return {"gate": self.gate.state()}

    def restored(self, state: Mapping[str, Any]) -> RandomThinning:
        """With the gate's averages of ``state``."""
        return replace(self, gate=self.gate.restored(state["gate"]))
