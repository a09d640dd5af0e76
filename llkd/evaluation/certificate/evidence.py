"""Evidence against "at least m of N texts are wrong" that may be looked at after every label.

Texts of a set are audited in random order, without replacement: after ``n`` of ``N``, ``x`` are
wrong. Under M wrong texts the order of answers has the probability
P(M) = M!/(M-x)! * (N-M)!/(N-M-n+x)! * (N-n)!/N!. For each m

    E(m) = sum over M = 0 .. m-1 of w(M) P(M) / P(m),    w(M) = 2 (m - M) / (m (m + 1))

is 1 before the first label and, whatever M >= m is true, a supermartingale from then on: a wrong
answer multiplies every P(M)/P(m), M < m, by at most 1, a right answer by at least 1, and more wrong
texts make wrong answers likelier. So the chance that E(m) ever reaches 1/a is at most a (Ville
1939), and 1 / max over time of E(m) is a p-value at any moment. It is the prior-posterior ratio of
Waudby-Smith and Ramdas (2020), the prior cut to what speaks against m; that it falls in a line to
nothing at m takes fewest labels where sets have half as many wrong texts as they may, or fewer.

Where E(m) >= e it grows with m (P is log-concave in M), so that at a level below 1/e a rejected m
takes all larger ones with it: the bounds are one confidence sequence for all m at once.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import ceil

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from llkd.selection.signals import Floats, Ints

LATTICE = 1000
"""Larger sets are looked at in this many steps, which stays valid: any prior does."""

TABLE = 200_000
"""Factorials up to here are kept."""

Bools = npt.NDArray[np.bool_]


def fewest_too_many(size: int, target: float) -> int:
    """The least number of wrong texts of ``size`` that breaks "at least ``target`` are right"."""
    return size - ceil(size * Fraction(repr(float(target)))) + 1


def support(size: int, extra: int | None = None) -> Ints:
    """The numbers of wrong texts that are told apart: all of 0 .. size, or ``LATTICE`` steps.

    ``extra`` is one that must be among them.
    """
    step = -(-size // LATTICE) if size > LATTICE else 1
    points = np.append(np.arange(0, size + 1, step), [size] if extra is None else [size, extra])
    return np.unique(points[(points >= 0) & (points <= size)]).astype(np.int64)


@cache
def _factorials() -> Floats:
    return np.asarray(gammaln(np.arange(TABLE + 1) + 1.0))


def log_factorial(numbers: Ints, most: int) -> Floats:
    """Log of n! of whole numbers up to ``most``, from a table where it holds them."""
    return _factorials()[numbers] if most <= TABLE else np.asarray(gammaln(numbers + 1.0))


def log_likelihood(size: int, points: Ints, n: npt.ArrayLike, x: npt.ArrayLike) -> Floats:
    """Log P up to a constant of (n, x): ``[T, K]`` for T pairs and K numbers of wrong texts."""
    n, x = (np.atleast_1d(np.asarray(values, dtype=np.int64))[:, None] for values in (n, x))
    good, left = size - points, n - x
    possible = (points >= x) & (good >= left)
    value = (
        log_factorial(points, size)
        - log_factorial(np.maximum(points - x, 0), size)
        + log_factorial(good, size)
        - log_factorial(np.maximum(good - left, 0), size)
    )
    return np.where(possible, value, -np.inf)


def log_evidence(size: int, points: Ints, n: npt.ArrayLike, x: npt.ArrayLike) -> Floats:
    """Log E ``[T, K]`` against at least ``points[k]`` wrong texts, after ``n[t]`` with ``x[t]``.

    Infinite where so many cannot be wrong any more; minus infinite for 0, and where it is certain.
    """
    rights = np.atleast_1d(np.asarray(n)) - np.atleast_1d(np.asarray(x))
    log_p = log_likelihood(size, points, n, x)
    peak = log_p.max(axis=1, keepdims=True)
    peak = np.where(np.isfinite(peak), peak, 0.0)
    # Summed twice, the sum up to k holds what stands j places before k with the weight j.
    before = np.cumsum(np.cumsum(np.exp(log_p - peak), axis=1), axis=1)
    result = np.full(log_p.shape, -np.inf)
    counts = np.arange(1, len(points))
    impossible = points[None, :] > size - rights[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.log(before[:, :-1]) + peak - np.log(counts * (counts + 1) / 2)
        ratio = mean - log_p[:, 1:]
    result[:, 1:] = np.where(np.isnan(ratio), -np.inf, ratio)
    result[:, 1:][~np.isfinite(log_p[:, 1:])] = -np.inf
    result[impossible] = np.inf
    return result


def schedule(length: int) -> Ints:
    """Label counts 1 .. ``length`` to look at where all would be too many: fixed beforehand.

    All up to 50, then every fiftieth part more.
    """
    counts = [1]
    while counts[-1] < length:
        counts.append(counts[-1] + 1 + counts[-1] // 50)
    return np.array([count for count in counts if count <= length], dtype=np.int64)


def moments(right: Bools) -> tuple[Ints, Ints]:
    """``n`` and ``x`` where evidence of quality can be at its highest: before each wrong, and now.

    Between two wrong answers it only grows, so these are all that the maximum over time needs.
    """
    wrong = np.flatnonzero(~right)
    n = np.append(wrong, len(right))
    return n.astype(np.int64), np.arange(len(n), dtype=np.int64)


def best_evidence(size: int, right: Bools, points: Ints) -> Floats:
    """Largest log E so far against each of ``points``; ``right [n]`` in the order of the audit."""
    n, x = moments(right)
    return np.asarray(log_evidence(size, points, n, x).max(axis=0))


def lower_bound(size: int, points: Ints, best: Floats, error: float) -> float:
    """Share right that holds, at all times, but for a chance of ``error``.

    The least m that is rejected together with all above it; 0 where there is none.
    """
    if not size:
        return 0.0
    rejected = best >= -np.log(error) if error > 0 else np.isinf(best) & (best > 0)
    open_ones = np.flatnonzero(~rejected)
    first = open_ones[-1] + 1 if len(open_ones) else 0
    if first >= len(points):
        return 0.0
    return float(1 - (points[first] - 1) / size)
