"""What the next labels are worth: forecasts against what then comes, and refusals."""

import numpy as np
import pytest

from llkd.errors import DataError
from llkd.evaluation.certificate import (
    certify,
    doubtful_texts,
    worth_of_audit_labels,
    worth_of_corrections,
    worth_of_teacher_labels,
)
from llkd.evaluation.certificate.worth import curve_gains


def test_more_audit_labels_narrow_the_estimate_and_raise_the_promise():
    now, soon, late = worth_of_audit_labels(2000, 50, 2, [0, 50, 400])
    assert now.half_width > soon.half_width > late.half_width > 0
    assert now.lower < soon.lower < late.lower < 0.96
    assert soon.half_width == pytest.approx(0.047, abs=0.01)


def test_a_forecast_is_no_better_than_the_certificate_will_be():
    (alone,) = worth_of_audit_labels(1000, 60, 0, [100])
    (third,) = worth_of_audit_labels(1000, 60, 0, [100], error_part=1 / 3, target=0.95)
    assert alone.lower > 0.96 and third.lower < 0.951
    answers = np.arange(160) != 159  # about as the forecast expects: one wrong
    levels = np.arange(160) % 4
    real = certify([250, 500, 750, 1000], levels, answers).sets[-1].lower
    assert third.lower == pytest.approx(real, abs=0.015)


def test_all_labels_make_it_exact():
    (entry,) = worth_of_audit_labels(60, 20, 3, [1000])
    assert entry.labels == 40 and entry.half_width == 0


def test_the_curve_of_a_power_law_is_found_again():
    sizes = np.array([100.0, 200, 300, 400])
    rng = np.random.default_rng(0)
    hits, truth = 0, 0.5 * (400**-0.5 - 800**-0.5)
    for _ in range(100):
        mean = 0.8 - 0.5 * sizes**-0.5
        # Draws share their texts: one error of all, and one of each.
        shared = rng.normal(0, 0.006, 4) + rng.normal(0, 0.02)
        scores = mean + shared + rng.normal(0, 0.0104, (12, 4)) + rng.normal(0, 0.03, (12, 1))
        low, high = np.quantile(curve_gains(sizes, scores, 400, 800, rng), [0.025, 0.975])
        hits += low <= truth <= high
    assert hits >= 90


def clusters(n, rng, spread=1.0):
    label = rng.integers(0, 3, n)
    points = np.eye(8)[label] + rng.normal(0, spread, (n, 8))
    return points / np.linalg.norm(points, axis=1, keepdims=True), label


def test_the_gain_of_more_teacher_labels_has_an_interval_or_a_reason():
    points, label = clusters(240, np.random.default_rng(1))
    near, far = worth_of_teacher_labels(points, label, 3, [200, 5000])
    assert near.reason is None and 0 <= near.low <= near.value <= near.high < 0.12
    assert far.value is None and far.reason == "5,000 more are too many to tell from 240."


@pytest.mark.parametrize(
    ("n", "label", "words"),
    [(60, None, "60 texts are labelled; a learning curve needs 100."), (120, 1, "the same class")],
)
def test_no_gain_is_told_where_nothing_can_be(n, label, words):
    points, labels = clusters(n, np.random.default_rng(2))
    labels = labels if label is None else np.full(n, label)
    (gain,) = worth_of_teacher_labels(points, labels, 3, [50])
    assert gain.value is None and words in gain.reason


def test_a_curve_needs_what_fits_together():
    with pytest.raises(DataError, match="one embedding and one label per text"):
        worth_of_teacher_labels(np.zeros((3, 2)), [0, 1], 2)


def test_the_most_doubtful_come_first_and_unknown_ones_never():
    confidence = np.array([0.9, np.nan, 0.2, 0.5])
    assert doubtful_texts(confidence, texts=2).tolist() == [2, 3]
    assert doubtful_texts(confidence, [0.1, 0.3, np.nan, 0.2]).tolist() == [1, 3, 0]
    assert doubtful_texts(confidence, [np.nan] * 4).tolist() == [2, 3, 0]


def test_wrong_labels_among_the_doubtful_are_foretold():
    rng = np.random.default_rng(3)
    hits = 0
    for seed in range(60):
        confidence = rng.uniform(0.2, 1, 1500)
        right = rng.random(1500) < confidence**1.5  # too sure
        audited = rng.permutation(1500)[:80]
        doubtful = doubtful_texts(confidence)
        result = worth_of_corrections(confidence, doubtful, audited, right[audited], seed=seed)
        wrong = (~right[np.setdiff1d(doubtful, audited)]).sum()
        hits += result.low <= wrong <= result.high
    assert hits >= 52


@pytest.mark.parametrize(
    ("audited", "wrong", "words"),
    [(20, 5, "this needs 30"), (40, 2, "Fewer than 5 audited labels are wrong")],
)
def test_too_little_is_said_to_be_too_little(audited, wrong, words):
    right = np.arange(audited) >= wrong
    result = worth_of_corrections(np.linspace(0, 1, 100), [99], np.arange(audited), right)
    assert result.wrong is None and words in result.reason
