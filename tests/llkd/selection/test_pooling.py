"""The pool of several teachers: numbers by hand, and weights against a known truth."""

import numpy as np
import pytest

from llkd.errors import ConfigError
from llkd.selection import pooling
from llkd.selection.pooling import equal_weights, fit_weights, member_logs, pool, pool_fitted

NONE = [-1]


def logs_of(*rows):
    return member_logs(np.array(rows, float), np.full(len(rows), -1))


def test_equal_members_give_the_geometric_mean_and_their_disagreement():
    a, b = logs_of([0.8, 0.2]), logs_of([0.4, 0.6])
    pooled = pool([a, b], equal_weights(2))
    mean = np.sqrt(np.array([0.8 * 0.4, 0.2 * 0.6]))
    q = mean / mean.sum()
    np.testing.assert_allclose(np.exp(pooled.log_probabilities[0]), q, rtol=1e-9)
    apart = [sum(p * np.log(p / q[k]) for k, p in enumerate(m)) for m in ((0.8, 0.2), (0.4, 0.6))]
    assert pooled.disagreement[0] == pytest.approx(np.mean(apart))
    assert pool([a, a], equal_weights(2)).disagreement[0] == pytest.approx(0, abs=1e-12)


def test_a_row_that_one_member_lacks_is_the_others_and_nobody_disagrees():
    a, b = logs_of([np.nan, np.nan], [0.9, 0.1]), logs_of([0.3, 0.7], [np.nan, np.nan])
    pooled = pool([a, b], equal_weights(2))
    np.testing.assert_allclose(np.exp(pooled.log_probabilities), [[0.3, 0.7], [0.9, 0.1]])
    assert np.isnan(pooled.disagreement).all()
    nobody = pool([logs_of([np.nan, np.nan])] * 2, equal_weights(2))
    assert np.isnan(nobody.log_probabilities).all() and np.isnan(nobody.disagreement).all()


def test_a_label_without_confidence_and_a_probability_of_zero():
    named = member_logs(np.full((2, 3), np.nan), np.array([1, -1]))
    np.testing.assert_allclose(np.exp(named[0]), [0.05, 0.9, 0.05])
    assert np.isnan(named[1]).all()
    (sure,) = np.exp(logs_of([1.0, 0.0, 0.0]))
    assert sure.sum() == pytest.approx(1) and sure[1] == pytest.approx(1e-6, rel=1e-3)


def test_weights_that_are_none():
    for weights in ([1.0], [0.5, -0.1], [np.nan, 1.0]):
        with pytest.raises(ConfigError, match="as many weights from 0 on"):
            pool([logs_of([0.5, 0.5])] * 2, weights)


def simulated(n, seed):
    """Gold, a member that is right in nine of ten and one that guesses."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 3, n)
    told = np.where(rng.random(n) < 0.9, gold, (gold + 1) % 3)
    good, guess = np.full((n, 3), 0.05), rng.dirichlet(np.ones(3), n)
    good[np.arange(n), told] = 0.9
    return gold, [logs_of(*good), logs_of(*guess)]


def test_fitted_weights_trust_the_member_that_is_right():
    gold, logs = simulated(2000, 0)
    weights = fit_weights(logs, gold)
    assert weights[0] == pytest.approx(1.0, abs=0.12), "its probabilities are true"
    assert weights[1] == pytest.approx(0.0, abs=0.08), "a guess says nothing"
    # The true gradient: no neighbour of the optimum is likelier.
    few = simulated(60, 1)
    best = fit_weights(few[1], few[0])

    def loss(w):
        log = pool(few[1], w).log_probabilities
        return -log[np.arange(60), few[0]].sum() + ((w - 0.5) ** 2).sum() / 2

    for step in ([0.02, 0], [-0.02, 0], [0, 0.02]):
        assert loss(best) <= loss(np.maximum(best + step, 0)) + 1e-6


def test_too_few_known_texts_fit_nothing():
    gold, logs = simulated(19, 0)
    assert fit_weights(logs, gold) is None and pool_fitted(logs, gold) is None


def test_no_text_is_pooled_by_weights_fitted_to_itself():
    gold, logs = simulated(40, 3)
    first, _ = pool_fitted(logs, gold)
    for row in (0, 7):
        other = gold.copy()
        other[row] = (other[row] + 1) % 3
        second, _ = pool_fitted(logs, other)
        np.testing.assert_array_equal(
            first.log_probabilities[row], second.log_probabilities[row], "its gold changes nothing"
        )
    assert not np.array_equal(first.log_probabilities, second.log_probabilities)
    assert pooling.FOLDS == 5
