"""Figures with intervals, and paired differences: every bootstrap draw takes the same texts.

``n`` texts, ``C`` classes, ``B`` bootstrap draws. A text may weigh more than another: held-out
texts of natural class shares judge a student of an unbalanced pool with the weight that makes the
shares those of the pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from llkd.selection.signals import Floats, Ints

DRAWS = 1000
BINS = 15
METRICS = ("accuracy", "macro_f1", "auroc", "ece")


@dataclass(frozen=True)
class Judges:
    """Gold ``[n]`` and weights ``[n]``, and how often each draw takes a text, ``counts [B, n]``.

    The first draw takes every text once: its figures are those of the set itself.
    """

    gold: Ints
    weight: Floats
    classes: int

    @cached_property
    def counts(self) -> Floats:
        """The weight of each text in each draw, ``[1 + DRAWS, n]``."""
        rng, n = np.random.default_rng(0), len(self.gold)
        times = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS)
        return np.vstack([np.ones(n), times]) * self.weight


@dataclass(frozen=True)
class Estimate:
    """A figure or a difference, in percent or points, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def worse(self) -> bool:
        """Whether a difference is below 0 beyond the draw of texts."""
        return self.high < 0

    @property
    def better(self) -> bool:
        """Whether a difference is above 0 beyond the draw of texts."""
        return self.low > 0


def estimate(samples: Floats) -> Estimate:
    """From the figures ``[1 + B]`` of all draws, as shares."""
    low, high = np.nanquantile(samples[1:], [0.025, 0.975])
    return Estimate(100 * float(samples[0]), 100 * float(low), 100 * float(high))


def difference(first: Floats, second: Floats) -> Estimate:
    """First minus second, paired by draw."""
    return estimate(first - second)


def label_figures(judges: Judges, label: Ints, confidence: Floats | None) -> dict[str, Floats]:
    """Each metric in every draw, ``[1 + B]``; AUROC and ECE where there is a confidence."""
    right = label == judges.gold
    figures = {"accuracy": _share(judges.counts, right), "macro_f1": _macro_f1(judges, label)}
    if confidence is not None:
        figures["auroc"] = _auroc(judges.counts, confidence, right)
        figures["ece"] = _ece(judges.counts, confidence, right)
    return figures


def _share(counts: Floats, right: np.ndarray) -> Floats:
    return counts @ right / counts.sum(axis=1)


def _macro_f1(judges: Judges, label: Ints) -> Floats:
    """Over the classes that occur in gold or in the labels of a draw, as the product's."""
    classes = np.arange(judges.classes)
    of_label, of_gold = label[:, None] == classes, judges.gold[:, None] == classes
    both = judges.counts @ (of_label & of_gold)
    either = judges.counts @ of_label + judges.counts @ of_gold
    scores = np.divide(2 * both, either, out=np.full_like(both, np.nan), where=either > 0)
    return np.nanmean(scores, axis=1)


def _auroc(counts: Floats, confidence: Floats, right: np.ndarray) -> Floats:
    """How often a right text is more confident than a wrong one, ties half."""
    order = np.argsort(confidence, kind="stable")
    ranked = confidence[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    hits = np.add.reduceat(counts[:, order] * right[order], starts, axis=1)
    misses = np.add.reduceat(counts[:, order] * ~right[order], starts, axis=1)
    below = np.cumsum(misses, axis=1) - misses / 2
    pairs = hits.sum(axis=1) * misses.sum(axis=1)
    area = (hits * below).sum(axis=1)
    return np.divide(area, pairs, out=np.full_like(area, np.nan), where=pairs > 0)


def _ece(counts: Floats, confidence: Floats, right: np.ndarray) -> Floats:
    """Expected calibration error over BINS bins of equal width (Guo et al. 2017)."""
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gaps = (place[:, None] == np.arange(BINS)) * (right - confidence)[:, None]
    return np.abs(counts @ gaps).sum(axis=1) / counts.sum(axis=1)
