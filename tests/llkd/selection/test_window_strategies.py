"""Learnability, SoftMatch weights, half-life: hand-computed, and their invariants."""

import json

import numpy as np
import pytest

from llkd.config import SelectionConfig
from llkd.errors import ConfigError
from llkd.selection.inputs import StrategyInputs, prepared
from llkd.selection.moving_mean import momentum_of
from llkd.selection.registry import STRATEGIES, make_strategy
from llkd.selection.strategies.learnability import Learnability
from llkd.selection.window import Window

NAMES = ["a", "b", "c"]


def made(strategy, **values):
    return make_strategy(SelectionConfig(strategy=strategy, **values), NAMES)


def batch_of(sure, own):
    """Label 0 throughout: the teacher's and the student's probability of it."""
    sure, own = np.asarray(sure, dtype=float), np.asarray(own, dtype=float)
    return tuple(np.column_stack([p, (1 - p) / 2, (1 - p) / 2]) for p in (sure, own))


def test_learnability_is_the_students_loss_minus_the_teachers():
    teacher, student = batch_of([0.9, 0.9, 0.5, 0.5, 0.9], [0.1, 0.5, 0.1, 0.5, 0.9])
    score = np.log([0.9, 0.9, 0.5, 0.5, 0.9]) - np.log([0.1, 0.5, 0.1, 0.5, 0.9])
    for share in (0.2, 0.4, 0.6, 1.0):
        _, result = Learnability(3, share).step(teacher, student)
        limit = np.quantile(score, 1 - share)
        assert result.selected.tolist() == (score >= limit - 1e-12).tolist()
        assert (result.weight[result.selected] == 1).all()
    assert result.selected.all()


def test_the_threshold_is_that_of_recent_batches():
    hard = batch_of(np.full(10, 0.9), np.linspace(0.05, 0.3, 10))
    easy = batch_of(np.full(10, 0.9), np.linspace(0.6, 0.9, 10))
    strategy = Learnability(3, 0.2, length=2)
    strategy, first = strategy.step(*hard)
    assert first.selected.sum() == 2, "the first batch is judged by itself"
    strategy, second = strategy.step(*easy)
    assert not second.selected.any(), "none of these is among the hardest fifth of both"
    strategy, third = strategy.step(*easy)
    assert third.selected.sum() == 2, "the hard batch is out of the window"


def test_the_share_is_met_on_a_steady_stream():
    rng = np.random.default_rng(0)
    strategy, shares = made("learnability", share=0.3), []
    for _ in range(200):
        pair = batch_of(rng.uniform(0.5, 1, 16), rng.uniform(0.01, 0.99, 16))
        strategy, result = strategy.step(*pair)
        shares.append(result.selected.mean())
    assert np.mean(shares[20:]) == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("name", ["llkd", "teacher_only", "student_only", "learnability"])
def test_a_count_fixes_how_many_are_taken(name):
    rng = np.random.default_rng(4)
    strategy = made(name)
    for count in (0, 3, 12, 1):
        pair = rng.dirichlet([0.5] * 3, 12), rng.dirichlet([1.0] * 3, 12)
        strategy, result = strategy.step(*pair, count=count)
        assert result.selected.sum() == count


def test_a_count_takes_the_highest_scores():
    teacher, student = batch_of([0.9] * 5, [0.5, 0.1, 0.9, 0.2, 0.7])
    _, result = made("learnability").step(teacher, student, count=2)
    assert np.flatnonzero(result.selected).tolist() == [1, 3]


@pytest.mark.parametrize("name", STRATEGIES)
def test_an_empty_batch_changes_nothing_and_selects_nothing(name):
    rng = np.random.default_rng(0)
    pair = rng.dirichlet([1.0] * 3, 8), rng.dirichlet([1.0] * 3, 8)
    in_saved = np.arange(8) % 2 == 0
    pool = StrategyInputs(pair[0], oof_probs=pair[1], knn_mean_probs=pair[1], in_saved=in_saved)
    strategy = prepared(made(name, share=0.5, weighting="softmatch"), pool)
    strategy, _ = strategy.step(*pair, rng=rng, positions=np.arange(8))
    nobody = np.arange(0)
    after, result = strategy.step(np.zeros((0, 3)), np.zeros((0, 3)), rng=rng, positions=nobody)
    assert len(result.selected) == 0
    assert after.state() == strategy.state()


def test_window_strategies_need_the_student():
    with pytest.raises(ConfigError, match="needs the student's probabilities"):
        made("learnability").step(np.full((2, 3), 1 / 3))


def test_softmatch_weighs_down_what_lies_below_the_mean():
    sure = np.array([0.5, 0.7, 0.8, 0.9, 0.95])
    teacher, student = batch_of(sure, np.full(5, 0.5))
    strategy, result = made("all", weighting="softmatch").step(teacher, student)
    raw = np.exp(-(np.minimum(sure - sure.mean(), 0) ** 2) / (2 * sure.var(ddof=1)))
    assert result.selected.all()
    assert result.weight == pytest.approx(raw / raw.mean())
    assert result.weight[3] == result.weight[4] == result.weight.max()
    sharper = np.array([0.9, 0.99, 0.95, 0.97, 0.96])
    _, second = strategy.step(*batch_of(sharper, np.full(5, 0.5)))
    corrected = (0.9 * 0.1 * sure.mean() + 0.1 * sharper.mean()) / (1 - 0.9**2)
    spread = (0.9 * 0.1 * sure.var(ddof=1) + 0.1 * sharper.var(ddof=1)) / (1 - 0.9**2)
    raw = np.exp(-(np.minimum(sharper - corrected, 0) ** 2) / (2 * spread))
    assert second.weight == pytest.approx(raw / raw.mean())


def test_softmatch_leaves_the_choice_and_the_plain_control_alone():
    rng = np.random.default_rng(2)
    pair = rng.dirichlet([0.5] * 3, 40), rng.dirichlet([1.0] * 3, 40)
    for name in ("llkd", "teacher_only", "learnability"):
        _, plain = made(name).step(*pair)
        _, soft = made(name, weighting="softmatch").step(*pair)
        assert plain.selected.tolist() == soft.selected.tolist()
        assert soft.weight[soft.selected].mean() == pytest.approx(1.0)
        assert (soft.weight[~soft.selected] == 0).all()
    _, drawn = made("random", weighting="softmatch", share=0.5).step(
        pair[0], rng=np.random.default_rng(0)
    )
    assert set(drawn.weight[drawn.selected]) == {1.0}


def test_a_half_life_is_a_momentum():
    config = SelectionConfig(strategy="llkd", half_life=5)
    assert momentum_of(config) ** 5 == pytest.approx(0.5)
    assert make_strategy(config, NAMES).momentum == momentum_of(config)
    assert momentum_of(SelectionConfig(momentum=0.7)) == 0.7


def test_a_window_holds_its_last_batches():
    window = Window(2)
    for values in ([1.0], [2.0, 3.0], [], [4.0]):
        window = window.pushed(np.array(values))
    assert window.values.tolist() == [2.0, 3.0, 4.0] and window.full
    assert Window(2).restored(window.state()).values.tolist() == [2.0, 3.0, 4.0]
    assert not Window(2).above(np.ones(3), 0.5, None).any()


@pytest.mark.parametrize("name", ["learnability", "llkd"])
def test_a_strategy_restored_before_every_step_decides_alike(name):
    """Also between two fits: their age is part of the state."""
    rng = np.random.default_rng(6)
    whole = cut = made(name, window=4, weighting="softmatch")
    for _ in range(15):
        pair = batch_of(rng.uniform(0.5, 1, 24), rng.beta(0.5, 0.5, 24))
        cut = made(name, window=4, weighting="softmatch").restored(
            json.loads(json.dumps(cut.state()))
        )
        whole, one = whole.step(*pair)
        cut, two = cut.step(*pair)
        assert one.selected.tolist() == two.selected.tolist()
        assert whole.state() == cut.state()
