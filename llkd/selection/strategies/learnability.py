"""``learnability``: what the student has yet to learn and the teacher finds easy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.selection.signals import Ints
from llkd.selection.strategy import SelectionResult
from llkd.selection.strategy_spec import DEFAULT_SHARE, StrategySpec
from llkd.selection.window import Window, batch_with_student, cross_entropy, scored_result


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
        score = cross_entropy(batch.label_prob) - cross_entropy(batch.confidence)
        window = self.window.pushed(score)
        selected = window.above(score, self.share, count)
        return replace(self, window=window), scored_result(batch, self.num_classes, selected)

    def state(self) -> dict[str, Any]:
        """The window."""
        return {"window": self.window.state()}

    def restored(self, state: Mapping[str, Any]) -> Learnability:
        """With the window of ``state``."""
        return replace(self, window=self.window.restored(state["window"]))


LEARNABILITY = StrategySpec(
    name="learnability",
    make=lambda config, names: Learnability(
        len(names), config.share or DEFAULT_SHARE, config.window
    ),
    label="Learnability",
    summary="Texts that the student finds much harder than the teacher does.",
    colour="#999933",
    needs=frozenset({"confidence", "student"}),
    takes=frozenset({"share", "reference_counts"}),
    default_share=DEFAULT_SHARE,
    skip_reason="others scored higher",
    arm="hard for the student, easy for the teacher",
)
