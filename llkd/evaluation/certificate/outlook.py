"""How an audit will go on: whether a target can be met at all, and about how many labels it takes.

The first is a statement with an error of its own, the second an estimate.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from llkd.evaluation.certificate import evidence
from llkd.evaluation.certificate.evidence import Bools
from llkd.selection.signals import Floats, Ints

DRAWS = 31


class Outlook(NamedTuple):
    """``reachable`` is False or None (unknown); ``labels_to_go`` None where none is in sight."""

    reachable: bool | None
    labels_to_go: int | None


def outlook(
    counts: Ints,
    in_sets: list[Bools],
    weights: Floats,
    useful: Bools,
    target: float,
    error: float,
) -> Outlook:
    """Of an audit without a certificate; arguments as :func:`certify` has them.

    The target cannot be met where for every useful set "at least ``target`` are right" is rejected
    with ``error``: one of them is wrong only if that set meets it, so no correction is due.
    """
    reachable = None
    for size, answers, of_use in zip(counts.tolist(), in_sets, useful, strict=True):
        if of_use and not _misses(size, answers, target, error):
            break
    else:
        reachable = False
    if reachable is False:
        return Outlook(False, None)
    return Outlook(None, labels_to_go(counts, in_sets, weights, target, error))


def _misses(size: int, answers: Bools, target: float, error: float) -> bool:
    """Whether "at least ``target`` are right" is rejected: right and wrong change their parts."""
    enough = size - evidence.fewest_too_many(size, target) + 1
    points = evidence.support(size, enough)
    n = evidence.schedule(len(answers))
    rights = np.cumsum(answers)[n - 1]
    best = evidence.log_evidence(size, points, n, rights)[:, np.searchsorted(points, enough)]
    return bool((best >= -np.log(error)).any())


def labels_to_go(
    counts: Ints, in_sets: list[Bools], weights: Floats, target: float, error: float
) -> int | None:
    """Labels in the widest set until some set passes: the median over 31 possible truths.

    In each, the rate of wrong labels between one start and the next is drawn from its beta
    posterior, whose prior is worth two labels at the rate of all, (x + 1/2) / (n + 1); answers then
    go on at these rates. None where in more than half no set passes before all are audited. Sets
    without a part of the error pass after a stricter one and need not be looked at. The draws are
    seeded: the same answers give the same number.
    """
    remaining = int(counts[-1]) - len(in_sets[-1])
    places = [k for k in range(len(counts)) if weights[k] > 0 and counts[k] > 0]
    sizes = counts[places]
    n = np.array([len(in_sets[k]) for k in places])
    x = np.array([int((~in_sets[k]).sum()) for k in places])
    if not remaining or not n[-1]:
        return None
    overall = (x[-1] + 0.5) / (n[-1] + 1)
    right, wrong = np.diff(n - x, prepend=0), np.diff(x, prepend=0)
    rng = np.random.default_rng(0)
    rates = rng.beta(wrong + 2 * overall, right + 2 * (1 - overall), size=(DRAWS, len(places)))
    left = np.diff(sizes - n, prepend=0)
    further = np.cumsum(rates * left, axis=1) / remaining
    # Counts of further labels to look at, a twentieth part apart.
    labels = np.unique(np.round(np.geomspace(1, remaining, 1 + int(20 * np.log(remaining)))))
    passes = np.zeros((DRAWS, len(labels)), dtype=bool)
    for k, size in enumerate(sizes.tolist()):
        boundary = evidence.fewest_too_many(size, target)
        future_n = n[k] + labels * (size - n[k]) / remaining
        future_x = x[k] + labels * further[:, [k]]
        bar = -np.log(error * weights[places[k]])
        passes |= _projected(size, boundary, future_n, future_x) >= bar
    needed = np.where(passes.any(axis=1), labels[passes.argmax(axis=1)], np.inf)
    median = float(np.median(needed))
    return round(median) if np.isfinite(median) else None


def _projected(size: int, boundary: int, n: Floats, x: Floats) -> Floats:
    """Log E against ``boundary`` wrong texts for ``n [T]``, ``x [S, T]`` that need not be whole."""
    points = np.unique(np.linspace(0, boundary - 1, min(boundary, 40)).round())
    weights = (boundary - points) / (boundary - points).sum()
    x = np.where(x < 0.5, 0.0, x)  # or no set that may have none could pass
    right = n - x

    def log_p(wrong: Floats, answers: Floats, rights: Floats) -> Floats:
        possible = (wrong >= answers) & (size - wrong >= rights)
        value = (
            gammaln(wrong + 1)
            - gammaln(np.maximum(wrong - answers, 0) + 1)
            + gammaln(size - wrong + 1)
            - gammaln(np.maximum(size - wrong - rights, 0) + 1)
        )
        return np.where(possible, value, -np.inf)

    above = log_p(points, x[..., None], right[..., None]) + np.log(weights)
    below = log_p(np.array(float(boundary)), x, right)
    peak = np.maximum(above.max(axis=-1), -1e300)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(np.exp(above - peak[..., None]).sum(axis=-1)) + peak - below
    value = np.where(x >= boundary, -np.inf, np.where(np.isnan(value), -np.inf, value))
    return np.where(boundary > size - right, np.inf, value)
