"""Intervals of shares and of macro-F1, and paired differences by bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError, DataError
from llkd.evaluation.metrics import macro_f1_of
from llkd.selection.signals import Floats, Ints

Interval = tuple[float, float]
METRICS = ("accuracy", "macro_f1")
MOST_DRAWS = 400
"""Bootstrap draws of :func:`f1_interval`; fewer for very many rows, which need fewer."""


ONE_POINT = 0.01
"""A difference of a point of accuracy is what a person would not notice."""


@dataclass(frozen=True)
class Difference:
    """A paired difference (first minus second) and its interval."""

    value: float
    low: float
    high: float

    @property
    def differs(self) -> bool:
        """Whether the interval holds no 0."""
        return self.low > 0 or self.high < 0

    @property
    def within_a_point(self) -> bool:
        """Whether the interval lies within a point to either side."""
        return self.low >= -ONE_POINT and self.high <= ONE_POINT


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


def checked_pair(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    gold: npt.ArrayLike,
    *,
    metric: str,
    classes: int | None = None,
) -> tuple[list[Ints], Ints, int]:
    """Labels ``[S, n]`` of both and gold ``[n]``, of the rows with gold; and how many classes.

    Predictions are ``[n]`` or ``[S, n]``. Raises ConfigError for a metric that is none of
    :data:`METRICS`, DataError where shapes differ or no row has a gold label.
    """
    if metric not in METRICS:
        raise ConfigError(f"The metric is 'accuracy' or 'macro_f1', but it was {metric!r}.")
    golds = np.asarray(gold, dtype=np.int64)
    labels = [np.atleast_2d(np.asarray(values, dtype=np.int64)) for values in (first, second)]
    if labels[0].shape != labels[1].shape or labels[0].shape[1:] != golds.shape:
        raise DataError("A paired comparison needs predictions of both for the same rows and runs.")
    with_gold = golds >= 0
    if not with_gold.any():
        raise DataError("A comparison needs rows with a gold label, and there is none.")
    labels, golds = [values[:, with_gold] for values in labels], golds[with_gold]
    size = classes or int(max(golds.max(), *(values.max() for values in labels))) + 1
    return labels, golds, size


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
    runs, golds, size = checked_pair(first, second, gold, metric=metric, classes=classes)
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
                scores.append(np.mean([macro_f1_of(t) for t in tables]))
        return float(scores[0] - scores[1])

    count, rows = runs[0].shape
    samples = [
        difference(
            rng.integers(count, size=(count,)),
            np.bincount(rng.integers(rows, size=rows), minlength=rows).astype(np.float64),
        )
        for _ in range(draws)
    ]
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
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
    against_gold = paired_bootstrap(
        label, gold, gold, seed=0, metric="macro_f1", classes=classes, draws=draws
    )
    return max(0.0, 1 + against_gold.low), min(1.0, 1 + against_gold.high)
