"""``trust``: is the label right, and would the student learn from it? An experiment.

Score = P(label right) x the student's loss, the top share of recent batches (docs/method.md,
section 3). P(right) is a small logistic regression, fitted on the fly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.failed_strategies.regression import fit_logistic, probability
from benchmarks.failed_strategies.small_loss import REFIT_EVERY
from llkd.selection.batch import Batch
from llkd.selection.inputs import StrategyInputs
from llkd.selection.signals import Bools, Floats, Ints
from llkd.selection.strategy import SelectionResult
from llkd.selection.window import Window, batch_with_student, cross_entropy, scored_result

LEAST_ROWS = 64
LEAST_AUDITED = 30
LOSS_CAP = 0.95
LARGEST_LOGIT, LARGEST_LOSS = 8.0, 8.0
FEATURES = 4
PULL, CLASS_PULL = 1.0, 4.0

SCORES: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "learning": lambda right, loss, need: right * loss,
    "right": lambda right, loss, need: right,
    "need": lambda right, loss, need: right * need,
}
"""What texts are ranked by: of P(right) ** power, capped loss and information need, each [B]."""


def evidence(batch: Batch) -> Floats:
    """What speaks for a label, ``[B, 4]``: logit of c, ln p of the label, agreement, entropy."""
    sure = np.clip(batch.confidence, 1e-9, 1 - 1e-9)
    logit = np.clip(np.log(sure / (1 - sure)), -LARGEST_LOGIT, LARGEST_LOGIT)
    own = -np.minimum(cross_entropy(batch.label_prob), LARGEST_LOSS)
    return np.column_stack([logit, own, batch.agrees.astype(np.float64), batch.need])


def with_class(values: Floats, label: Ints, classes: int) -> Floats:
    """Features ``[B, 4 + C]``: a bias for each class, which the fit pulls hard towards 0."""
    return np.hstack([values, np.eye(classes)[label]])


def fit(values: Floats, label: Ints, right: Floats, classes: int) -> Floats | None:
    """Coefficients of P(right); None where too few rows say it, or all say the same."""
    if len(right) < 2 or (right == right[0]).all():
        return None
    penalty = np.concatenate([np.full(FEATURES, PULL), np.full(classes, CLASS_PULL)])
    return fit_logistic(with_class(values, label, classes), right, penalty)


@dataclass(frozen=True)
class AuditedInputs(StrategyInputs):
    """With ``audited [n]``: whether the teacher's label was right where a person has looked.

    1 or 0, and -1 where nobody has.
    """

    audited: Ints | None = None


@dataclass(frozen=True)
class Trust:
    """The top ``share`` by P(right) x loss over the last ``length`` batches; weights 1.

    Where a person has checked at least :data:`LEAST_AUDITED` labels, P(right) is fitted to these
    once, from teacher and probe. Else it is fitted anew every few batches to the window: a label
    counts as right where a model that did not see the text agrees (confident learning, Northcutt
    et al. 2021): the cross-fitted probe where the student is the evidence, the student where the
    probe is. With both, the former is multiplied by the probe's own probability of the label.
    Before that, and without a probe, it is the teacher's confidence.
    """

    num_classes: int
    share: float
    length: int = 20
    score: str = "learning"
    power: float = 1.0
    source: str = "student"
    weighting: str = "none"
    inputs: StrategyInputs | None = field(default=None, repr=False)
    audited: Floats | None = field(default=None, repr=False)
    losses: Window = field(default=None, repr=False)  # type: ignore[assignment]
    scores: Window = field(default=None, repr=False)  # type: ignore[assignment]
    rows: Window = field(default=None, repr=False)  # type: ignore[assignment]
    coefficients: Floats | None = field(default=None, repr=False)
    age: int = 0

    def __post_init__(self) -> None:
        """Start with empty windows."""
        for name in ("losses", "scores", "rows"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, Window(self.length))

    @property
    def needs_student(self) -> bool:
        """Always."""
        return True

    @property
    def needs_confidence(self) -> bool:
        """Always: how likely a label is right is weighed from it."""
        return True

    def prepare(self, inputs: StrategyInputs) -> Trust:
        """Know the pool; where enough labels were checked by people, fit P(right) to these."""
        informed = replace(self, inputs=inputs)
        audited = getattr(inputs, "audited", None)
        if audited is None or int((audited >= 0).sum()) < LEAST_AUDITED:
            return informed
        known = _complete(inputs.teacher_probs)
        batch = Batch.of(
            self.num_classes,
            np.where(known[:, None], inputs.teacher_probs, 1 / self.num_classes),
            _filled(inputs.oof_probs, len(known), self.num_classes),
        )
        values, checked = evidence(batch), known & (audited >= 0)
        fitted = fit(
            values[checked],
            batch.label[checked],
            audited[checked].astype(np.float64),
            self.num_classes,
        )
        if fitted is None:
            return informed
        every = with_class(values, batch.label, self.num_classes)
        return replace(informed, audited=probability(every, fitted))

    @property
    def warning(self) -> str | None:
        """What a reader should know where nothing but the teacher speaks for its labels."""
        if self.audited is not None or (self.inputs and self.inputs.oof_probs is not None):
            return None
        return (
            "Without a probe and without checked labels, 'trust' took the teacher's confidence for "
            "how likely a label is right. Run the probe before training."
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
    ) -> tuple[Trust, SelectionResult]:
        """Take in one batch, then select from it."""
        batch = batch_with_student(self.num_classes, teacher_probs, student_probs)
        loss = cross_entropy(batch.label_prob)
        after, right = self._judged(batch, teacher_probs, positions)
        losses = after.losses.pushed(loss)
        if len(loss):
            loss = np.minimum(loss, np.quantile(losses.values, LOSS_CAP))
        score = SCORES[self.score](right**self.power, loss, batch.need)
        scores = after.scores.pushed(score)
        selected = scores.above(score, self.share, count)
        weight = right if self.weighting == "right" else None
        result = scored_result(batch, self.num_classes, selected, weight)
        return replace(after, losses=losses, scores=scores), result

    def _judged(
        self, batch: Batch, teacher_probs: npt.ArrayLike, positions: Ints | None
    ) -> tuple[Trust, Floats]:
        """P(right) ``[B]``, and the strategy with what this batch adds to its fit."""
        if positions is None or self.inputs is None:
            return self, batch.confidence
        if self.audited is not None:
            return self, self.audited[positions]
        if self.inputs.oof_probs is None:
            return self, batch.confidence
        unseen = self.inputs.oof_probs[positions]
        known = _complete(unseen)
        filled = _filled(unseen, len(unseen), self.num_classes)
        probe = Batch.of(self.num_classes, teacher_probs, filled)
        judge, witness = (probe, batch) if self.source == "probe" else (batch, probe)
        values = evidence(judge)
        line = np.column_stack([values, judge.label, witness.agrees])
        after = replace(self, rows=self.rows.pushed(line[known]))._refitted()
        if after.coefficients is None:
            return after, batch.confidence
        every = with_class(values, batch.label, self.num_classes)
        right = probability(every, after.coefficients)
        if self.source == "both":
            right = right * probe.label_prob
        return after, np.where(known, right, batch.confidence)

    def _refitted(self) -> Trust:
        rows = self.rows.values
        if len(rows) < LEAST_ROWS:
            return self
        if self.coefficients is not None and self.age + 1 < REFIT_EVERY:
            return replace(self, age=self.age + 1)
        label, right = rows[:, FEATURES].astype(np.int64), rows[:, FEATURES + 1]
        fitted = fit(rows[:, :FEATURES], label, right, self.num_classes)
        return replace(self, coefficients=fitted, age=0)

    def state(self) -> dict[str, Any]:
        """The windows, the fit and its age; the pool is told anew by ``prepare``."""
        coefficients = self.coefficients
        return {
            **{name: getattr(self, name).state() for name in ("losses", "scores", "rows")},
            "coefficients": None if coefficients is None else coefficients.tolist(),
            "age": self.age,
        }

    def restored(self, state: Mapping[str, Any]) -> Trust:
        """With the windows and the fit of ``state``."""
        coefficients = state["coefficients"]
        return replace(
            self,
            losses=self.losses.restored(state["losses"]),
            scores=self.scores.restored(state["scores"]),
            rows=self.rows.restored(state["rows"]),
            coefficients=None
            if coefficients is None
            else np.asarray(coefficients, dtype=np.float64),
            age=int(state["age"]),
        )


def _complete(values: Floats) -> Bools:
    return np.asarray(np.isfinite(values).all(axis=1))


def _filled(values: Floats | None, n: int, classes: int) -> Floats:
    """Probabilities ``[n, C]``, even where there are none."""
    if values is None:
        return np.full((n, classes), 1 / classes)
    return np.where(_complete(values)[:, None], values, 1 / classes)
