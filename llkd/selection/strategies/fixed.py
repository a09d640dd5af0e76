"""``fixed``: thresholds that a person set; and ``all``, whose thresholds let everything through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.config import SelectionConfig
from llkd.selection import signals
from llkd.selection.batch import labels_of
from llkd.selection.signals import Bools, Floats, Ints
from llkd.selection.strategy import SelectionResult
from llkd.selection.strategy_spec import StrategySpec, weighs_both
from llkd.selection.thresholds import above_thresholds, class_thresholds
from llkd.selection.weights import batch_weighting, selection_weights


@dataclass(frozen=True)
class FixedThresholds:
    """Thresholds that a person set, the same at every step, one per class."""

    teacher_threshold: tuple[float, ...]
    student_threshold: tuple[float, ...]
    weighting: str = "product"

    @property
    def needs_student(self) -> bool:
        """Only where some student threshold is above 0."""
        return any(value > 0 for value in self.student_threshold)

    @property
    def needs_confidence(self) -> bool:
        """Never: a missing signal passes a threshold of 0, as on the plane."""
        return False

    def selectable(self, label: Ints, confidence: Floats) -> Bools:
        """Texts at or above the teacher's threshold; what the student will say nobody knows."""
        unknown = np.ones(len(label))
        return above_thresholds(
            label, confidence, unknown, self.teacher_threshold, self.student_threshold
        )

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
        label: Ints | None = None,
    ) -> tuple[FixedThresholds, SelectionResult]:
        """Select from one batch; nothing moves."""
        label = labels_of(teacher_probs, label)
        confidence = signals.confidence(teacher_probs)
        need = (
            np.full(len(confidence), np.nan)
            if student_probs is None
            else signals.information_need(student_probs)
        )
        selected = above_thresholds(
            label, confidence, need, self.teacher_threshold, self.student_threshold
        )
        weight = selection_weights(
            confidence, np.nan_to_num(need, nan=1.0), selected, self.weighting
        )
        return self, SelectionResult(
            label,
            confidence,
            need,
            np.array(self.teacher_threshold),
            np.array(self.student_threshold),
            selected,
            weight,
        )

    def state(self) -> dict[str, Any]:
        """Nothing moves."""
        return {}

    def restored(self, state: Mapping[str, Any]) -> FixedThresholds:
        """Nothing moves."""
        return self


def fixed_thresholds(config: SelectionConfig, class_names: Sequence[str]) -> FixedThresholds:
    """The thresholds of the settings. Raises ConfigError for one of no class."""
    return FixedThresholds(
        tuple(class_thresholds(config.teacher_threshold, class_names)),
        tuple(class_thresholds(config.student_threshold, class_names)),
        batch_weighting(config.weighting),
    )


def every_text(class_names: Sequence[str]) -> FixedThresholds:
    """Thresholds of 0, so that every label passes, with a weight of 1."""
    none = (0.0,) * len(class_names)
    return FixedThresholds(none, none, "none")


FIXED = StrategySpec(
    name="fixed",
    make=fixed_thresholds,
    label="Fixed thresholds",
    summary="Texts above thresholds that you set.",
    colour="#DDCC77",
    needs=frozenset({"confidence"}),
    takes=frozenset({"thresholds"}),
    skip_reason="below the student's threshold",
    weight_formula=weighs_both,
    nothing_reason="None of the {texts:,} labels reaches the teacher threshold, so training would "
    "select nothing. Lower it.",
)
ALL = StrategySpec(
    name="all",
    make=lambda config, names: every_text(names),
    label="All texts",
    summary="Every labelled text.",
    colour="#E69F00",
    skip_reason="not drawn",
    arm="every labelled text",
)
