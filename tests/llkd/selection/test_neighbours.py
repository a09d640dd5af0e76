import numpy as np
import pytest

from llkd.config import SelectionConfig
from llkd.curation import knn, knn_votes, nearest_voters
from llkd.errors import ConfigError, JobCancelled
from llkd.selection.inputs import StrategyInputs, prepared
from llkd.selection.registry import make_strategy
from llkd.selection.strategies.neighbours import (
    class_shares,
    knn_agrees,
    label_support,
    support_rank,
)

NAMES = ["a", "b", "c"]


def opinions(points, label, classes, said=None, **settings):
    said = np.full((len(label), classes), 1 / classes) if said is None else said
    return knn_votes(points, label, said, **settings)


def test_votes_are_those_of_the_nearest_others():
    # On a circle, ten degrees apart; the neighbours of each are the ones beside it.
    angle = np.deg2rad(np.arange(0, 60, 10))
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    label = np.array([0, 0, 1, 2, 2, 2])
    said = np.eye(3)[label] * 0.7 + 0.1
    votes, means, base = opinions(points, label, 3, said, neighbours=2)
    # Whom each could have asked: the five others.
    np.testing.assert_allclose(base[[0, 2, 4]], [[0.2, 0.2, 0.6], [0.4, 0, 0.6], [0.4, 0.2, 0.4]])
    np.testing.assert_allclose(votes[[0, 2, 4]], [[0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0, 1]])
    np.testing.assert_allclose(means, votes * 0.7 + 0.1)


def test_against_the_plain_way():
    rng = np.random.default_rng(3)
    points, label = rng.normal(size=(80, 5)), rng.integers(-1, 3, 80)
    said = rng.dirichlet([1.0] * 3, 80)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    votes, means, _ = opinions(points, label, 3, said, neighbours=7)
    for i in range(80):
        others = [j for j in np.argsort(-unit @ unit[i]) if j != i and label[j] >= 0][:7]
        np.testing.assert_allclose(votes[i], np.bincount(label[others], minlength=3) / 7)
        np.testing.assert_allclose(means[i], said[others].mean(axis=0))


def test_equal_texts_vote_for_each_other_and_nobody_for_himself():
    points = np.array([[1.0, 0.0]] * 6)
    votes, _, base = opinions(points, np.array([0, 1, 1, 1, 1, 1]), 2, neighbours=5)
    np.testing.assert_allclose(votes[0], [0, 1])
    np.testing.assert_allclose(base[[0, 1]], [[0, 1], [0.2, 0.8]])


def test_near_duplicates_have_one_vote_together_and_none_for_each_other():
    # Four copies at 0 degrees, two of them mislabelled, then single texts 10 degrees apart.
    angle = np.deg2rad([0, 0, 0, 0, 10, 20, 30, 40, 50, 60])
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    label = np.array([0, 0, 1, 1, 2, 2, 2, 1, 1, 1])
    group = np.array([0, 0, 0, 0, 4, 5, 6, 7, 8, 9])
    votes, _, base = opinions(points, label, 3, group=group, neighbours=2)
    np.testing.assert_allclose(votes[:4], [[0, 0, 1]] * 4)  # those at 10 and 20 degrees
    np.testing.assert_allclose(votes[4], [0.25, 0.25, 0.5])  # the copies as one, and 20 degrees
    np.testing.assert_allclose(base[0], [0, 0.5, 0.5])
    alone, _, _ = opinions(points, label, 3, group=np.zeros(10), neighbours=2)
    assert np.isnan(alone).all()


@pytest.mark.parametrize("texts", range(2, 17))
def test_in_a_small_pool_the_own_class_can_win(texts):
    # Two classes far apart, every label right: all pass, however few there are.
    rng = np.random.default_rng(texts)
    label = np.arange(texts) % 2
    points = np.eye(2)[label] + rng.normal(size=(texts, 2)) * 0.05
    votes, means, base = opinions(points, label, 2, np.eye(2)[label])
    alone = np.bincount(label, minlength=2)[label] == 1
    passes = knn_agrees(votes, label, base)
    assert passes.tolist() == (~alone).tolist()
    # On 0.3.0 fifteen neighbours of sixteen texts outvoted every label by the one that is missing.


def test_without_voters_there_is_no_vote():
    points, one = np.random.default_rng(0).normal(size=(50, 4)), np.full(50, -1)
    one[7] = 1
    for label in (np.full(50, -1), one):
        assert all(np.isnan(said).all() for said in opinions(points, label, 2))


LABEL = np.array([0, 0, 1, 2])
EVEN = np.eye(3)[LABEL] * 0.7 + 0.1


def strategy(votes, nearby=None, said=EVEN, name="neighbours", **settings):
    made = make_strategy(SelectionConfig(strategy=name, **settings), NAMES)
    nearby = np.full(said.shape, 1 / 3) if nearby is None else nearby
    inputs = StrategyInputs(said, votes, knn_mean_probs=nearby)
    if votes is not None:
        label = said.argmax(axis=1)
        passes, rank = label_support(votes, nearby, said, label, class_shares(label, 3), 1.0)
        inputs = StrategyInputs(said, passes=passes, support=rank)
    return prepared(made, inputs)


def test_votes_count_against_the_share_of_the_class():
    # Half of the labels are the first class: it needs twice the votes of the others.
    votes = np.array([[0.6, 0.3, 0.1], [0.4, 0.3, 0.3], [0.5, 0.2, 0.3], [0.5, 0.2, 0.3]])
    base = class_shares(LABEL, 3)
    assert knn_agrees(votes, LABEL, base, 1.0).tolist() == [True, False, False, True]
    unlabelled = np.array([0, 0, -1, 2])
    answer = knn_agrees(np.eye(3)[[0, 1, 1, 2]], unlabelled, class_shares(unlabelled, 3), 1.0)
    assert answer.tolist() == [True, False, False, True]
    assert not knn_agrees(np.full((4, 3), np.nan), LABEL, base).any()


def test_damping_lies_between_the_plain_majority_and_the_class_share():
    # Nine of ten labels are of the first class; the rare one needs few votes, or more of them.
    base = np.array([0.9, 0.1])
    votes = np.array([[0.85, 0.15], [0.7, 0.3], [0.45, 0.55]])
    common, rare = np.zeros(3, dtype=int), np.ones(3, dtype=int)
    assert knn_agrees(votes, common, base, 0.0).tolist() == [True, True, False]
    assert knn_agrees(votes, common, base, 0.5).tolist() == [True, False, False]
    assert knn_agrees(votes, common, base, 1.0).tolist() == [False, False, False]
    assert knn_agrees(votes, rare, base, 0.5).tolist() == [False, True, True]


def test_a_large_difference_of_scores_makes_no_label_pass():
    # The teacher is certain to the last bit, so the rank is 1; its neighbours all say otherwise.
    said = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    votes = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    nearby = np.array([[1e-30, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    label = said.argmax(axis=1)
    passes, rank = label_support(votes, nearby, said, label, class_shares(label, 2), 1.0)
    assert rank[0] == 1.0 and passes.tolist() == [False, True, True, True]
    made = make_strategy(SelectionConfig(strategy="neighbours", share=1.0), ["a", "b"])
    made = prepared(made, StrategyInputs(said, passes=passes, support=rank))
    for seed in range(20):
        _, result = made.step(said, rng=np.random.default_rng(seed), positions=np.arange(4))
        assert not result.selected[0]


def test_evidence_joins_what_teacher_and_neighbours_say():
    said, nearby = np.array([[0.6, 0.2, 0.2]]), np.array([[0.5, 0.25, 0.25]])
    label = np.array([0])
    assert support_rank(said, nearby, label, class_shares(label, 3), 1.0) == pytest.approx(
        [0.3 / 0.4]
    )
    # A class with many labels has to be named by more neighbours.
    many = np.array([0, 0, 1, 2])
    shares = class_shares(many, 3)
    told = support_rank(np.tile(said, (4, 1)), np.tile(nearby, (4, 1)), many, shares, 1.0)
    assert told == pytest.approx([0.6 / 1.0, 0.6 / 1.0, 0.2, 0.2])
    assert support_rank(said, nearby, np.array([-1]), shares, 1.0) == [0]
    assert support_rank(said, np.full((1, 3), np.nan), label, shares, 1.0) == [0]
    # Without a confidence the neighbours alone speak.
    unsure = np.full((1, 3), np.nan)
    assert support_rank(unsure, nearby, label, shares, 0.0) == pytest.approx([0.5])


def pool_of(n, outvoted=(), weak=()):
    """``n`` texts of the first class; the neighbours contradict some, the teacher is unsure of
    some."""
    votes, said = np.tile([[0.8, 0.1, 0.1]], (n, 1)), np.tile([[0.8, 0.1, 0.1]], (n, 1))
    votes[list(outvoted)] = [0, 1, 0]
    said[list(weak)] = [0.4, 0.3, 0.3]
    return votes, said


def test_of_each_class_those_with_the_least_behind_them_stay_out():
    votes, said = pool_of(10, weak=[2, 5])
    _, result = strategy(votes, said=said, share=1.0).step(
        said, rng=np.random.default_rng(0), positions=np.arange(10)
    )
    # Three tenths lie below the threshold, or all that are weak where these are fewer.
    assert np.flatnonzero(~result.selected).tolist() == [2, 5]
    assert result.weight.tolist() == result.selected.astype(float).tolist()


def test_positions_name_the_texts_and_what_passes_is_thinned_to_the_share():
    votes, said = pool_of(40, outvoted=range(0, 40, 2))
    made = strategy(votes, said=said, share=0.25)
    rng = np.random.default_rng(0)
    order = np.random.default_rng(1).permutation(40)
    drawn = []
    for part in order.reshape(5, 8):
        made, result = made.step(said[part], rng=rng, positions=part)
        assert (part[result.selected] % 2 == 1).all()
        drawn.append(result.selected.sum())
    assert max(drawn) <= 2 and sum(drawn) > 5
    _, result = made.step(said[:8], rng=rng, count=3, positions=np.arange(1, 17, 2))
    assert result.selected.sum() == 3


def test_at_the_count_of_a_reference_run_those_with_the_most_evidence_come_next():
    votes, said = pool_of(40, outvoted=range(0, 8, 2))
    said[[0, 2, 4, 6]] = [[0.5, 0.5, 0], [0.7, 0.3, 0], [0.45, 0.55, 0], [0.9, 0.1, 0]]
    said[4] = [0.45, 0.3, 0.25]
    made = strategy(votes, said=said)
    _, result = made.step(said[:8], rng=np.random.default_rng(0), count=6, positions=np.arange(8))
    assert np.flatnonzero(~result.selected).tolist() == [0, 4]


def test_without_votes_it_says_what_to_do():
    with pytest.raises(ConfigError, match="needs the texts' embeddings. Run: llkd probe"):
        strategy(None)
    assert not strategy(np.full((4, 3), 1 / 3)).needs_student


def test_of_those_that_pass_the_student_may_say_which_it_needs():
    votes, said = pool_of(20, outvoted=[3, 4])
    # From sure to unsure; the two neediest texts are outvoted, the next ones are not.
    sure = np.linspace(0.9, 0.4, 8)[[7, 1, 2, 6, 5, 0, 3, 4]]
    sure[[3, 4]] = 1 / 3
    student = np.stack([sure, (1 - sure) / 2, (1 - sure) / 2], axis=1)
    made = strategy(votes, said=said, name="needed_neighbours", share=0.5)
    assert made.needs_student
    asked = {"rng": np.random.default_rng(0), "positions": np.arange(8)}
    _, result = made.step(said[:8], student, **asked)
    assert np.flatnonzero(result.selected).tolist() == [0, 2, 6, 7]
    assert result.information_need[3] == pytest.approx(1.0)
    _, result = made.step(said[:8], student, count=2, **asked)
    assert np.flatnonzero(result.selected).tolist() == [0, 7]
    # With a larger count than pass, those outvoted come last.
    _, result = made.step(said[:8], student, count=7, **asked)
    assert np.flatnonzero(~result.selected)[0] in (3, 4)
    with pytest.raises(ConfigError, match="needs the student's probabilities"):
        made.step(said[:8], **asked)


def test_many_voters_are_looked_up_in_an_index_that_finds_nearly_all(monkeypatch):
    rng = np.random.default_rng(1)
    centre = rng.normal(size=(30, 16))
    points = (centre[rng.integers(0, 30, 3000)] + rng.normal(size=(3000, 16)) * 0.5).astype("f4")
    number = np.arange(3000)
    exact = nearest_voters(points, number, number)
    monkeypatch.setattr(knn, "EXACT_VOTERS", 1000)
    indexed = nearest_voters(points, number, number)
    assert indexed.shape == exact.shape == (3000, 15)
    assert not (indexed == number[:, None]).any()  # nobody votes for himself
    met = np.mean([len(set(a) & set(b)) / 15 for a, b in zip(exact, indexed, strict=True)])
    assert met > 0.97


@pytest.mark.parametrize("most", [50_000, 1000])
def test_the_search_can_be_stopped(monkeypatch, most):
    monkeypatch.setattr(knn, "EXACT_VOTERS", most)
    number = np.arange(2000)

    def stop():
        raise JobCancelled("Stopped.")

    with pytest.raises(JobCancelled):
        nearest_voters(np.ones((2000, 4)), number, number, check=stop)
