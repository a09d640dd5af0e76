"""Scores to probabilities, label, confidence and information need."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd.errors import ConfigError
from llkd.selection import signals


def test_batch_calibration_takes_the_pool_mean_away():
    scores = np.log([[0.8, 0.2], [0.6, 0.4]])
    bias = signals.calibration_bias(scores, "batch")
    np.testing.assert_allclose(bias, scores.mean(axis=0))
    assert signals.pseudo_label(signals.teacher_probabilities(scores, bias)).tolist() == [0, 1]


def test_contextual_calibration_takes_the_content_free_mean_away():
    free = [[-1.0, -3.0], [-2.0, -4.0]]
    bias = signals.calibration_bias([[0.0, 0.0]], "contextual", free)
    np.testing.assert_allclose(bias, [-1.5, -3.5])


def test_none_changes_nothing_and_unknown_names_are_refused():
    assert signals.calibration_bias([[1.0, 2.0]], "none").tolist() == [0, 0]
    with pytest.raises(ConfigError, match="Calibration is one of none, batch, contextual"):
        signals.calibration_bias([[1.0, 2.0]], "platt")
    with pytest.raises(ConfigError, match="this teacher gave none"):
        signals.calibration_bias([[1.0, 2.0]], "contextual")


def test_missing_scores_stay_missing_and_do_not_move_the_bias():
    scores = np.array([[0.0, 2.0], [np.nan, np.nan]])
    bias = signals.calibration_bias(scores, "batch")
    np.testing.assert_allclose(bias, [0.0, 2.0])
    probabilities = signals.teacher_probabilities(scores, bias)
    assert signals.pseudo_label(probabilities).tolist() == [0, -1]
    sure = signals.confidence(probabilities)
    assert sure[0] == 0.5
    assert np.isnan(sure[1])
    assert np.isnan(signals.information_need(probabilities)[1])


def test_information_need_of_known_distributions():
    need = signals.information_need([[0.25] * 4, [1, 0, 0, 0], [0.5, 0.5, 0, 0]])
    np.testing.assert_allclose(need, [1.0, 0.0, 0.5], atol=1e-12)


def test_margin():
    np.testing.assert_allclose(signals.margin([[0.7, 0.2, 0.1]]), [0.5])


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 1000),
    rows=st.integers(1, 30),
    classes=st.integers(2, 9),
    method=st.sampled_from(["none", "batch"]),
    temperature=st.floats(0.1, 10),
)
def test_calibration_keeps_shapes_and_sums(seed, rows, classes, method, temperature):
    scores = np.random.default_rng(seed).normal(0, 30, (rows, classes))
    bias = signals.calibration_bias(scores, method)
    probabilities = signals.teacher_probabilities(scores, bias, temperature)
    assert probabilities.shape == scores.shape
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert (signals.information_need(probabilities) <= 1).all()


def test_a_calibrations_name_is_split():
    assert signals.split_calibration("batch") == ("batch", False)
    assert signals.split_calibration("contextual+temperature") == ("contextual", True)
    for wrong in ("platt", "batch+", "+temperature", "batch+temperature+temperature"):
        with pytest.raises(ConfigError, match="none, batch, contextual, none.temperature"):
            signals.split_calibration(wrong)


def drawn_gold(logits, temperature, rng):
    """Gold drawn from the softmax of these logits at this temperature."""
    probabilities = signals.softmax(logits / temperature)
    return np.array([rng.choice(len(row), p=row) for row in probabilities])


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0, 8.0])
def test_the_temperature_that_made_the_gold_is_found(temperature):
    rng = np.random.default_rng(1)
    logits, bias = rng.normal(0, 4, (6000, 4)), np.array([3.0, -1.0, 0.0, 7.0])
    gold = drawn_gold(logits, temperature, rng)
    found = signals.fit_temperature(logits + bias, bias, gold)
    assert found == pytest.approx(temperature, rel=0.06)
    # The bias may be given row by row, and rows without gold or scores say nothing.
    more = np.vstack([logits + bias, np.full((1, 4), np.nan), np.zeros((1, 4))])
    each = np.tile(bias, (len(more), 1))
    assert signals.fit_temperature(more, each, [*gold, 2, -1]) == pytest.approx(found)


def test_the_fit_agrees_with_a_fine_grid():
    rng = np.random.default_rng(2)
    scores = rng.normal(0, 3, (60, 3))
    gold = drawn_gold(scores, 2.0, rng)
    found = signals.fit_temperature(scores, 0.0, gold)
    grid = np.exp(np.linspace(np.log(0.05), np.log(20), 4001))
    losses = [signals.gold_nll(scores, 0.0, gold, t) for t in grid]
    assert found == pytest.approx(grid[int(np.argmin(losses))], rel=2e-3)
    by_hand = -np.log(signals.softmax(scores / 2)[np.arange(60), gold]).mean()
    assert signals.gold_nll(scores, 0.0, gold, 2.0) == pytest.approx(by_hand)


def test_a_temperature_needs_rows_and_a_wrong_one():
    scores = np.tile([[2.0, 0.0]], (10, 1))
    assert signals.fit_temperature(scores, 0.0, [0] * 10) is None  # all right: no end to it
    assert signals.fit_temperature(scores[:9], 0.0, [0] * 8 + [1]) is None
    # 9 of 10 right at a difference of 2: ln 9 = 2 / T
    assert signals.fit_temperature(scores, 0.0, [0] * 9 + [1]) == pytest.approx(2 / np.log(9), 1e-5)
    assert signals.fit_temperature(scores, 0.0, [1] * 10) == pytest.approx(20.0, rel=1e-4)
    assert signals.gold_nll(scores, 0.0, [-1] * 10, 1.0) is None


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(10, 40),
    classes=st.integers(2, 6),
    spread=st.floats(0.01, 60),
)
def test_a_fitted_temperature_is_never_worse_and_changes_no_label(seed, rows, classes, spread):
    rng = np.random.default_rng(seed)
    scores, gold = rng.normal(0, spread, (rows, classes)), rng.integers(0, classes, rows)
    found = signals.fit_temperature(scores, 0.0, gold)
    plain = signals.pseudo_label(signals.teacher_probabilities(scores))
    if found is None:
        assert (plain == gold).all()
        return
    low, high = signals.TEMPERATURES
    assert low <= found <= high
    assert found == signals.fit_temperature(scores, 0.0, gold)
    after = signals.gold_nll(scores, 0.0, gold, found)
    assert after <= signals.gold_nll(scores, 0.0, gold, 1.0)
    tempered = signals.pseudo_label(signals.teacher_probabilities(scores, 0.0, found))
    assert tempered.tolist() == plain.tolist()
