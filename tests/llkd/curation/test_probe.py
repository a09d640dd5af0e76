"""The probe: unseen rows only, all classes, rare ones, many rows."""

import numpy as np
import pytest

from llkd.curation import probe
from llkd.errors import ConfigError, DataError


def blobs(n, classes=3, dimensions=16, spread=0.15, seed=0):
    """Unit vectors around one direction per class."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % classes
    points = np.eye(dimensions)[label] + rng.normal(0, spread, (n, dimensions))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), label


def test_probabilities_sum_to_one_and_find_the_classes():
    points, label = blobs(150)
    probs = probe.probe(points, label, 3, seed=1)
    assert probs.shape == (150, 3)
    assert probs.sum(axis=1) == pytest.approx(np.ones(150))
    assert (probs.argmax(axis=1) == label).mean() > 0.95
    assert np.array_equal(probs, probe.probe(points, label, 3, seed=1))


def test_a_row_is_predicted_by_a_model_that_did_not_see_it():
    """A label that contradicts its neighbours is not believed, since its own row was held out."""
    points, label = blobs(120, spread=0.05)
    flipped = label.copy()
    flipped[10] = (label[10] + 1) % 3
    probs = probe.probe(points, flipped, 3)
    assert probs[10].argmax() == label[10]
    # The prediction of row 10 is that of a fit on exactly the other folds.
    fold = probe.assign_folds(flipped, 5, np.random.default_rng(0))
    model = probe.Fitted(points[fold != fold[10]], flipped[fold != fold[10]], 3)
    assert model.probabilities(points[10:11])[0] == pytest.approx(probs[10])


def test_unlabelled_rows_get_the_mean_of_the_fold_models():
    points, label = blobs(60)
    asked = np.concatenate([points, points[:1]])
    probs = probe.probe(asked, np.append(label, -1), 3, folds=4, seed=3)
    fold = probe.assign_folds(label, 4, np.random.default_rng(3))
    each = [
        probe.Fitted(points[fold != k], label[fold != k], 3).probabilities(points[:1])[0]
        for k in range(4)
    ]
    assert probs[-1] == pytest.approx(np.mean(each, axis=0))


def test_an_absent_class_has_probability_zero():
    points, label = blobs(60, classes=2)
    probs = probe.probe(points, label, 4)
    assert (probs[:, 2:] == 0).all()
    assert probs.sum(axis=1) == pytest.approx(np.ones(60))


def test_a_class_of_one_row_breaks_nothing():
    points, label = blobs(30, classes=2)
    label[0] = 2
    probs = probe.probe(points, label, 3)
    assert np.isfinite(probs).all()
    assert probs[0, 2] == 0  # its only row was held out
    assert (probs[1:, 2] > 0).any()


def test_two_rows_of_two_classes():
    points, _ = blobs(2, classes=2)
    probs = probe.probe(points, [0, 1], 2)
    assert probs.tolist() == [[0, 1], [1, 0]]  # each by the model that saw only the other


def test_folds_are_even_within_each_class():
    label = np.array([0] * 50 + [1] * 10 + [2] * 3 + [3] * 2)
    fold = probe.assign_folds(label, 5, np.random.default_rng(0))
    assert np.bincount(fold).tolist() == [13] * 5
    assert np.bincount(fold[label == 0]).tolist() == [10] * 5
    assert np.bincount(fold[label == 1]).tolist() == [2] * 5
    assert len(set(fold[label == 2])) == 3 and len(set(fold[label == 3])) == 2


def test_fitting_rows_keep_rare_classes():
    label = np.array([0] * 9990 + [1] * 10)
    rows = probe.fitting_rows(label, 2, 500, np.random.default_rng(0))
    assert len(rows) == 500 == len(set(rows.tolist()))
    assert (label[rows] == 1).sum() == 10


def test_many_rows_are_fitted_on_a_few(monkeypatch):
    points, label = blobs(100_000, classes=4, dimensions=32)
    fitted, real = [], probe.Fitted

    def spy(points, labels, classes):
        fitted.append(len(points))
        return real(points, labels, classes)

    monkeypatch.setattr(probe, "Fitted", spy)
    probs = probe.probe(points, label, 4, fit_limit=2000)
    assert fitted == [2000] * 5
    assert (probs.argmax(axis=1) == label).mean() > 0.9


def test_what_cannot_be_probed_is_said():
    points, label = blobs(20, classes=2)
    with pytest.raises(DataError, match="All 20 labelled texts have the same label"):
        probe.probe(points, np.zeros(20), 2)
    with pytest.raises(DataError, match="labelled no text yet"):
        probe.probe(points, np.full(20, -1), 2)
    with pytest.raises(DataError, match=r"shape \[20, 16\] and the labels \[3\]"):
        probe.probe(points, [0, 1, 0], 2)
    with pytest.raises(DataError, match="A label is class 1, but there are 1 classes"):
        probe.probe(points, label, 1)
    with pytest.raises(ConfigError, match="at least 2 folds, but it was 1"):
        probe.probe(points, label, 2, folds=1)
    broken = points.copy()
    broken[7, 0] = np.nan
    with pytest.raises(DataError, match="embedding of text 7"):
        probe.probe(broken, label, 2)
