"""The order in which a pool is walked: random, yet with texts of similar length side by side."""

from __future__ import annotations

import math

import numpy as np

from llkd.selection.signals import Ints

WINDOW = 8


def epoch_batches(lengths: Ints, batch_size: int, seed: int, epoch: int) -> list[Ints]:
    """Batches of positions 0 to n - 1, each position once, at most ``batch_size`` in each.

    Shuffled, sorted by length within windows of :data:`WINDOW` batches (so that little is padded),
    and the batches shuffled. Depends on these arguments only: runs with different selection
    strategies walk the same batches.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    window = WINDOW * batch_size
    sorted_windows = [
        part[np.argsort(lengths[part], kind="stable")]
        for part in (order[start : start + window] for start in range(0, len(order), window))
    ]
    walked = np.concatenate(sorted_windows)
    batches = [walked[start : start + batch_size] for start in range(0, len(walked), batch_size)]
    return [batches[k] for k in rng.permutation(len(batches))]


def steps_per_epoch(n: int, batch_size: int) -> int:
    """Batches in one walk over ``n`` texts."""
    return math.ceil(n / batch_size)
