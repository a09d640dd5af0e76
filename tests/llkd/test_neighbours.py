import numpy as np
import pytest

from llkd.config import SelectionConfig
from llkd.curation import neighbour_votes
from llkd.errors import ConfigError
from llkd.strategies import StrategyInputs, make_strategy, prepared

NAMES = ["a", "b", "c"]


def test_votes_are_those_of_the_nearest_others():
    # On a circle, ten degrees apart; the neighbours of each are the ones beside it.
    angle = np.deg2rad(np.arange(0, 60, 10))
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    votes = neighbour_votes(points, np.array([0, 0, 1, 2, 2, 2]), 3, neighbours=2)
    np.testing.assert_allclose(votes[0], [0.5, 0.5, 0])
    np.testing.assert_allclose(votes[2], [0.5, 0, 0.5])
    np.testing.assert_allclose(votes[4], [0, 0, 1])


def test_against_the_plain_way():
    rng = np.random.default_rng(3)
    points, label = rng.normal(size=(80, 5)), rng.integers(-1, 3, 80)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    votes = neighbour_votes(points, label, 3, neighbours=7)
    for i in range(80):
        others = [j for j in np.argsort(-unit @ unit[i]) if j != i and label[j] >= 0][:7]
        expected = np.bincount(label[others], minlength=3) / 7
        np.testing.assert_allclose(votes[i], expected)


def test_equal_texts_vote_for_each_other_and_nobody_for_himself():
    points = np.array([[1.0, 0.0]] * 6)
    votes = neighbour_votes(points, np.array([0, 1, 1, 1, 1, 1]), 2, neighbours=5)
    np.testing.assert_allclose(votes[0], [0, 1])
    np.testing.assert_allclose(votes[1], [0.2, 0.8])


def test_only_so_many_vote_and_without_voters_there_is_no_vote():
    rng = np.random.default_rng(0)
    points, label = rng.normal(size=(50, 4)), rng.integers(0, 2, 50)
    few = neighbour_votes(points, label, 2, neighbours=3, voters=4)
    assert np.isfinite(few).all() and np.allclose(few.sum(axis=1), 1)
    assert np.isnan(neighbour_votes(points, np.full(50, -1), 2)).all()
    one = np.full(50, -1)
    one[7] = 1
    assert np.isnan(neighbour_votes(points, one, 2)).all()


def strategy(votes, **settings):
    made = make_strategy(SelectionConfig(strategy="neighbours", **settings), NAMES)
    return prepared(made, StrategyInputs(np.eye(3)[[0, 0, 1, 2]], votes))


VOTES = np.array([[0.6, 0.4, 0], [0.4, 0.6, 0], [0.4, 0.4, 0.2], [1, 0, 0]])


def test_outvoted_labels_do_not_pass_and_ties_do():
    _, result = strategy(VOTES, share=1.0).step(
        np.eye(3)[[0, 0, 1, 2]], rng=np.random.default_rng(0), positions=np.arange(4)
    )
    assert result.selected.tolist() == [True, False, True, False]
    assert result.weight.tolist() == [1, 0, 1, 0]


def test_positions_name_the_texts_and_what_passes_is_thinned_to_the_share():
    votes = np.tile(VOTES[:1], (40, 1))
    votes[::2] = [0, 1, 0]
    made = strategy(votes, share=0.25)
    rng = np.random.default_rng(0)
    order = np.random.default_rng(1).permutation(40)
    drawn = []
    for part in order.reshape(5, 8):
        made, result = made.step(np.tile(np.eye(3)[:1], (8, 1)), rng=rng, positions=part)
        assert (part[result.selected] % 2 == 1).all()
        drawn.append(result.selected.sum())
    assert max(drawn) <= 2 and sum(drawn) > 5
    _, result = made.step(
        np.tile(np.eye(3)[:1], (8, 1)), rng=rng, count=3, positions=np.arange(1, 17, 2)
    )
    assert result.selected.sum() == 3
    # Four of eight pass; at the count of a reference run those with the most votes come next.
    votes[0:8:2] = [[0, 1, 0], [0.4, 0.6, 0], [0.1, 0.9, 0], [0.2, 0.8, 0]]
    _, result = strategy(votes).step(
        np.tile(np.eye(3)[:1], (8, 1)), rng=rng, count=6, positions=np.arange(8)
    )
    assert np.flatnonzero(~result.selected).tolist() == [0, 4]


def test_without_votes_it_says_what_to_do():
    with pytest.raises(ConfigError, match="needs the texts' embeddings. Run: llkd probe"):
        strategy(None)
    assert not strategy(VOTES).needs_student
