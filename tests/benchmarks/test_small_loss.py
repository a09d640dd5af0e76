"""Small loss, which failed: its mixture, its window, and that it comes back from its state."""

import json

import numpy as np
import pytest

from benchmarks.failed_strategies.mixture import fit_two
from benchmarks.failed_strategies.small_loss import SmallLoss
from benchmarks.failed_strategies.trust import Trust
from llkd.errors import ConfigError


def batch_of(confidence, label_prob):
    """Label 0 throughout: the teacher's and the student's probability of it."""
    pair = np.asarray(confidence, dtype=float), np.asarray(label_prob, dtype=float)
    return tuple(np.column_stack([p, (1 - p) / 2, (1 - p) / 2]) for p in pair)


def strategy_of(name, length=20):
    return SmallLoss(3, length) if name == "small_loss" else Trust(3, 0.3, length)


def test_a_mixture_finds_two_heaps_and_the_low_one():
    rng = np.random.default_rng(0)
    low, high = rng.normal(0.2, 0.05, 700), rng.normal(3.0, 0.6, 300)
    mixture = fit_two(np.concatenate([low, high]))
    assert mixture.mean == pytest.approx([0.2, 3.0], abs=0.1)
    assert mixture.share == pytest.approx([0.7, 0.3], abs=0.02)
    assert np.sqrt(mixture.variance) == pytest.approx([0.1, 0.6], abs=0.06)
    assert (mixture.low(low) >= 0.5).all() and (mixture.low(high) >= 0.5).mean() < 0.01
    assert mixture.low(np.array([-50.0, 0.2]))[0] == 1, (
        "the far low end is low, however wide the top"
    )
    assert np.isfinite(mixture.low(np.array([1e6]))).all()
    assert fit_two(np.full(9, 2.5)) is None and fit_two([]) is None


def test_a_mixture_agrees_with_the_usual_library():
    from sklearn.mixture import GaussianMixture

    rng = np.random.default_rng(1)
    values = np.concatenate([rng.gamma(1.0, 0.2, 500), rng.normal(2.5, 0.7, 200)])
    unit = (values - values.min()) / np.ptp(values)
    theirs = GaussianMixture(2, random_state=0, max_iter=500, tol=1e-9, reg_covar=5e-4)
    mean = np.sort(theirs.fit(unit[:, None]).means_[:, 0]) * np.ptp(values) + values.min()
    assert fit_two(values).mean == pytest.approx(mean, abs=0.01)


def test_small_loss_takes_everything_until_its_window_is_full():
    rng = np.random.default_rng(0)
    strategy = SmallLoss(3, length=3)
    for number in range(8):
        wrong = np.arange(20) < 6
        own = np.where(wrong, rng.uniform(0.01, 0.1, 20), rng.uniform(0.7, 0.99, 20))
        strategy, result = strategy.step(*batch_of(np.full(20, 0.9), own))
        if number < 2:
            assert result.selected.all()
        else:
            assert result.selected.tolist() == (~wrong).tolist()


def test_trust_meets_its_share_on_a_steady_stream():
    rng = np.random.default_rng(0)
    strategy, shares = strategy_of("trust"), []
    for _ in range(200):
        pair = batch_of(rng.uniform(0.5, 1, 16), rng.uniform(0.01, 0.99, 16))
        strategy, result = strategy.step(*pair)
        shares.append(result.selected.mean())
    assert np.mean(shares[20:]) == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("name", ["small_loss", "trust"])
def test_a_count_fixes_how_many_are_taken_and_the_student_is_needed(name):
    rng = np.random.default_rng(4)
    strategy = strategy_of(name)
    with pytest.raises(ConfigError, match="needs the student's probabilities"):
        strategy.step(np.full((2, 3), 1 / 3))
    for count in (0, 3, 12, 1):
        pair = rng.dirichlet([0.5] * 3, 12), rng.dirichlet([1.0] * 3, 12)
        strategy, result = strategy.step(*pair, count=count)
        assert result.selected.sum() == count
    if name == "small_loss":
        _, result = strategy.step(*batch_of([0.9] * 5, [0.5, 0.1, 0.9, 0.2, 0.7]), count=2)
        assert np.flatnonzero(result.selected).tolist() == [2, 4]


@pytest.mark.parametrize("name", ["small_loss", "trust"])
def test_a_strategy_restored_before_every_step_decides_alike(name):
    """Also between two fits: their age is part of the state."""
    rng = np.random.default_rng(6)
    whole = cut = strategy_of(name, 4)
    for _ in range(15):
        pair = batch_of(rng.uniform(0.5, 1, 24), rng.beta(0.5, 0.5, 24))
        cut = strategy_of(name, 4).restored(json.loads(json.dumps(cut.state())))
        whole, first = whole.step(*pair)
        cut, second = cut.step(*pair)
        assert first.selected.tolist() == second.selected.tolist()
        assert whole.state() == cut.state()
