"""Thresholds that a person set: by class, over a table, and as a strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd import signals
from llkd.errors import ConfigError
from llkd.selection import SelectionResult, labels_of, selection_weights
from llkd.signals import Floats, Ints


def class_thresholds(threshold: float | Mapping[str, float], class_names: Sequence[str]) -> Floats:
    """Thresholds ``[C]`` from one number or from numbers by class name (others 0).

    Raises ConfigError for a name that is not a class.
    """
    if not isinstance(threshold, Mapping):
        return np.full(len(class_names), float(threshold))
    unknown = [name for name in threshold if name not in class_names]
    if unknown:
        raise ConfigError(
            f"A threshold is set for {unknown[0]!r}, which is not a class. "
            f"The classes are {', '.join(class_names)}."
        )
    return np.array([float(threshold.get(name, 0.0)) for name in class_names])


def above_thresholds(
    label: npt.ArrayLike,
    confidence: npt.ArrayLike,
    need: npt.ArrayLike,
    teacher_threshold: npt.ArrayLike,
    student_threshold: npt.ArrayLike,
) -> npt.NDArray[np.bool_]:
    """Rows at or above both thresholds of their class, ``[n]``.

    A row without a label (-1) is never kept; a missing signal passes only a threshold of 0.
    What passes is decided by ``signals.reach``, here as on the plane.
    """
    labels = np.asarray(label)
    safe = np.maximum(labels, 0)
    kept = labels >= 0
    for values, threshold in ((confidence, teacher_threshold), (need, student_threshold)):
        limits = np.asarray(threshold, dtype=np.float64)[safe]
        filled = np.nan_to_num(signals.reach(values), nan=-1.0)
        kept = kept & ((filled >= limits) | (limits <= 0))
    return kept


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

    def selectable(self, label: Ints, confidence: Floats) -> npt.NDArray[np.bool_]:
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
        sure = signals.confidence(teacher_probs)
        need = (
            np.full(len(sure), np.nan)
            if student_probs is None
            else signals.information_need(student_probs)
        )
        selected = above_thresholds(
            label, sure, need, self.teacher_threshold, self.student_threshold
        )
        weight = selection_weights(sure, np.nan_to_num(need, nan=1.0), selected, self.weighting)
        return self, SelectionResult(
            label,
            sure,
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
