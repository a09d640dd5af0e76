"""Scores to probabilities, label, confidence and information need."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd import signals
from llkd.errors import ConfigError


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
