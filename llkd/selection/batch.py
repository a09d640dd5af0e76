"""One batch's signals: what the teacher and the student say of its texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError
from llkd.selection import signals
from llkd.selection.signals import Bools, Floats, Ints


@dataclass(frozen=True)
class Batch:
    """One batch's signals, each ``[B]``: label, confidence, and what the student says of them.

    ``label_prob`` is the student's probability of the pseudo-label, ``agrees`` whether it is its
    largest; ``need`` and ``label_prob`` are NaN and ``agrees`` false without the student.
    """

    label: Ints
    confidence: Floats
    need: Floats
    label_prob: Floats
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
        teacher = _checked_probs("teacher_probs", teacher_probs, classes, label is not None)
        label, confidence = labels_of(teacher, label), signals.confidence(teacher)
        if student_probs is None:
            unknown = np.full(len(teacher), np.nan)
            return cls(label, confidence, unknown, unknown, np.zeros(len(teacher), dtype=np.bool_))
        student = _checked_probs("student_probs", student_probs, classes)
        if len(student) != len(teacher):
            raise ConfigError(
                f"teacher_probs has {len(teacher)} rows and student_probs {len(student)}; "
                "both need one row per text."
            )
        label_prob = student[np.arange(len(label)), label]
        agrees = signals.pseudo_label(student) == label
        return cls(label, confidence, signals.information_need(student), label_prob, agrees)


def labels_of(teacher_probs: npt.ArrayLike, label: Ints | None) -> Ints:
    """Pseudo-labels ``[B]``: the largest probability's, and ``label`` where there is none."""
    argmax = signals.pseudo_label(teacher_probs)
    return argmax if label is None else np.where(argmax < 0, label, argmax)


def _checked_probs(
    name: str, probabilities: npt.ArrayLike, classes: int, may_be_missing: bool = False
) -> Floats:
    values = np.asarray(probabilities, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != classes:
        raise ConfigError(f"{name} has shape [B, {classes}], but it was {list(values.shape)}.")
    stated = values[~np.isnan(values).all(axis=1)] if may_be_missing else values
    if not np.isfinite(stated).all() or (stated < 0).any():
        raise ConfigError(f"{name} holds probabilities, but there was a negative or missing one.")
    return values


def highest(score: Floats, count: int) -> Bools:
    """The ``count`` entries with the highest score ``[B]``; of equal ones the earlier."""
    is_highest = np.zeros(len(score), dtype=np.bool_)
    is_highest[np.argsort(-score, kind="stable")[:count]] = True
    return is_highest
