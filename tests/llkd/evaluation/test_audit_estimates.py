"""Precision of kept texts while a line moves, and agreement of two people."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from llkd.errors import DataError
from llkd.evaluation.certificate import cohen_kappa, exact_interval, kept_precision


def coverage(rights, audited, simulations=300, seed=0):
    """How often the interval holds the truth, and its mean width next to the exact one's."""
    rng = np.random.default_rng(seed)
    size = 800
    holds, widths, exact = [], [], []
    for _ in range(simulations):
        chance = np.clip(rng.beta(4 * rights, 4 * (1 - rights), size), 0.01, 0.99)
        right = rng.random(size) < chance
        fitted = np.clip(chance + 0.2 * rng.random(size), 0, 1)  # too sure, as teachers are
        rows = rng.permutation(size)[:audited]
        mask = chance > 0.3
        estimate = kept_precision(fitted, mask, rows, right[rows])
        holds.append(estimate.low <= right[mask].mean() <= estimate.high)
        widths.append(estimate.high - estimate.low)
        of_set = right[rows[mask[rows]]]
        low, high = exact_interval(int(mask.sum()), len(of_set), int(of_set.sum()))
        exact.append(high - low)
    return np.mean(holds), np.mean(widths), np.mean(exact)


@pytest.mark.parametrize(("rights", "audited"), [(0.7, 25), (0.7, 200), (0.95, 60), (0.95, 400)])
def test_the_interval_holds_the_truth_in_95_of_100(rights, audited):
    share, width, exact = coverage(rights, audited)
    assert share >= 0.95 - 3 * (0.05 * 0.95 / 300) ** 0.5
    assert width <= exact * 1.001
    assert audited != 200 or width < 0.93 * exact


def test_without_audited_texts_it_is_the_fitted_mean_and_says_nothing_more():
    estimate = kept_precision([0.5, 0.7, 0.1], [True, True, False], [2], [True])
    assert (estimate.value, estimate.low, estimate.high) == (pytest.approx(0.6), 0, 1)
    assert estimate.checked == 0
    assert kept_precision([0.5], [False], [], []) is None


def test_with_every_text_audited_it_is_the_share():
    rng = np.random.default_rng(0)
    right = rng.random(90) < 0.6
    estimate = kept_precision(rng.random(90), np.ones(90, bool), np.arange(90), right)
    assert estimate.value == estimate.low == estimate.high == right.mean()


def test_texts_without_a_confidence_spoil_nothing():
    rng = np.random.default_rng(1)
    fitted = rng.random(2000)
    right = rng.random(2000) < fitted
    fitted[:100] = np.nan
    estimate = kept_precision(fitted, np.ones(2000, bool), np.arange(0, 2000, 10), right[::10])
    assert estimate.low < right.mean() < estimate.high and estimate.checked == 200


def test_a_chance_that_stands_on_the_line_is_plausible():
    # With 39 of 40 right the one that was drawn is wrong in one of 40 draws: 0.025.
    assert exact_interval(40, 1, 0) == (0, 39 / 40)
    assert exact_interval(40, 1, 1) == (1 / 40, 1)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_exact_interval_is_where_neither_tail_is_small(data):
    size = data.draw(st.integers(1, 60))
    n = data.draw(st.integers(1, size))
    rights = data.draw(st.integers(0, n))
    low, high = exact_interval(size, n, rights)
    line = 0.025 * (1 - 1e-9)  # what stands on it is plausible
    plausible = [
        m for m in range(rights, size - n + rights + 1)
        if stats.hypergeom.sf(rights - 1, size, m, n) >= line
        and stats.hypergeom.cdf(rights, size, m, n) >= line
    ]  # fmt: skip
    assert (round(low * size), round(high * size)) == (plausible[0], plausible[-1])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60))
def test_kappa_is_the_usual_one(pairs):
    a, b = np.array(pairs).T
    result = cohen_kappa(a, b)
    if len(np.unique(np.concatenate([a, b]))) == 1:
        assert result.kappa is None and result.agreement == 1
        return
    assert result.kappa == pytest.approx(cohen_kappa_score(a, b))
    assert -1 <= result.kappa_low <= result.kappa <= result.kappa_high + 1e-12 <= 1 + 1e-9
    assert result.agreement == pytest.approx((a == b).mean())
    assert result.agreement_high - result.agreement_low > 0.01


def test_full_agreement_of_few_texts_is_not_certain():
    result = cohen_kappa(["a", "b"] * 10, ["a", "b"] * 10)
    assert result.kappa == 1 and result.kappa_high == 1 and 0.5 < result.kappa_low < 0.8


def test_the_interval_of_kappa_holds_the_truth():
    rng = np.random.default_rng(2)
    truth, holds = 0.5, []
    for _ in range(300):
        same = rng.random(100) < truth  # of three classes: agree surely, or by chance
        a = rng.integers(0, 3, 100)
        b = np.where(same, a, rng.integers(0, 3, 100))
        result = cohen_kappa(a, b)
        holds.append(result.kappa_low <= truth <= result.kappa_high)
    assert np.mean(holds) >= 0.95 - 3 * (0.05 * 0.95 / 300) ** 0.5


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_texts_have_no_kappa(n):
    result = cohen_kappa([1] * n, [1] * n)
    assert result.kappa is result.kappa_low is None and result.texts == n
    assert result.agreement == (1 if n else None)


def test_lists_that_do_not_fit_get_a_sentence():
    with pytest.raises(DataError, match="same length"):
        cohen_kappa([1, 2], [1])
    with pytest.raises(DataError, match="none of those"):
        kept_precision([0.5], [True], [3], [True])
