"""The selection strategies by name: one interface, so that they can be compared.

``llkd`` is the method; the others are its rivals and controls (docs/method.md, section 3). To add
one: write a class with ``needs_student``, ``step``, ``state`` and ``restored``, and name it in
:data:`STRATEGIES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd import signals
from llkd.config import SelectionConfig
from llkd.errors import ConfigError
from llkd.selection import (
    AdaptiveSelection,
    SelectionResult,
    Strategy,
    selection_weights,
)
from llkd.signals import Floats


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
    """
    labels = np.asarray(label)
    safe = np.maximum(labels, 0)
    kept = labels >= 0
    for values, threshold in ((confidence, teacher_threshold), (need, student_threshold)):
        limits = np.asarray(threshold, dtype=np.float64)[safe]
        filled = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=-1.0)
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

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
    ) -> tuple[FixedThresholds, SelectionResult]:
        """Select from one batch; nothing moves."""
        label = signals.pseudo_label(teacher_probs)
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

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
    ) -> tuple[RandomThinning, SelectionResult]:
        """Draw from what the gate lets through."""
        if rng is None:
            raise ConfigError("A random strategy needs a random generator.")
        gate, result = self.gate.step(teacher_probs, student_probs)
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


def _adaptive(
    config: SelectionConfig, classes: int, teacher_gate: bool = True, student_gate: bool = True
) -> AdaptiveSelection:
    return AdaptiveSelection(
        num_classes=classes,
        momentum=config.momentum,
        teacher_scale=config.teacher_scale,
        student_scale=config.student_scale,
        class_specific=config.class_specific,
        weighting=config.weighting,
        target_rate=config.target_rate,
        teacher_gate=teacher_gate,
        student_gate=student_gate,
    )


def _fixed(config: SelectionConfig, class_names: Sequence[str]) -> FixedThresholds:
    return FixedThresholds(
        tuple(class_thresholds(config.teacher_threshold, class_names)),
        tuple(class_thresholds(config.student_threshold, class_names)),
        config.weighting,
    )


def _all(classes: int) -> FixedThresholds:
    return FixedThresholds((0.0,) * classes, (0.0,) * classes, "none")


STRATEGIES: dict[str, Callable[[SelectionConfig, Sequence[str]], Strategy]] = {
    "llkd": lambda config, names: _adaptive(config, len(names)),
    "fixed": _fixed,
    "all": lambda config, names: _all(len(names)),
    "random": lambda config, names: RandomThinning(_all(len(names)), config.share),
    "teacher_then_random": lambda config, names: RandomThinning(
        _adaptive(config, len(names), student_gate=False), config.share
    ),
    "teacher_only": lambda config, names: _adaptive(config, len(names), student_gate=False),
    "student_only": lambda config, names: _adaptive(config, len(names), teacher_gate=False),
}

EXPLAINED: dict[str, str] = {
    "llkd": "Texts the teacher is sure of and the student is not; both thresholds move.",
    "fixed": "Texts above thresholds that you set.",
    "all": "Every labelled text.",
    "random": "A random share of each batch: the control for any cleverer choice.",
    "teacher_then_random": "Texts the teacher is sure of, thinned at random to a share: what "
    "LLKD adds over it is the student's signal.",
    "teacher_only": "Texts the teacher is sure of, whatever the student thinks.",
    "student_only": "Texts the student is unsure of, whatever the teacher thinks.",
}


def make_strategy(config: SelectionConfig, class_names: Sequence[str]) -> Strategy:
    """The strategy that ``config`` names, fresh, for these classes."""
    return STRATEGIES[config.strategy](config, class_names)
