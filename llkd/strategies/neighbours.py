"""Train on labels that the nearest texts carry too, thinned at random to a share."""

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
class Neighbours:
    """A text passes whose label no other class outvotes among its nearest texts.

    The votes are the pool's ``out_of_sample`` shares (``curation.neighbour_votes``). Of those that
    pass, ``share`` of the batch is drawn at random, rounded at random so that the share is met on
    average; fewer where fewer pass. With ``count`` (of a reference run's step) so many are taken:
    where too few pass, those with the most votes for their label come next. The student is not
    asked, so nothing is spent on scoring. Needs ``rng`` and ``positions``.
    """

    classes: int
    share: float
    votes: Floats | None = field(default=None, repr=False)

    @property
    def needs_student(self) -> bool:
        """Never."""
        return False

    def prepare(self, inputs: StrategyInputs) -> Neighbours:
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
    ) -> tuple[Neighbours, SelectionResult]:
        """Draw from one batch; ``positions`` say which texts of the pool it holds."""
        if self.votes is None or positions is None or rng is None:
            raise ConfigError("The strategy 'neighbours' must be told of the pool first.")
        label = signals.pseudo_label(teacher_probs)
        said = self.votes[positions]
        own = np.where(label >= 0, said[np.arange(len(label)), np.maximum(label, 0)], -1.0)
        passed = (own > 0) & (own >= said.max(axis=1, initial=0.0))
        order = rng.permutation(len(label))
        if count is None:
            order = order[passed[order]]
            count = int(np.floor(self.share * len(label) + rng.random()))
        else:
            order = order[np.argsort(-(own * ~passed + 2.0 * passed)[order], kind="stable")]
        selected = np.zeros(len(label), dtype=bool)
        selected[order[:count]] = True
        selected &= label >= 0
        nothing = np.zeros(self.classes)
        return self, SelectionResult(
            label,
            signals.confidence(teacher_probs),
            np.full(len(label), np.nan),
            nothing,
            nothing,
            selected,
            selected.astype(np.float64),
        )

    def state(self) -> dict[str, Any]:
        """Nothing moves."""
        return {}

    def restored(self, state: Mapping[str, Any]) -> Neighbours:
        """Nothing moves."""
        return self
