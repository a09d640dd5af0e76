"""Which texts of a batch a student is trained on, and with what weight.

Pure: a strategy's state goes in, the next state and a :class:`SelectionResult` come out, so the
trainer, a replay and a what-if view call the same function. The formulas are in docs/method.md,
section 3 (after Li et al. 2025, arXiv 2411.08028). ``B`` is the batch, ``C`` the classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from llkd import signals
from llkd.errors import ConfigError
from llkd.signals import GATE_TOLERANCE, Floats, Ints

Bools = npt.NDArray[np.bool_]
WEIGHTINGS = ("product", "mean", "none")
"""Those of one batch alone; ``softmatch`` has a state (:mod:`llkd.strategies.softmatch`)."""


@dataclass(frozen=True)
class SelectionResult:
    """What one step decided. Arrays of length B, but for the two thresholds of length C."""

    pseudo_label: Ints
    confidence: Floats
    information_need: Floats
    teacher_threshold: Floats
    student_threshold: Floats
    selected: Bools
    weight: Floats


class Strategy(Protocol):
    """State in, new state out.

    ``needs_student`` says whether a scoring pass is required. ``needs_confidence`` says that a text
    whose label has no confidence can never be selected: such texts are then not handed to ``step``.
    """

    @property
    def needs_confidence(self) -> bool:
        """Whether a label without a confidence is passed over."""
        ...

    @property
    def needs_student(self) -> bool:
        """Whether ``student_probs`` must be given."""
        ...

    def step(
        self,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        count: int | None = None,
        positions: Ints | None = None,
        label: Ints | None = None,
    ) -> tuple[Any, SelectionResult]:
        """Decide one batch; see :class:`AdaptiveSelection`.

        ``count`` fixes how many are selected, ``positions [B]`` are the texts' places in the pool.
        ``label [B]`` is needed where a text has a label without a confidence: its row of
        ``teacher_probs`` is NaN.
        """
        ...

    def state(self) -> dict[str, Any]:
        """The moving part as JSON values, for a checkpoint."""
        ...

    def restored(self, state: Mapping[str, Any]) -> Any:
        """The same strategy with the moving part of ``state()``."""
        ...


@dataclass(frozen=True)
class MovingMean:
    """Bias-corrected exponential moving averages, one per entry.

    m_t = momentum m_{t-1} + (1 - momentum) x_t with m_0 = 0; the value used is
    m_t / (1 - momentum^t), t counting that entry's own updates.
    """

    total: Floats
    updates: Ints

    @classmethod
    def zeros(cls, entries: int) -> MovingMean:
        """Averages that have seen nothing."""
        return cls(np.zeros(entries), np.zeros(entries, dtype=np.int64))

    def update(self, values: Floats, present: Bools, momentum: float) -> MovingMean:
        """Move the entries that are ``present`` towards ``values``."""
        moved = momentum * self.total + (1 - momentum) * np.where(present, values, 0.0)
        return MovingMean(np.where(present, moved, self.total), self.updates + present)

    def value(self, momentum: float) -> Floats:
        """The corrected averages; 0 for an entry never updated."""
        correction = 1.0 - momentum ** self.updates.astype(np.float64)
        return np.divide(
            self.total, correction, out=np.zeros_like(self.total), where=self.updates > 0
        )

    def state(self) -> dict[str, list[float]]:
        """As JSON values."""
        return {"total": self.total.tolist(), "updates": self.updates.tolist()}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> MovingMean:
        """From the JSON values of :meth:`state`."""
        return cls(
            np.asarray(state["total"], dtype=np.float64),
            np.asarray(state["updates"], dtype=np.int64),
        )


@dataclass(frozen=True)
class Batch:
    """One batch's signals, each ``[B]``: label, confidence, and what the student says of them.

    ``own`` is the student's probability of the pseudo-label, ``agrees`` whether it is its largest;
    ``need`` and ``own`` are NaN and ``agrees`` false without the student.
    """

    label: Ints
    confidence: Floats
    need: Floats
    own: Floats
    agrees: Bools

    @classmethod
    def of(
        cls,
        classes: int,
        teacher_probs: npt.ArrayLike,
        student_probs: npt.ArrayLike | None,
        label: Ints | None = None,
    ) -> Batch:
        """Check both ``[B, C]`` and derive their signals. Raises ConfigError.

        With ``label [B]`` a row of ``teacher_probs`` may be NaN: a label without a confidence.
        """
        teacher = _checked("teacher_probs", teacher_probs, classes, label is not None)
        label, sure = labels_of(teacher, label), signals.confidence(teacher)
        if student_probs is None:
            unknown = np.full(len(teacher), np.nan)
            return cls(label, sure, unknown, unknown, np.zeros(len(teacher), dtype=np.bool_))
        student = _checked("student_probs", student_probs, classes)
        if len(student) != len(teacher):
            raise ConfigError(
                f"teacher_probs has {len(teacher)} rows and student_probs {len(student)}; "
                "both need one row per text."
            )
        own = student[np.arange(len(label)), label]
        agrees = signals.pseudo_label(student) == label
        return cls(label, sure, signals.information_need(student), own, agrees)


def labels_of(teacher_probs: npt.ArrayLike, label: Ints | None) -> Ints:
    """Pseudo-labels ``[B]``: the largest probability's, and ``label`` where there is none."""
    own = signals.pseudo_label(teacher_probs)
    return own if label is None else np.where(own < 0, label, own)


def _checked(
    name: str, probabilities: npt.ArrayLike, classes: int, may_be_missing: bool = False
) -> Floats:
    values = np.asarray(probabilities, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != classes:
        raise ConfigError(f"{name} has shape [B, {classes}], but it was {list(values.shape)}.")
    there = values[~np.isnan(values).all(axis=1)] if may_be_missing else values
    if not np.isfinite(there).all() or (there < 0).any():
        raise ConfigError(f"{name} holds probabilities, but there was a negative or missing one.")
    return values


def class_means(values: Floats, label: Ints, classes: int) -> tuple[Floats, Bools]:
    """Mean of ``values`` within each class and whether the class occurs, both ``[C]``."""
    counts = np.bincount(label, minlength=classes)
    sums = np.bincount(label, weights=values, minlength=classes)
    return sums / np.maximum(counts, 1), counts > 0


def highest(score: Floats, count: int) -> Bools:
    """The ``count`` entries with the highest score ``[B]``; of equal ones the earlier."""
    chosen = np.zeros(len(score), dtype=np.bool_)
    chosen[np.argsort(-score, kind="stable")[:count]] = True
    return chosen


def selection_weights(confidence: Floats, need: Floats, selected: Bools, weighting: str) -> Floats:
    """Loss weights ``[B]``: mean 1 over the selected (all 1 where they sum to 0), 0 elsewhere.

    A label without a confidence (NaN) weighs 1, and the others have a mean of 1 among themselves.
    """
    if weighting == "product":
        raw = confidence * need
    elif weighting == "mean":
        raw = (confidence + need) / 2
    elif weighting == "none":
        raw = np.ones_like(confidence)
    else:
        raise ConfigError(f"weighting is one of {', '.join(WEIGHTINGS)}, but it was {weighting!r}.")
    weight = selected.astype(np.float64)
    known = selected & np.isfinite(raw)
    if known.any():
        mean = raw[known].mean()
        weight[known] = raw[known] / mean if mean > 0 else 1.0
    return weight


@dataclass(frozen=True)
class AdaptiveThreshold:
    """One signal's threshold per class: scale x whole-data average x class average / largest.

    ``noise [C]`` is the variance of each uncorrected class average where a single text has a
    variance of 1: v_t = momentum^2 v_{t-1} + (1 - momentum)^2 / (texts of the class in the batch).
    """

    overall: MovingMean
    per_class: MovingMean
    noise: Floats

    @classmethod
    def fresh(cls, classes: int) -> AdaptiveThreshold:
        """A threshold that has seen no batch."""
        return cls(MovingMean.zeros(1), MovingMean.zeros(classes), np.zeros(classes))

    def update(self, values: Floats, label: Ints, momentum: float) -> AdaptiveThreshold:
        """Take in one batch; an empty one changes nothing."""
        if not len(values):
            return self
        means, present = class_means(values, label, len(self.per_class.total))
        overall = self.overall.update(np.array([values.mean()]), np.array([True]), momentum)
        texts = np.bincount(label, minlength=len(means))
        moved = momentum**2 * self.noise + (1 - momentum) ** 2 / np.maximum(texts, 1)
        noise = np.where(present, moved, self.noise)
        return AdaptiveThreshold(overall, self.per_class.update(means, present, momentum), noise)

    def texts(self, momentum: float) -> Floats:
        """The effective number of texts in each class average, ``[C]``; 0 for a class not seen.

        As many as a plain mean of the same variance has (Kish 1965): (1 - momentum^t)^2 / v_t.
        """
        corrected = 1.0 - momentum ** self.per_class.updates.astype(np.float64)
        return np.divide(
            corrected**2, self.noise, out=np.zeros_like(self.noise), where=self.noise > 0
        )

    def value(
        self, momentum: float, scale: float, class_specific: bool, shrinkage: float = 0.0
    ) -> Floats:
        """Thresholds ``[C]``. A class not yet seen has ratio 1.

        With ``shrinkage`` k the ratio r of a class with n texts in its average becomes
        (n r + k) / (n + k): nearer to 1 the fewer they are.
        """
        overall = float(self.overall.value(momentum)[0])
        classes = self.per_class.value(momentum)
        largest = classes.max(initial=0.0)
        ratio = np.ones(len(classes))
        if class_specific and largest > 0:
            ratio = np.where(self.per_class.updates > 0, classes / largest, 1.0)
            if shrinkage > 0:
                texts = self.texts(momentum)
                ratio = (texts * ratio + shrinkage) / (texts + shrinkage)
        return scale * overall * ratio

    def state(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "overall": self.overall.state(),
            "per_class": self.per_class.state(),
            "noise": self.noise.tolist(),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> AdaptiveThreshold:
        """From the JSON values of :meth:`state`."""
        per_class = MovingMean.restored(state["per_class"])
        # Checkpoints of before 0.4 do not hold it, and their runs do not shrink.
        noise = state.get("noise", np.zeros(len(per_class.total)))
        return cls(
            MovingMean.restored(state["overall"]), per_class, np.asarray(noise, dtype=np.float64)
        )


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
