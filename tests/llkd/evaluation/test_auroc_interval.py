"""The interval of the area under the ROC curve."""

import numpy as np

from llkd.evaluation.confidence_metrics import auroc, auroc_interval


def _drawn(rng, n):
    right = rng.random(n) < 0.7
    return rng.normal(right * 1.0, 1.0), right


def test_it_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth = auroc(*_drawn(rng, 200_000))
    spans = [auroc_interval(*_drawn(rng, 120)) for _ in range(400)]
    assert 0.90 <= np.mean([low <= truth <= high for low, high in spans]) <= 0.99


def test_more_rows_make_it_narrower_and_it_stays_within_0_and_1():
    rng = np.random.default_rng(1)
    few, many = auroc_interval(*_drawn(rng, 30)), auroc_interval(*_drawn(rng, 3000))
    assert many[1] - many[0] < (few[1] - few[0]) / 4
    low, high = auroc_interval([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 1])
    assert 0.0 <= low < high <= 1.0


def test_where_it_cannot_be_told_there_is_none():
    assert auroc_interval([0.9, 0.5], [1, 1]) is None
    assert auroc_interval([0.9, 0.8, 0.2], [1, 1, 0]) is None
