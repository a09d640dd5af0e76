"""How far two ways to train differ: over seeds and texts, with an interval that few seeds widen.

``S`` seeds, ``n`` texts. Two ways that are trained once each give two students; that these differ
says nothing of the ways. So the variance has two parts, as in studies of readers and cases
(Obuchowski and Rockette 1995): between seeds, known only from S values, and between texts. The
degrees of freedom follow which part weighs more (Satterthwaite 1946; Hillis 2007), and the interval
is Student's. A bootstrap over three seeds is too narrow: ``benchmarks/false_claims.py`` prints by
how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.evaluation.intervals import Difference, checked_pair
from llkd.evaluation.metrics import macro_f1
from llkd.selection.signals import Floats, Ints

LEVEL = 0.95


@dataclass(frozen=True)
class Variance:
    """Of a mean over seeds: ``seeds`` and ``texts`` add up; ``degrees`` of freedom of the sum."""

    seeds: float
    texts: float
    degrees: float

    @property
    def total(self) -> float:
        """Variance of the mean difference."""
        return self.seeds + self.texts


def paired_difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    gold: npt.ArrayLike,
    *,
    metric: str = "accuracy",
    classes: int | None = None,
    among: int = 1,
    level: float = LEVEL,
) -> Difference:
    """``first`` minus ``second`` in a metric, and its interval; both in [-1, 1].

    Predicted classes ``[n]`` or ``[S, n]``, run s of one paired with run s of the other; ``gold``
    ``[n]`` (-1: unknown, left out). From one seed the interval is over texts alone: of these two
    students. ``among``: of how many differences this is one; the intervals of all of them hold
    together at ``level`` (Bonferroni). ``metric``: ``accuracy`` or ``macro_f1``. Raises DataError
    where no row has a gold label.
    """
    runs, golds, size = checked_pair(first, second, gold, metric=metric, classes=classes)
    by_seed, influence = _contrast(runs[0], runs[1], golds, metric, size)
    tail = (1 - level) / 2 / max(1, among)
    value = float(by_seed.mean())
    half = max(_half_width(variance(by_seed, influence), tail), 1 - tail ** (1 / len(golds)))
    return Difference(value, max(-1.0, value - half), min(1.0, value + half))


def variance(by_seed: Floats, influence: Floats) -> Variance:
    """Variance of the mean of ``by_seed [S]``, whose texts have the ``influence [S, n]``.

    Between seeds it is not taken to be below what the texts alone make of it: three values may lie
    close by luck. With one seed only the texts speak.
    """
    count, rows = influence.shape
    if rows < 2:
        return Variance(0.0, 1.0, 1.0)
    own = influence.var(axis=1, ddof=1) / rows
    if count == 1:
        return Variance(0.0, float(own[0]), rows - 1.0)
    shared = (count**2 * influence.mean(axis=0).var(ddof=1) / rows - own.sum()) / (
        count * (count - 1)
    )
    texts = max(0.0, float(shared))
    seeds = max(float(by_seed.var(ddof=1)), float(own.mean()) - texts) / count
    inverse = seeds**2 / (count - 1) + texts**2 / (rows - 1)
    degrees = (seeds + texts) ** 2 / inverse if inverse > 0 else count - 1.0
    return Variance(seeds, texts, degrees)


def _half_width(of: Variance, tail: float) -> float:
    """Half of Student's interval.

    The caller widens it to what no differing text among n may hide (Clopper and Pearson 1934).
    """
    from scipy.special import stdtrit  # scipy.stats takes over a second to load

    return float(stdtrit(of.degrees, 1 - tail)) * float(np.sqrt(of.total))


def _contrast(
    first: Ints, second: Ints, gold: Ints, metric: str, classes: int
) -> tuple[Floats, Floats]:
    """First minus second by seed ``[S]``, and each text's influence on it ``[S, n]``."""
    of: Any = _accuracy if metric == "accuracy" else macro_f1_influence
    parts = [[of(label, gold, classes) for label in runs] for runs in (first, second)]
    values = [np.array([value for value, _ in part]) for part in parts]
    influences = [np.stack([each for _, each in part]) for part in parts]
    return values[0] - values[1], influences[0] - influences[1]


def _accuracy(label: Ints, gold: Ints, classes: int) -> tuple[float, Floats]:
    right = (label == gold).astype(np.float64)
    return float(right.mean()), right


def macro_f1_influence(label: Ints, gold: Ints, classes: int) -> tuple[float, Floats]:
    """Macro-F1 and its empirical influence function: n times its derivative in a text's weight.

    F1 of a class is 2 right / (predicted + true), so a text moves it by
    (2 [right] - F1 ([predicted] + [true])) / (predicted + true); mean over classes that occur.
    """
    predicted = np.bincount(label, minlength=classes)
    true = np.bincount(gold, minlength=classes)
    right = np.bincount(label[label == gold], minlength=classes)
    both = np.maximum(predicted + true, 1)
    f1 = 2 * right / both
    moved = 2 * (label == gold) / both[gold] - (f1 / both)[gold] - (f1 / both)[label]
    occur = int((predicted + true > 0).sum())
    return float(macro_f1(label, gold, classes) or 0.0), len(gold) * moved / occur
