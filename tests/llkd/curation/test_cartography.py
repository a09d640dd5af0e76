"""Dataset cartography: the three numbers of a text, by hand and against numpy."""

import numpy as np
import pytest

from llkd.curation import cartography
from llkd.errors import DataError


def test_a_text_that_is_learned_one_that_is_not_and_one_that_wavers():
    said = np.array(
        [
            [[0.9, 0.1], [0.7, 0.3], [0.5, 0.5]],
            [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]],
        ]
    )
    found = cartography.map_of(said, [0, 1, 1])
    assert found.epochs == 2
    assert found.confidence == pytest.approx([0.95, 0.2, 0.75])
    assert found.variability == pytest.approx([0.05, 0.1, 0.25])
    assert found.correctness.tolist() == [1.0, 0.0, 0.5]  # of a tie the first class is the answer


def test_it_is_the_mean_and_the_deviation_of_numpy_epoch_by_epoch():
    rng = np.random.default_rng(0)
    said = rng.dirichlet([0.5, 0.5, 0.5], (7, 300))
    label = rng.integers(0, 3, 300)
    found = cartography.map_of(iter(said), label)
    own = said[:, np.arange(300), label]
    assert found.confidence == pytest.approx(own.mean(axis=0))
    assert found.variability == pytest.approx(own.std(axis=0))
    assert found.correctness == pytest.approx((said.argmax(axis=2) == label).mean(axis=0))
    assert found.variability.max() <= 0.5


def test_regions_begin_with_their_most_typical_text():
    found = cartography.Cartography(
        3, np.array([0.2, 0.9, 0.5, 0.2]), np.array([0.1, 0.0, 0.4, 0.1]), np.zeros(4)
    )
    assert cartography.ranked(found, "hard to learn").tolist() == [0, 3, 2, 1]
    assert cartography.ranked(found, "easy to learn").tolist() == [1, 2, 0, 3]
    assert cartography.ranked(found, "ambiguous").tolist() == [2, 0, 3, 1]
    with pytest.raises(DataError, match="it was 'odd'"):
        cartography.ranked(found, "odd")


def test_one_epoch_is_no_map_and_shapes_must_fit():
    one = np.full((1, 4, 2), 0.5)
    with pytest.raises(DataError, match="at least 2 epochs, but there is 1"):
        cartography.map_of(one, np.zeros(4, int))
    with pytest.raises(DataError, match=r"epoch 2 have the shape \[3, 2\]"):
        cartography.map_of([one[0], one[0][:3]], np.zeros(4, int))


def test_of_many_texts_the_same_sample_is_drawn_each_time():
    assert cartography.shown(5, 5).tolist() == [0, 1, 2, 3, 4]
    some = cartography.shown(1000, 100)
    assert len(np.unique(some)) == 100 and (np.diff(some) > 0).all()
    assert some.tolist() == cartography.shown(1000, 100).tolist()
