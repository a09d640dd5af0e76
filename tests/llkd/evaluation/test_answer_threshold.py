"""The certified confidence from which a student answers itself: exact cases, and broken promises."""

import numpy as np
import pytest
from scipy import stats

from llkd.errors import ConfigError, DataError
from llkd.evaluation.certificate.answer_threshold import (
    answer_threshold,
    chain_sizes,
    nested_sets,
)
from llkd.selection import signals

GRID = 20_000


def students():
    """P(right) by rank of confidence u in (0, 1), 1 the surest: strong, weak, and treacherous."""
    return {
        "on the line everywhere": lambda u: np.full_like(u, 0.9499),
        "strong": lambda u: 1 - 0.3 * (1 - u) ** 2,
        "weak": lambda u: 1 - 0.75 * (1 - u) ** 1.5,
        "surest are not the best": lambda u: np.where(u > 0.8, 0.94, np.where(u > 0.5, 0.96, 0.7)),
        "saw": lambda u: np.where((u * 10).astype(int) % 2 == 1, 0.97, 0.925),
        "good only at the top": lambda u: np.where(u > 0.85, 0.97, 0.6),
    }


def true_precision(quality):
    """Share right above each rank of a grid."""
    middle = (np.arange(GRID) + 0.5) / GRID
    return np.cumsum(quality(middle)[::-1])[::-1] / np.arange(GRID, 0, -1)


def draws(quality, n, count, target, seed):
    """Of ``count`` held-out sets: how many certify something, and how many of those wrongly."""
    rng = np.random.default_rng(seed)
    above = true_precision(quality)
    certified = broken = 0
    for _ in range(count):
        u = rng.random(n)
        right = rng.random(n) < quality(u)
        order = np.argsort(-u)
        sets = nested_sets(u[order], right[order], target, 0.05)
        passed = [each for each in sets if each.passed]
        certified += bool(passed)
        # A promise of any set that passed would be false, not only of the widest.
        broken += any(above[min(int(e.threshold * GRID), GRID - 1)] < target for e in passed)
    return certified, broken


@pytest.mark.parametrize("name", list(students()))
@pytest.mark.parametrize("n", [100, 300, 1500])
def test_promises_are_broken_in_at_most_one_draw_of_twenty(name, n):
    count = 250
    _, broken = draws(students()[name], n, count, 0.95, seed=n)
    # A rate of 5 % gives more than this in one of 10,000 such tests.
    assert broken <= stats.binom.isf(1e-4, count, 0.05)


def test_the_borderline_student_spends_the_error_and_the_strong_one_answers():
    _, broken = draws(students()["on the line everywhere"], 300, 800, 0.95, seed=1)
    assert 0.01 * 800 <= broken <= 0.075 * 800  # it can fail: the test is not idle
    certified, _ = draws(students()["strong"], 1500, 100, 0.95, seed=2)
    assert certified >= 97
    certified, _ = draws(students()["good only at the top"], 1500, 100, 0.9, seed=3)
    assert certified >= 80


def test_a_chain_that_is_chosen_by_the_answers_breaks_its_promise():
    """What the fixed chain is for: of all thresholds the best-looking one is wrong too often."""
    rng = np.random.default_rng(4)
    broken = 0
    for _ in range(300):
        right = rng.random(300) < 0.949
        n = np.arange(60, 301)
        p = stats.binom.sf(np.cumsum(right)[n - 1] - 1, n, 0.95)
        broken += (p <= 0.05).any()
    assert broken > 0.1 * 300


def test_choosing_among_students_by_the_same_labels_is_counted():
    """The best of 12 students on the line is certified too often, unless the looks are counted."""
    rng = np.random.default_rng(5)
    broken = {1: 0, 12: 0}
    for _ in range(250):
        rights = rng.random((12, 300)) < 0.949
        best = rights[rights.mean(axis=1).argmax()]
        u = np.linspace(0.9, 0.1, 300)  # rights are in random order
        for looks in broken:
            broken[looks] += any(e.passed for e in nested_sets(u, best, 0.95, 0.05 / looks))
    assert broken[1] > 0.08 * 250
    assert broken[12] <= stats.binom.isf(1e-4, 250, 0.05)


def test_a_temperature_fitted_on_the_same_labels_reorders_confidence():
    """Why the raw confidence decides: with three classes the fitted one ranks texts otherwise."""
    logits = np.array([[2.0, 0.0, 0.0], [1.8, -0.9, -9.0], [2.2, 1.0, -9.0]])

    def ranks(temperature):
        return np.argsort(signals.softmax(logits / temperature).max(axis=1)).tolist()

    assert ranks(1.0) != ranks(4.0)
    two = logits[:, :2]
    order = [np.argsort(signals.softmax(two / t).max(axis=1)).tolist() for t in (0.3, 1.0, 5.0)]
    assert order[0] == order[1] == order[2]


def test_sixty_right_answers_certify_95_percent_and_58_do_not():
    u = np.linspace(0.5, 0.99, 60)
    outcome = answer_threshold(u, np.ones(60, bool))
    assert outcome.threshold == 0.0 or outcome.sets[-1].passed
    few = answer_threshold(u[:58], np.ones(58, bool))
    assert few.threshold is None
    assert few.best_target == 0.94
    assert 1 <= few.labels_to_go <= 120


def test_the_threshold_leaves_out_the_text_that_made_it_and_counts_the_others():
    rng = np.random.default_rng(6)
    u = rng.permutation(np.linspace(0.4, 0.99, 1000))
    right = u > 0.7
    outcome = answer_threshold(u, right)
    best = outcome.certified
    assert best.texts == int((u >= outcome.threshold).sum())
    assert best.wrong == int((~right & (u >= outcome.threshold)).sum())
    assert best.share == best.texts / 1000
    sizes = [each.texts for each in outcome.sets]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 1000
    assert outcome.sets[-1].threshold == 0.0
    # 487 are right for sure; a few wrong ones beside them are no more than 5 %.
    assert 0.3 < best.share < 0.55


def test_equal_confidences_are_never_parted():
    u = np.repeat([0.9, 0.8, 0.7], 200)
    outcome = answer_threshold(u, np.ones(600, bool))
    assert {each.texts for each in outcome.sets} <= {0, 200, 400, 600}


def test_the_chain_depends_on_numbers_alone_and_its_parts_sum_to_one():
    for n in (1, 40, 59, 60, 150, 260, 1000, 20_000):
        sizes, weights = chain_sizes(n, 0.95, 0.05)
        assert sizes[-1] == n
        assert (np.diff(sizes) > 0).all()
        assert weights.sum() == pytest.approx(1.0)
    assert len(chain_sizes(0, 0.95, 0.05)[0]) == 0


def test_what_cannot_be_certified_says_how_many_more_labels_or_that_none_will_do():
    rng = np.random.default_rng(7)
    u = rng.random(200)
    good = rng.random(200) < 0.975
    outcome = answer_threshold(u, good)
    if outcome.threshold is None:  # too few of them
        assert outcome.labels_to_go > 0
    bad = answer_threshold(u, rng.random(200) < 0.8)
    assert bad.threshold is None
    assert bad.best_target is not None and bad.best_target < 0.9
    # The target that is offered is certified when it is asked for.
    assert answer_threshold(u, good, target=outcome.best_target or 0.95).threshold is not None
    none_right = answer_threshold(u, np.zeros(200, bool))
    assert none_right.best_target is None and none_right.labels_to_go is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"target": 1.0}, "below 1"),
        ({"target": 0.2}, "from 0.5"),
        ({"confidence_level": 0.5}, "between 0.5 and 1"),
        ({"looks": 0}, "At least one student"),
    ],
)
def test_settings_out_of_range(values, words):
    with pytest.raises(ConfigError, match=words):
        answer_threshold(np.ones(3), np.ones(3), **values)


def test_lists_that_do_not_fit():
    with pytest.raises(DataError):
        answer_threshold(np.ones(3), np.ones(2))
    with pytest.raises(DataError, match="no number"):
        answer_threshold(np.array([0.5, np.nan]), np.ones(2))
