"""How good labels and probabilities are: numbers, tables and intervals, without torch.

``n`` rows, ``C`` classes. A gold label of -1 is unknown and a label of -1 is missing (the teacher
gave none): such rows are left out of what they cannot speak to, and a figure that no row speaks to
is None. The two reports hold JSON values only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd import signals
from llkd.errors import ConfigError, DataError
from llkd.signals import Floats, Ints

Interval = tuple[float, float]

MOST_DRAWS = 400
"""Bootstrap draws of :func:`f1_interval`; fewer for very many rows, which need fewer."""


@dataclass(frozen=True)
class Difference:
    """A paired difference (first minus second) and its bootstrap interval."""

    value: float
    low: float
    high: float


def _pair(label: npt.ArrayLike, gold: npt.ArrayLike) -> tuple[Ints, Ints]:
    """The rows that have both, as two arrays of the same length."""
    labels, golds = np.asarray(label, dtype=np.int64), np.asarray(gold, dtype=np.int64)
    if labels.shape != golds.shape or labels.ndim != 1:
        raise DataError(
            f"Labels and gold labels must be two lists of the same length, but they have the "
            f"shapes {list(labels.shape)} and {list(golds.shape)}."
        )
    both = (labels >= 0) & (golds >= 0)
    return labels[both], golds[both]


def accuracy(label: npt.ArrayLike, gold: npt.ArrayLike) -> float | None:
    """Share of rows whose label equals gold, in [0, 1]; None where no row has both."""
    labels, golds = _pair(label, gold)
    return float((labels == golds).mean()) if len(labels) else None


def confusion_matrix(label: npt.ArrayLike, gold: npt.ArrayLike, classes: int) -> Ints:
    """Counts ``[C, C]``: row = gold class, column = given label."""
    labels, golds = _pair(label, gold)
    for name, values in (("label", labels), ("gold label", golds)):
        if len(values) and values.max() >= classes:
            raise DataError(f"A {name} is class {values.max()}, but there are {classes} classes.")
    return np.bincount(golds * classes + labels, minlength=classes**2).reshape(classes, classes)


def _table(confusion: npt.NDArray[Any]) -> tuple[Floats, Floats, Floats, Floats]:
    """Precision, recall, F1 and support of each class, each ``[C]``; 0 where undefined."""
    right = np.diag(confusion).astype(np.float64)
    given, support = confusion.sum(axis=0), confusion.sum(axis=1)

    def ratio(top: Floats, bottom: Any) -> Floats:
        return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)

    return ratio(right, given), ratio(right, support), ratio(2 * right, given + support), support


def _macro_f1(confusion: npt.NDArray[Any]) -> float | None:
    occurs = (confusion.sum(axis=0) + confusion.sum(axis=1)) > 0
    return float(_table(confusion)[2][occurs].mean()) if occurs.any() else None


def class_table(
    label: npt.ArrayLike, gold: npt.ArrayLike, class_names: Sequence[str]
) -> list[dict[str, Any]]:
    """One dict per class: name, precision, recall, f1 (0 where undefined) and support."""
    parts = _table(confusion_matrix(label, gold, len(class_names)))
    return [
        {
            "class": name,
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "support": int(support),
        }
        for name, precision, recall, f1, support in zip(class_names, *parts, strict=True)
    ]


def macro_f1(label: npt.ArrayLike, gold: npt.ArrayLike, classes: int) -> float | None:
    """Mean F1 over the classes that occur in gold or in the labels; None without such a row."""
    return _macro_f1(confusion_matrix(label, gold, classes))


def _signal(confidence: npt.ArrayLike, correct: npt.ArrayLike) -> tuple[Floats, Floats]:
    sure = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if sure.shape != right.shape or sure.ndim != 1:
        raise DataError(
            f"Confidence and correctness must be two lists of the same length, but they have the "
            f"shapes {list(sure.shape)} and {list(right.shape)}."
        )
    known = ~np.isnan(sure) & ~np.isnan(right)
    return sure[known], right[known]


def reliability_table(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, bins: int = 15
) -> list[dict[str, Any]]:
    """Equal-width bins of confidence: lower, upper, count, mean confidence, accuracy.

    A bin holds its upper edge; the two means are None in an empty bin.
    """
    sure, right = _signal(confidence, correct)
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    sums = np.bincount(place, weights=sure, minlength=bins)
    hits = np.bincount(place, weights=right, minlength=bins)
    return [
        {
            "lower": k / bins,
            "upper": (k + 1) / bins,
            "count": int(counts[k]),
            "confidence": float(sums[k] / counts[k]) if counts[k] else None,
            "accuracy": float(hits[k] / counts[k]) if counts[k] else None,
        }
        for k in range(bins)
    ]


def ece(confidence: npt.ArrayLike, correct: npt.ArrayLike, bins: int = 15) -> float | None:
    """Expected calibration error: mean over rows of |bin accuracy - bin confidence|, in [0, 1].

    ``confidence`` is ``[n]``, or probabilities ``[n, C]`` whose largest is taken. Guo et al. 2017,
    equal-width bins.
    """
    values = np.asarray(confidence, dtype=np.float64)
    if values.ndim == 2:
        values = signals.confidence(values)
    filled = [b for b in reliability_table(values, correct, bins) if b["count"]]
    total = sum(b["count"] for b in filled)
    if not total:
        return None
    return float(sum(b["count"] * abs(b["accuracy"] - b["confidence"]) for b in filled) / total)


def auroc(confidence: npt.ArrayLike, correct: npt.ArrayLike) -> float | None:
    """How often a right row is more confident than a wrong one (ties half), in [0, 1].

    None where all rows are right or all wrong: there is nothing to tell apart.
    """
    sure, right = _signal(confidence, correct)
    hits = int(right.sum())
    misses = len(right) - hits
    if not hits or not misses:
        return None
    _, place, counts = np.unique(sure, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2
    return float((rank[place][right > 0].sum() - hits * (hits + 1) / 2) / (hits * misses))


def auroc_interval(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, level: float = 0.95
) -> Interval | None:
    """Normal interval of :func:`auroc`, within [0, 1] (Hanley & McNeil 1982).

    None where there is no area, or one of 0 or 1: of that the formula would be certain.
    """
    area = auroc(confidence, correct)
    if area is None or not 0 < area < 1:
        return None
    right = _signal(confidence, correct)[1]
    hits = float(right.sum())
    misses = len(right) - hits
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (hits - 1) * (first - area**2) + (misses - 1) * (second - area**2)
    half = NormalDist().inv_cdf((1 + level) / 2) * (spread / (hits * misses)) ** 0.5
    return max(0.0, area - half), min(1.0, area + half)


def risk_coverage(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, points: int = 200
) -> list[dict[str, float]]:
    """What error is paid for keeping the most confident share of the rows.

    At most ``points`` dicts, from few to all rows: threshold (rows at or above it are kept),
    coverage (their share) and risk (their error rate). Rows of equal confidence go together.
    """
    sure, right = _signal(confidence, correct)
    if not len(sure):
        return []
    order = np.argsort(-sure, kind="stable")
    ranked = sure[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    if len(ends) > points:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, points).round().astype(np.int64))]
    wrong = np.cumsum(1.0 - right[order])
    return [
        {
            "threshold": float(ranked[end]),
            "coverage": float((end + 1) / len(sure)),
            "risk": float(wrong[end] / (end + 1)),
        }
        for end in ends
    ]


def aurc(confidence: npt.ArrayLike, correct: npt.ArrayLike) -> float | None:
    """Area under the risk-coverage curve, in [0, 1]: smaller is better; None without rows.

    The error rate among the most confident rows, averaged over all shares of rows that can be kept
    (Geifman & El-Yaniv 2017). Rows of equal confidence go together, as in :func:`risk_coverage`,
    so that confidence which tells nothing apart has the error rate of all rows.
    """
    sure, right = _signal(confidence, correct)
    if not len(sure):
        return None
    order = np.argsort(-sure, kind="stable")
    ranked = sure[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    risk = np.cumsum(1.0 - right[order])[ends] / (ends + 1)
    width = np.diff(ends, prepend=-1)
    return float((risk * width).sum() / len(sure))


def wilson(successes: int, n: int, level: float = 0.95) -> Interval | None:
    """Wilson score interval of a share, within [0, 1] (Wilson 1927); None for n = 0."""
    if n == 0:
        return None
    if not 0 <= successes <= n:
        raise ConfigError(f"Successes lie between 0 and {n}, but there were {successes}.")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / n
    middle = share + z * z / (2 * n)
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    below = 1 + z * z / n
    return max(0.0, (middle - half) / below), min(1.0, (middle + half) / below)


def paired_bootstrap(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    gold: npt.ArrayLike,
    *,
    seed: int,
    metric: str = "accuracy",
    classes: int | None = None,
    draws: int = 1000,
    level: float = 0.95,
) -> Difference:
    """Difference of two classifiers on the same rows, with a percentile bootstrap interval.

    ``first`` and ``second`` are predicted classes ``[n]``, or ``[seeds, n]`` where run s of one
    pairs with run s of the other: then seeds are drawn too. ``metric`` is ``accuracy`` or
    ``macro_f1`` (the mean over seeds). Raises DataError where no row has a gold label.
    """
    if metric not in {"accuracy", "macro_f1"}:
        raise ConfigError(f"The metric is 'accuracy' or 'macro_f1', but it was {metric!r}.")
    golds = np.asarray(gold, dtype=np.int64)
    runs = [np.atleast_2d(np.asarray(values, dtype=np.int64)) for values in (first, second)]
    if runs[0].shape != runs[1].shape or runs[0].shape[1:] != golds.shape:
        raise DataError("A paired comparison needs predictions of both for the same rows and runs.")
    known = golds >= 0
    if not known.any():
        raise DataError("A comparison needs rows with a gold label, and there is none.")
    runs, golds = [values[:, known] for values in runs], golds[known]
    size = classes or int(max(golds.max(), *(values.max() for values in runs))) + 1
    cells = [golds * size + values for values in runs]
    rng = np.random.default_rng(seed)

    def difference(seeds: npt.NDArray[Any], weight: Floats) -> float:
        scores = []
        for cell in cells:
            tables = [
                np.bincount(cell[s], weights=weight, minlength=size**2).reshape(size, size)
                for s in seeds
            ]
            if metric == "accuracy":
                scores.append(np.mean([np.trace(t) / t.sum() for t in tables]))
            else:
                scores.append(np.mean([_macro_f1(t) for t in tables]))
        return float(scores[0] - scores[1])

    count, rows = runs[0].shape
    drawn = [
        difference(
            rng.integers(count, size=(count,)),
            np.bincount(rng.integers(rows, size=rows), minlength=rows).astype(np.float64),
        )
        for _ in range(draws)
    ]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    everything = np.arange(count, dtype=np.int64)
    return Difference(difference(everything, np.ones(rows)), float(low), float(high))


def f1_interval(
    label: npt.ArrayLike, gold: npt.ArrayLike, classes: int
) -> tuple[float, float] | None:
    """95 % bootstrap interval of macro-F1 over the rows (all with both); None without rows.

    Compared with gold itself, whose macro-F1 is 1 in every draw, the difference is the score.
    """
    rows = len(np.asarray(gold))
    if not rows:
        return None
    draws = max(100, min(MOST_DRAWS, 4_000_000 // rows))
    found = paired_bootstrap(
        label, gold, gold, seed=0, metric="macro_f1", classes=classes, draws=draws
    )
    return max(0.0, 1 + found.low), min(1.0, 1 + found.high)


def _quality(
    label: Ints, sure: Floats, gold: Ints | None, class_names: Sequence[str]
) -> dict[str, Any]:
    golds = np.full(len(label), -1) if gold is None else np.asarray(gold, dtype=np.int64)
    confusion = confusion_matrix(label, golds, len(class_names))
    both = (label >= 0) & (golds >= 0)
    correct = (label == golds)[both]
    given = label[both]
    interval = wilson(int(correct.sum()), len(correct))
    return {
        "with_gold": int((golds >= 0).sum()),
        "judged": int(both.sum()),
        "accuracy": accuracy(label, golds),
        "accuracy_interval": None if interval is None else list(interval),
        "macro_f1": _macro_f1(confusion),
        "per_class": [
            {**line, **_trust(sure[both][given == k], correct[given == k])}
            for k, line in enumerate(class_table(label, golds, class_names))
        ],
        "confusion": confusion.tolist(),
        **_trust(sure[both], correct),
        "aurc": aurc(sure[both], correct),
    }


def _trust(sure: Floats, correct: npt.NDArray[np.bool_]) -> dict[str, float | None]:
    """How far the confidence of these rows can be relied on."""
    return {"auroc": auroc(sure, correct), "ece": ece(sure, correct)}


def teacher_report(
    probs: npt.ArrayLike,
    label: npt.ArrayLike,
    confidence: npt.ArrayLike,
    gold: npt.ArrayLike | None,
    class_names: Sequence[str] | None = None,
) -> dict[str, Any]:
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
) -> dict[str, Any]:
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
