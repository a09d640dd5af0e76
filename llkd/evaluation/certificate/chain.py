"""Which of several nested sets may be promised: the error is spent once, not once a set.

Each set has a share of the error, fixed by the sizes alone; a set that passes hands its share to
the next wider one. That is the graphical procedure of Bretz et al. (2009) with p-values that hold
at all times, so the chance of any false promise, ever, is at most the error.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llkd.selection.signals import Floats, Ints

STARTS = (1.0, 0.5, 0.25)
"""Shares of the widest set from which the procedure starts, with equal parts of the error.

Any plan fixed beforehand is valid. One that starts at the strictest set alone waits for the few
labels that fall into it; the widest alone passes only where all is good. Of the plans compared in
docs/benchmarks.md this one is best or nearly so with few labels and with many. An audit keeps the
starts that it began with.
"""


def start_weights(sizes: Sequence[int], starts: Sequence[float] = STARTS) -> Floats:
    """Parts of the error ``[L]``, summing to 1: the sets nearest to each of ``starts``, equally.

    ``sizes`` grow and are not all 0.
    """
    counts = np.asarray(sizes, dtype=np.float64)
    weights = np.zeros(len(counts))
    usable = np.flatnonzero(counts > 0)
    for share in starts:
        distance = np.abs(np.log(counts[usable] / (share * counts[-1])))
        weights[usable[np.argmin(distance)]] += 1 / len(starts)
    return weights


def spend(p_values: Floats, weights: Floats, error: float) -> tuple[Ints, Floats]:
    """The sets that pass, and the part of the error ``[L]`` that each of the others now has.

    The order in which sets are taken does not matter: the part of a set that passed is that of the
    next wider one that has not, else of the widest that has not.
    """
    current = weights.astype(np.float64).copy()
    waiting = list(range(len(current)))
    passed: list[int] = []
    while True:
        ready = [k for k in waiting if current[k] > 0 and p_values[k] <= error * current[k]]
        if not ready:
            return np.array(sorted(passed), dtype=np.int64), current
        k = ready[0]
        waiting.remove(k)
        passed.append(k)
        if waiting:
            heir = next((j for j in waiting if j > k), waiting[-1])
            current[heir] += current[k]
