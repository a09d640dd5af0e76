"""The order of a walk over the pool, and its learning rate."""

import numpy as np
import pytest

from llkd.training.batches import epoch_batches
from llkd.training.optimisation import rate_factor


def test_each_row_comes_once_an_epoch_and_the_order_repeats():
    lengths = np.random.default_rng(0).integers(1, 60, 1001)
    batches = epoch_batches(lengths, 32, seed=5, epoch=2)
    assert sorted(np.concatenate(batches)) == list(range(1001))
    assert sorted(map(len, batches)) == [9] + [32] * 31
    again = epoch_batches(lengths, 32, seed=5, epoch=2)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))
    for other in (epoch_batches(lengths, 32, 5, 3), epoch_batches(lengths, 32, 6, 2)):
        assert not np.array_equal(np.concatenate(batches), np.concatenate(other))


def test_batches_waste_little_padding():
    lengths = np.random.default_rng(0).integers(1, 60, 2000)
    padded = sum(lengths[b].max() * len(b) for b in epoch_batches(lengths, 32, 0, 0))
    order = np.random.default_rng(1).permutation(2000)
    unsorted = sum(lengths[order[k : k + 32]].max() * 32 for k in range(0, 2000, 32))
    assert padded < 1.2 * lengths.sum() < unsorted


def test_learning_rate_rises_and_falls():
    rates = [rate_factor(step, 10, 0.2) for step in range(10)]
    assert rates == pytest.approx([0.5, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    assert rate_factor(0, 1, 0.1) == 1
    assert min(rate_factor(s, 7, 1.0) for s in range(7)) > 0
