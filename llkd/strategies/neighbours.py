"""Keep a label that the nearest texts carry too: the gate of the strategy ``neighbours``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd import signals
from llkd.errors import ConfigError
from llkd.selection import SelectionResult
from llkd.signals import Floats, Ints
from llkd.strategies.inputs import StrategyInputs


@dataclass(frozen=True)
class NeighbourGate:
    """Lets a text pass whose label no other class outvotes among its nearest texts.

    The votes are the pool's ``out_of_sample`` shares (``curation.neighbour_votes``). The student
    is not asked, so nothing is spent on scoring.
    """

    classes: int
    votes: Floats | None = field(default=None, repr=False)

    @property
    def needs_student(self) -> bool:
        """Never."""
        return False

    def prepare(self, inputs: StrategyInputs) -> NeighbourGate:
        """Take the votes. Raises ConfigError where there are none."""
        if inputs.out_of_sample is None:
            raise ConfigError(
                "The strategy 'neighbours' needs the texts' embeddings. Run: llkd probe"
            )
        return replace(self, votes=inputs.out_of_sample)

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
    ) -> tuple[NeighbourGate, SelectionResult]:
        """Which texts of one batch pass; ``positions`` say which of the pool they are."""
        if self.votes is None or positions is None:
            raise ConfigError("The strategy 'neighbours' must be told of the pool first.")
        label = signals.pseudo_label(teacher_probs)
        said = self.votes[positions]
        own = said[np.arange(len(label)), np.maximum(label, 0)]
        passed = (label >= 0) & (own > 0) & (own >= said.max(axis=1))
        nothing = np.zeros(self.classes)
        return self, SelectionResult(
            label,
            signals.confidence(teacher_probs),
            np.full(len(label), np.nan),
            nothing,
            nothing,
            passed,
            passed.astype(np.float64),
        )

    def state(self) -> dict[str, Any]:
        """Nothing moves."""
        return {}

    def restored(self, state: Mapping[str, Any]) -> NeighbourGate:
        """Nothing moves."""
        return self
