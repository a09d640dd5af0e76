"""What is known of a teacher's or a student's labels, as one document of JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import numpy as np
import numpy.typing as npt

from llkd.curation.labels import TeacherLabels
from llkd.evaluation.confidence_metrics import aurc, auroc, ece
from llkd.evaluation.intervals import f1_interval, wilson
from llkd.evaluation.metrics import ClassRow, accuracy, class_table, confusion_matrix, macro_f1_of
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints


class Trust(TypedDict):
    """How far the confidence of some rows can be relied on, each in [0, 1]."""

    auroc: float | None
    ece: float | None


class ClassQuality(ClassRow, Trust):
    """One class: its line of the class table; ``auroc`` and ``ece`` of texts labelled as it."""


class Quality(Trust):
    """How good labels are by gold; figures are None where no row has both."""

    with_gold: int
    judged: int
    accuracy: float | None
    accuracy_interval: list[float] | None
    macro_f1: float | None
    per_class: list[ClassQuality]
    confusion: list[list[int]]
    aurc: float | None


class QualityReport(Quality):
    """What is known of a teacher's or a student's labels on ``rows`` texts.

    ``histogram [C]`` counts labels by class; ``answered`` is a teacher's alone. ``judged`` rows
    have a label and gold, ``with_gold`` says how many have gold at all.
    """

    rows: int
    answered: NotRequired[int]
    histogram: list[int]
    mean_confidence: float | None
    macro_f1_interval: NotRequired[tuple[float, float] | None]


def _quality(
    label: Ints, confidence: Floats, gold: Ints | None, class_names: Sequence[str]
) -> Quality:
    golds = np.full(len(label), -1) if gold is None else np.asarray(gold, dtype=np.int64)
    confusion = confusion_matrix(label, golds, len(class_names))
    both = (label >= 0) & (golds >= 0)
    correct = (label == golds)[both]
    predicted, stated = label[both], confidence[both]
    interval = wilson(int(correct.sum()), len(correct))
    return {
        "with_gold": int((golds >= 0).sum()),
        "judged": int(both.sum()),
        "accuracy": accuracy(label, golds),
        "accuracy_interval": None if interval is None else list(interval),
        "macro_f1": macro_f1_of(confusion),
        "per_class": [
            {**line, **_trust(stated[predicted == k], correct[predicted == k])}
            for k, line in enumerate(class_table(label, golds, class_names))
        ],
        "confusion": confusion.tolist(),
        **_trust(stated, correct),
        "aurc": aurc(stated, correct),
    }


def _trust(confidence: Floats, correct: npt.NDArray[np.bool_]) -> Trust:
    return {"auroc": auroc(confidence, correct), "ece": ece(confidence, correct)}


def teacher_report(
    probs: npt.ArrayLike,
    label: npt.ArrayLike,
    confidence: npt.ArrayLike,
    gold: npt.ArrayLike | None,
    class_names: Sequence[str] | None = None,
) -> QualityReport:
    """What is known of a teacher's labels, as JSON values (docs/method.md, section 5).

    ``probs [n, C]``, ``label [n]`` (-1: no answer), ``confidence [n]`` (NaN: none stated),
    ``gold [n]`` or None. Quality figures count answered rows with gold (``judged``) and are None
    without them; ``with_gold`` says how many rows have gold at all. ``auroc`` and ``ece`` of a line
    of ``per_class`` are of the texts given that label.
    """
    classes = np.asarray(probs).shape[1]
    names = [str(k) for k in range(classes)] if class_names is None else list(class_names)
    labels = np.asarray(label, dtype=np.int64)
    sure = np.asarray(confidence, dtype=np.float64)
    stated = sure[~np.isnan(sure)]
    return {
        "rows": len(labels),
        "answered": int((labels >= 0).sum()),
        "histogram": np.bincount(labels[labels >= 0], minlength=classes).tolist(),
        "mean_confidence": float(stated.mean()) if len(stated) else None,
        **_quality(labels, sure, None if gold is None else np.asarray(gold), names),
    }


def classifier_report(
    probs: npt.ArrayLike, gold: npt.ArrayLike, class_names: Sequence[str]
) -> QualityReport:
    """What is known of a student on an evaluation set, as JSON values (section 5).

    ``probs [n, C]``, ``gold [n]`` (-1: unknown, left out).
    """
    labels, sure = signals.pseudo_label(probs), signals.confidence(probs)
    return {
        "rows": len(labels),
        "histogram": np.bincount(labels[labels >= 0], minlength=len(class_names)).tolist(),
        "mean_confidence": float(sure[~np.isnan(sure)].mean()) if (~np.isnan(sure)).any() else None,
        **_quality(labels, sure, np.asarray(gold, dtype=np.int64), class_names),
    }


def evaluated_student(
    gold: npt.ArrayLike, probs: npt.ArrayLike, class_names: Sequence[str]
) -> QualityReport:
    """:func:`classifier_report` with the bootstrap interval of macro-F1."""
    report = classifier_report(probs, gold, class_names)
    interval = f1_interval(signals.pseudo_label(probs), gold, len(class_names))
    return {**report, "macro_f1_interval": interval}


def evaluated_teacher(
    labels: TeacherLabels, rows: Ints, gold: Ints, class_names: Sequence[str]
) -> QualityReport | None:
    """The teacher on the evaluation set ``rows [m]`` (ascending) with their classes ``gold [m]``.

    With the bootstrap interval of macro-F1; None where it labelled none of them.
    """
    here = np.isin(labels.row, rows)
    label = labels.label[here]
    answered = label >= 0
    if not answered.any():
        return None
    golds = gold[np.searchsorted(rows, labels.row[here])]
    report = teacher_report(
        labels.probabilities[here], label, labels.confidence[here], golds, class_names
    )
    interval = f1_interval(label[answered], golds[answered], len(class_names))
    return {**report, "macro_f1_interval": interval}
