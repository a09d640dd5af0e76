"""``llkd`` and its two one-sided kinds: thresholds that move with teacher and student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.config import SelectionConfig
from llkd.errors import ConfigError
from llkd.selection.adaptive_threshold import AdaptiveThreshold
from llkd.selection.batch import Batch, highest
from llkd.selection.moving_mean import MovingMean, momentum_of
from llkd.selection.signals import GATE_TOLERANCE, Bools, Floats, Ints
from llkd.selection.strategy import SelectionResult
from llkd.selection.strategy_spec import StrategySpec, weighs_both, weighs_confidence
from llkd.selection.weights import WEIGHTINGS, batch_weighting, selection_weights


@dataclass(frozen=True)
class AdaptiveSelection:
    """LLKD: texts the teacher is sure of and the student is not, thresholds moving with both.

    ``teacher_gate`` and ``student_gate`` switch one side off (``student_only``,
    ``teacher_only``). ``class_shrinkage`` draws the class ratios towards 1 where few texts stand
    behind them (:meth:`AdaptiveThreshold.value`). With ``target_rate`` the student's scale is
    steered after each step, so that the moving share of selected samples meets the wanted share.
    Raises ConfigError for settings or arrays out of range.
    """

    num_classes: int
    momentum: float = 0.9
    teacher_scale: float = 1.0
    student_scale: float = 1.0
    class_specific: bool = True
    class_shrinkage: float = 0.0
    weighting: str = "product"
    target_rate: float | None = None
    teacher_gate: bool = True
    student_gate: bool = True
    teacher: AdaptiveThreshold = field(default=None, repr=False)  # type: ignore[assignment]
    student: AdaptiveThreshold = field(default=None, repr=False)  # type: ignore[assignment]
    rate: MovingMean = field(default=None, repr=False)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """Check the ranges and start the averages."""
        if self.num_classes < 2:
            raise ConfigError(f"num_classes is at least 2, but it was {self.num_classes}.")
        if not 0 <= self.momentum < 1:
            raise ConfigError(f"momentum is from 0 to below 1, but it was {self.momentum}.")
        for name in ("teacher_scale", "student_scale", "class_shrinkage"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} is 0 or more, but it was {getattr(self, name)}.")
        if self.weighting not in WEIGHTINGS:
            raise ConfigError(
                f"weighting is one of {', '.join(WEIGHTINGS)}, but it was {self.weighting!r}."
            )
        if self.target_rate is not None and not 0 < self.target_rate <= 1:
            raise ConfigError(f"target_rate is above 0 and at most 1, not {self.target_rate}.")
        for name in ("teacher", "student"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, AdaptiveThreshold.fresh(self.num_classes))
        if self.rate is None:
            object.__setattr__(self, "rate", MovingMean.zeros(1))

    @property
    def needs_student(self) -> bool:
        """Whether the student's probabilities decide anything."""
        return self.student_gate

    @property
    def needs_confidence(self) -> bool:
        """Always: a text without a confidence has no place on the plane."""
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
    ) -> tuple[AdaptiveSelection, SelectionResult]:
        """Take in one batch, then select from it (the order of FreeMatch).

        ``teacher_probs`` and ``student_probs`` are ``[B, C]``; the latter may be None only where
        the student's gate is off. With ``count`` those are selected that stand highest above their
        thresholds, so that as many samples are used as by another run. ``rng`` is not used.
        ``signals.GATE_TOLERANCE`` below a threshold is at it: a mean of equal numbers is not
        always that number.
        """
        if self.student_gate and student_probs is None:
            raise ConfigError("This strategy needs the student's probabilities for every batch.")
        batch = Batch.of(self.num_classes, teacher_probs, student_probs)
        after = replace(
            self,
            teacher=self.teacher.update(batch.confidence, batch.label, self.momentum),
            student=self.student.update(batch.need, batch.label, self.momentum)
            if student_probs is not None
            else self.student,
        )
        teacher_threshold = after._teacher_threshold()
        student_threshold = after._student_threshold()
        margin = np.full(len(batch.label), np.inf)
        if self.teacher_gate:
            margin = np.minimum(margin, batch.confidence - teacher_threshold[batch.label])
        if self.student_gate:
            margin = np.minimum(margin, batch.need - student_threshold[batch.label])
        selected = margin >= -GATE_TOLERANCE if count is None else highest(margin, count)
        need = batch.need if student_probs is not None else np.ones(len(batch.need))
        result = SelectionResult(
            batch.label,
            batch.confidence,
            batch.need,
            teacher_threshold,
            student_threshold,
            selected,
            selection_weights(batch.confidence, need, selected, self.weighting),
        )
        return after._steered(selected), result

    def _teacher_threshold(self) -> Floats:
        if not self.teacher_gate:
            return np.zeros(self.num_classes)
        return self.teacher.value(
            self.momentum, self.teacher_scale, self.class_specific, self.class_shrinkage
        )

    def _student_threshold(self) -> Floats:
        if not self.student_gate:
            return np.zeros(self.num_classes)
        return self.student.value(
            self.momentum, self.student_scale, self.class_specific, self.class_shrinkage
        )

    def _steered(self, selected: Bools) -> AdaptiveSelection:
        """Move the student's scale towards the wanted share: too many selected raises it."""
        if self.target_rate is None or not len(selected):
            return self
        share = np.array([selected.mean()])
        rate = self.rate.update(share, np.array([True]), self.momentum)
        excess = float(rate.value(self.momentum)[0]) - self.target_rate
        scale = float(np.clip(self.student_scale * np.exp(0.1 * excess), 0.01, 10.0))
        return replace(self, rate=rate, student_scale=scale)

    def state(self) -> dict[str, Any]:
        """Averages and the steered scale as JSON values."""
        return {
            "teacher": self.teacher.state(),
            "student": self.student.state(),
            "rate": self.rate.state(),
            "student_scale": self.student_scale,
        }

    def restored(self, state: Mapping[str, Any]) -> AdaptiveSelection:
        """This strategy with the averages of ``state``."""
        return replace(
            self,
            teacher=AdaptiveThreshold.restored(state["teacher"]),
            student=AdaptiveThreshold.restored(state["student"]),
            rate=MovingMean.restored(state["rate"]),
            student_scale=float(state["student_scale"]),
        )


def adaptive(
    config: SelectionConfig,
    class_names: Sequence[str],
    teacher_gate: bool = True,
    student_gate: bool = True,
) -> AdaptiveSelection:
    """The adaptive thresholds that the settings spell out, with both gates or one."""
    return AdaptiveSelection(
        num_classes=len(class_names),
        momentum=momentum_of(config),
        teacher_scale=config.teacher_scale,
        student_scale=config.student_scale,
        class_specific=config.class_specific,
        class_shrinkage=config.class_shrinkage,
        weighting=batch_weighting(config.weighting),
        target_rate=config.target_rate,
        teacher_gate=teacher_gate,
        student_gate=student_gate,
    )


LLKD = StrategySpec(
    name="llkd",
    make=adaptive,
    label="LLKD",
    summary="Texts the teacher is sure of and the student is not; both thresholds move.",
    colour="#0072B2",
    needs=frozenset({"confidence", "student"}),
    takes=frozenset({"moving_thresholds"}),
    arm="the method",
    weight_formula=weighs_both,
)
TEACHER_ONLY = StrategySpec(
    name="teacher_only",
    make=lambda config, names: adaptive(config, names, student_gate=False),
    label="Teacher confidence alone",
    summary="Texts the teacher is sure of, whatever the student thinks.",
    colour="#56B4E9",
    needs=frozenset({"confidence"}),
    takes=frozenset({"reference_counts", "moving_thresholds"}),
    skip_reason="others stood higher above the threshold",
    arm="the teacher's threshold alone",
    weight_formula=weighs_confidence,
)
STUDENT_ONLY = StrategySpec(
    name="student_only",
    make=lambda config, names: adaptive(config, names, teacher_gate=False),
    label="Student uncertainty alone",
    summary="Texts the student is unsure of, whatever the teacher thinks.",
    colour="#882255",
    needs=frozenset({"confidence", "student"}),
    takes=frozenset({"reference_counts", "moving_thresholds"}),
    arm="the student's threshold alone",
    weight_formula=weighs_both,
)
