"""A strategy in one file, as somebody would add it: every other text of a batch."""

from dataclasses import dataclass

import numpy as np

from llkd.selection import signals
from llkd.selection.batch import labels_of
from llkd.selection.strategy import SelectionResult
from llkd.selection.strategy_spec import StrategySpec


@dataclass(frozen=True)
class EveryOther:
    """The first, third, fifth … text of each batch, weights 1; with ``count`` the first ones."""

    classes: int
    needs_student = False
    needs_confidence = False

    def step(
        self,
        teacher_probs,
        student_probs=None,
        *,
        rng=None,
        count=None,
        positions=None,
        label=None,
    ):
        """Decide one batch."""
        place = np.arange(len(teacher_probs))
        selected = place % 2 == 0 if count is None else place < count
        thresholds = np.zeros(self.classes)
        confidence = signals.confidence(teacher_probs)
        return self, SelectionResult(
            labels_of(teacher_probs, label),
            confidence,
            np.full(len(place), np.nan),
            thresholds,
            thresholds,
            selected,
            selected.astype(np.float64),
        )

    def state(self):
        """Nothing moves."""
        return {}

    def restored(self, state):
        """Nothing moves."""
        return self


TOY = StrategySpec(
    name="every_other",
    make=lambda config, names: EveryOther(len(names)),
    label="Every other text",
    summary="The first, third, fifth text of each batch.",
    colour="#123456",
    takes=frozenset({"reference_counts"}),
    skip_reason="an even one",
    arm="one text in two",
)
