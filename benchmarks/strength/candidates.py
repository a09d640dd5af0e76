"""Candidates that choose by rank: not strategies of the product, but walked by the same steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.selection.batch import Batch, highest
from llkd.selection.inputs import StrategyInputs
from llkd.selection.signals import Floats, Ints
from llkd.selection.strategies.neighbours import Support
from llkd.selection.strategy_spec import DEFAULT_SHARE
from llkd.selection.window import scored_result

LIKELY_SHARE = 0.5


@dataclass(frozen=True)
class Ranked:
    """The highest of a score in each batch; ``score`` of (support, information need, progress).

    ``progress`` in [0, 1] says how far training is. Needs to be told of the pool.
    """

    classes: int
    total_steps: int
    score: Callable[[Support, Floats, float], Floats]
    support: Support | None = None
    step_number: int = 0

    needs_student = True
    needs_confidence = True

    def prepare(self, inputs: StrategyInputs) -> Ranked:
        """Know which labels the nearest texts bear out, and which are likely in their class."""
        if inputs.passes is None or inputs.support is None:
            raise ValueError("A ranked candidate needs to know what the nearest texts say.")
        label = np.asarray(inputs.teacher_probs).argmax(axis=1)
        likely = np.zeros(len(label), dtype=bool)
        for k in np.unique(label):
            mine = label == k
            least = np.quantile(inputs.support[mine], 1 - LIKELY_SHARE)
            likely |= mine & (inputs.support >= least)
        return replace(self, support=Support(likely, inputs.support))

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
        label: Ints | None = None,
    ) -> tuple[Ranked, Any]:
        """Decide one batch."""
        batch = Batch.of(self.classes, teacher_probs, student_probs)
        if self.support is None or positions is None or rng is None:
            raise ValueError("A ranked candidate must be told of the pool first.")
        if count is None:
            count = int(np.floor(DEFAULT_SHARE * len(batch.label) + rng.random()))
        support = Support(*(values[positions] for values in self.support))
        score = self.score(support, batch.need, self.step_number / max(1, self.total_steps))
        after = replace(self, step_number=self.step_number + 1)
        return after, scored_result(batch, self.classes, highest(score, count))

    def state(self) -> dict[str, Any]:
        """How far it is."""
        return {"step": self.step_number}

    def restored(self, state: dict[str, Any]) -> Ranked:
        """At that step."""
        return replace(self, step_number=int(state["step"]))


def _likely_needed(support: Support, need: Floats, progress: float) -> Floats:
    """The better supported half of each class, and of it the neediest."""
    return 2.0 * support.passes + need


def _curriculum(support: Support, need: Floats, progress: float) -> Floats:
    """Of the likely half the best supported at first, the neediest at last."""
    return 2.0 * support.passes + (1 - progress) * _place(support.rank) + progress * _place(need)


def _place(values: Floats) -> Floats:
    """Rank in the batch, in [0, 1]."""
    return np.argsort(np.argsort(values, kind="stable")) / max(1, len(values) - 1)


CANDIDATES: dict[str, Callable[[int, int], Ranked]] = {
    "likely_needed": lambda classes, steps: Ranked(classes, steps, _likely_needed),
    "curriculum": lambda classes, steps: Ranked(classes, steps, _curriculum),
}
