"""How far a confidence can be relied on: calibration error, AUROC, risk against coverage.

``n`` rows; a confidence that is NaN is not stated, and its row is left out.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from llkd.errors import DataError
from llkd.evaluation.intervals import Interval
from llkd.selection import signals
from llkd.selection.signals import Floats


def _signal(confidence: npt.ArrayLike, correct: npt.ArrayLike) -> tuple[Floats, Floats]:
    sure = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if sure.shape != right.shape or sure.ndim != 1:
        raise DataError(
            f"Confidence and correctness must be two lists of the same length, but they have the "
            f"shapes {list(sure.shape)} and {list(right.shape)}."
        )
    stated = ~np.isnan(sure) & ~np.isnan(right)
    return sure[stated], right[stated]


class ReliabilityBin(TypedDict):
    """Rows with a confidence in (lower, upper]; the two means are None in an empty bin."""

    lower: float
    upper: float
    count: int
    confidence: float | None
    accuracy: float | None


class RiskPoint(TypedDict):
    """Rows at or above ``threshold``: their share ``coverage`` and their error rate ``risk``."""

    threshold: float
    coverage: float
    risk: float


def reliability_table(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, bins: int = 15
) -> list[ReliabilityBin]:
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
    total, weighted = 0, 0.0
    for of in reliability_table(values, correct, bins):
        if of["accuracy"] is not None and of["confidence"] is not None:
            total += of["count"]
            weighted += of["count"] * abs(of["accuracy"] - of["confidence"])
    return weighted / total if total else None


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
) -> list[RiskPoint]:
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
