"""Random draws within a batch: the controls that any cleverer choice is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError
from llkd.selection.inputs import selectable
from llkd.selection.signals import Bools, Floats, Ints
from llkd.selection.strategies.adaptive import adaptive
from llkd.selection.strategies.fixed import every_text
from llkd.selection.strategy import SelectionResult, Strategy
from llkd.selection.strategy_spec import StrategySpec, weighs_confidence
from llkd.selection.weights import selection_weights


@dataclass(frozen=True)
class RandomThinning:
    """A gate, then a random draw within the batch: the control for any cleverer choice.

    ``count`` (of a reference run's step) fixes how many are drawn; without it ``share`` of the
    batch is, rounded at random so that the share is met on average. Where the gate lets through
    fewer than ``count``, those nearest below its thresholds come next, so that a control takes as
    many as its reference; ``filled`` counts them. Needs ``rng``.
    """

    gate: Strategy
    share: float | None = None
    filled: int = 0

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
        reference_count = count
        if count is None:
            if self.share is None:
                raise ConfigError("A random strategy needs a share or a reference run.")
            count = int(np.floor(self.share * len(result.selected) + rng.random()))
        sampled = rng.permutation(allowed)[:count]
        selected = np.zeros(len(result.selected), dtype=bool)
        selected[sampled] = True
        weight = np.where(selected, result.weight, 0.0)
        if selected.any():
            weight = weight / weight[selected].mean()
        further = _nearest_below(result, (reference_count or 0) - len(sampled))
        if len(further):
            selected[further] = True
            weighting = getattr(gate, "weighting", "none")
            ones = np.ones(len(selected))
            weight = selection_weights(result.confidence, ones, selected, weighting)
        after = replace(self, gate=gate, filled=self.filled + len(further))
        return after, replace(result, selected=selected, weight=weight)

    def state(self) -> dict[str, Any]:
        """The gate's, and how many were added."""
        return {"gate": self.gate.state(), "filled": self.filled}

    def restored(self, state: Mapping[str, Any]) -> RandomThinning:
        """With the gate's averages of ``state``."""
        gate = self.gate.restored(state["gate"])
        return replace(self, gate=gate, filled=int(state.get("filled", 0)))


def _nearest_below(result: SelectionResult, count: int) -> Ints:
    """The ``count`` texts that the gate did not let through and that missed it by the least."""
    others = np.flatnonzero(~result.selected & (result.pseudo_label >= 0))
    label = result.pseudo_label[others]
    margin = result.confidence[others] - result.teacher_threshold[label]
    return np.asarray(others[np.argsort(-margin, kind="stable")[: max(0, count)]])


RANDOM = StrategySpec(
    name="random",
    make=lambda config, names: RandomThinning(every_text(names), config.share),
    label="Random",
    summary="A random share of each batch: the control for any cleverer choice.",
    colour="#CC79A7",
    takes=frozenset({"share", "reference_counts"}),
    skip_reason="not drawn",
    arm="as many texts, at random",
    control="drawn at random",
    softmatch=False,  # a random draw is the control: it weighs nothing
)
TEACHER_THEN_RANDOM = StrategySpec(
    name="teacher_then_random",
    make=lambda config, names: RandomThinning(
        adaptive(config, names, student_gate=False), config.share
    ),
    label="Random among confident",
    summary="Texts the teacher is sure of, thinned at random to a share: what LLKD adds over it is "
    "the student's signal.",
    colour="#009E73",
    needs=frozenset({"confidence"}),
    takes=frozenset({"share", "reference_counts", "moving_thresholds"}),
    skip_reason="not drawn",
    arm="as many, at random, teacher sure",
    control="drawn at random where the teacher is sure",
    weight_formula=weighs_confidence,
)
