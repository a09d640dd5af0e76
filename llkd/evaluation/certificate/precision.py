"""How right the texts above a line are, while the line moves: an estimate, not a promise.

Prediction-powered: the mean of a fitted P(right) over the texts, corrected by what audited texts
say of it (Angelopoulos et al., Science 2023), with the correction's weight chosen by the data
(Angelopoulos, Duchi and Zrnic 2023). Sums over the audited texts and one mean are all it needs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from llkd.config.base import Document
from llkd.errors import DataError
from llkd.evaluation.certificate.evidence import Bools
from llkd.evaluation.intervals import Interval
from llkd.selection.signals import Floats

FEWEST_AUDITED = 30
FEWEST_OF_EACH = 10
"""Audited texts, and right and wrong ones among them, from which a normal interval holds."""


class PrecisionEstimate(Document):
    """Share right of a set of texts, and its 95 % interval, all in [0, 1].

    ``checked`` is how many of its texts were audited; with 0 the value is the fitted one alone and
    the interval says nothing.
    """

    value: float
    low: float
    high: float
    checked: int


def kept_precision(
    fitted: npt.ArrayLike,
    mask: npt.ArrayLike,
    audited: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    confidence_level: float = 0.95,
) -> PrecisionEstimate | None:
    """Share right of the texts that ``mask`` keeps; None where it keeps none.

    ``fitted [N]`` is a P(right) in [0, 1] of every text that could be drawn for the audit, NaN
    where there is none; any function of the texts serves (a calibrated confidence) but one fitted
    to these very answers. ``mask [N]`` bool. ``audited [n]`` are positions of the audited texts, a
    uniform draw of all N, and ``right [n]`` whether their label is right.

    Below 30 audited texts in the set, or 10 right and 10 wrong ones, the value is the share of
    them and the interval exact (hypergeometric, without replacement); else it is the corrected mean
    with Student's interval. Either holds for a line that was not chosen by these answers. Raises
    DataError for lists that do not fit one another.
    """
    values = np.asarray(fitted)
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    inside = np.asarray(mask, dtype=bool)
    rows = np.asarray(audited, dtype=np.int64)
    answers = np.asarray(right, dtype=bool)
    if values.shape != inside.shape or rows.shape != answers.shape or values.ndim != 1:
        raise DataError("Fitted values and mask, audited texts and answers go in pairs.")
    if len(rows) and not (0 <= rows.min() and rows.max() < len(values)):
        raise DataError("An audited text is none of those that could be drawn.")
    size = int(np.count_nonzero(inside))
    if not size:
        return None
    of_set = inside[rows]
    rows, answers = rows[of_set], answers[of_set]
    # A product is ten times as fast as a masked sum, which a line that moves needs.
    total = float(np.dot(values, inside.astype(values.dtype)))
    if np.isnan(total):
        stated = inside & ~np.isnan(values)
        count = int(np.count_nonzero(stated))
        mean = float(np.sum(values, where=stated, dtype=np.float64)) / count if count else np.nan
        values = np.where(np.isnan(values), mean, values) if count else np.zeros(len(values))
    else:
        mean = total / size
    return _estimate(size, mean, values[rows].astype(np.float64), answers, confidence_level)


def _estimate(
    size: int, mean: float, predictions: Floats, answers: Bools, confidence_level: float
) -> PrecisionEstimate:
    """From the mean over the set and what is known of its audited texts."""
    n, rights = len(answers), int(answers.sum())
    if not n:
        value = mean if np.isfinite(mean) else 0.5
        return PrecisionEstimate(value=min(1.0, max(0.0, value)), low=0.0, high=1.0, checked=0)
    share = rights / n
    if n < FEWEST_AUDITED or min(rights, n - rights) < FEWEST_OF_EACH or n == size:
        low, high = exact_interval(size, n, rights, confidence_level)
        return PrecisionEstimate(value=share, low=low, high=high, checked=n)
    spread = float(predictions.var())
    covariance = float(((predictions - predictions.mean()) * (answers - share)).mean())
    weight = min(1.0, max(0.0, covariance / spread)) if spread > 0 else 0.0
    residual = answers - weight * predictions
    value = float(residual.mean()) + (weight * mean if weight else 0.0)
    error = (float(residual.var(ddof=2)) / n * (1 - n / size)) ** 0.5
    from scipy import stats  # half a second that few callers need

    half = float(stats.t.ppf((1 + confidence_level) / 2, n - 2)) * error
    # What was counted is certain: so many are right, so many are wrong.
    low = max(value - half, rights / size)
    high = min(value + half, 1 - (n - rights) / size)
    return PrecisionEstimate(value=min(high, max(low, value)), low=low, high=high, checked=n)


def exact_interval(size: int, n: int, rights: int, confidence_level: float = 0.95) -> Interval:
    """Share right of ``size`` texts after ``rights`` of ``n``, without replacement.

    Hypergeometric tails, each (1 - level)/2, inverted: Clopper and Pearson's (1934) interval for
    a set that ends. ``n = size`` gives a point, ``n = 0`` [0, 1].
    """
    if not n:
        return 0.0, 1.0
    # A number of right ones that stands on the line is plausible, however its chance is rounded.
    tail = (1 - confidence_level) / 2 * (1 - 1e-9)
    successes = np.arange(n + 1, dtype=np.float64)
    ways = -gammaln(successes + 1) - gammaln(n - successes + 1)

    def chance(right: int, counts: slice) -> float:
        """Of ``counts`` right ones among n, where ``right`` of the set are."""
        wrong = size - right
        possible = (successes <= right) & (n - successes <= wrong)
        log_p = (
            ways
            + (gammaln(right + 1) + gammaln(wrong + 1) + gammaln(n + 1) + gammaln(size - n + 1))
            - (gammaln(np.maximum(right - successes, 0) + 1))
            - (gammaln(np.maximum(wrong - n + successes, 0) + 1) + gammaln(size + 1))
        )
        return float(np.where(possible, np.exp(log_p), 0.0)[counts].sum())

    low, high = rights, size - (n - rights)
    while low < high:
        middle = (low + high) // 2
        if chance(middle, slice(rights, None)) >= tail:
            high = middle
        else:
            low = middle + 1
    lower, high = low, size - (n - rights)
    low = rights
    while low < high:
        middle = (low + high + 1) // 2
        if chance(middle, slice(0, rights + 1)) >= tail:
            low = middle
        else:
            high = middle - 1
    return lower / size, high / size
