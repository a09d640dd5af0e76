"""Every strategy behind the same interface; the random ones draw within the same batch."""

import numpy as np
import pytest

from llkd.config import SelectionConfig
from llkd.errors import ConfigError
from llkd.selection.inputs import StrategyInputs, prepared
from llkd.selection.registry import STRATEGIES, make_strategy
from llkd.selection.thresholds import above_thresholds, class_thresholds

NAMES = ["a", "b", "c"]


@pytest.fixture
def batch():
    rng = np.random.default_rng(3)
    return rng.dirichlet([0.5] * 3, 40), rng.dirichlet([1.0] * 3, 40)


def config(strategy, **values):
    return SelectionConfig(strategy=strategy, **values)


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_strategy_decides_and_its_state_survives_a_checkpoint(name, batch):
    in_saved = np.arange(40) % 3 == 0
    pool = StrategyInputs(batch[0], oof_probs=batch[1], knn_mean_probs=batch[1], in_saved=in_saved)
    strategy = prepared(make_strategy(config(name, share=0.3), NAMES), pool)
    again = strategy.restored(strategy.state())
    for number in range(3):
        rng, same = np.random.default_rng(number), np.random.default_rng(number)
        strategy, one = strategy.step(*batch, rng=rng, positions=np.arange(40))
        again, two = again.restored(again.state()).step(*batch, rng=same, positions=np.arange(40))
        np.testing.assert_array_equal(one.selected, two.selected)
        assert (one.weight[~one.selected] == 0).all()
        assert one.weight[one.selected].mean() == pytest.approx(1.0)


def test_all_takes_everything_with_weight_one(batch):
    _, result = make_strategy(config("all"), NAMES).step(batch[0])
    assert result.selected.all()
    assert (result.weight == 1).all()


def test_random_draws_exactly_the_count_of_the_reference(batch):
    for count in (0, 1, 7, 40):
        _, result = make_strategy(config("random"), NAMES).step(
            batch[0], rng=np.random.default_rng(0), count=count
        )
        assert result.selected.sum() == count


def test_random_share_is_met_on_average(batch):
    rng = np.random.default_rng(0)
    strategy = make_strategy(config("random", share=0.18), NAMES)
    taken = [strategy.step(batch[0], rng=rng)[1].selected.mean() for _ in range(400)]
    assert np.mean(taken) == pytest.approx(0.18, abs=0.01)


def test_teacher_then_random_draws_only_from_what_the_teacher_lets_through(batch):
    gate = make_strategy(config("teacher_only"), NAMES)
    both = make_strategy(config("teacher_then_random"), NAMES)
    _, passed = gate.step(batch[0])
    _, drawn = both.step(batch[0], rng=np.random.default_rng(1), count=5)
    assert drawn.selected.sum() == 5
    assert not (drawn.selected & ~passed.selected).any()


def test_llkd_is_within_both_gates(batch):
    results = {
        name: make_strategy(config(name), NAMES).step(*batch)[1].selected
        for name in ("llkd", "teacher_only", "student_only")
    }
    np.testing.assert_array_equal(
        results["llkd"], results["teacher_only"] & results["student_only"]
    )


def test_fixed_thresholds_by_class(batch):
    strategy = make_strategy(config("fixed", teacher_threshold={"b": 0.9}), NAMES)
    _, result = strategy.step(*batch)
    label, sure = result.pseudo_label, result.confidence
    np.testing.assert_array_equal(result.selected, (label != 1) | (sure >= 0.9))


def test_a_threshold_for_an_unknown_class_is_refused():
    with pytest.raises(ConfigError, match="'x', which is not a class. The classes are a, b, c"):
        class_thresholds({"x": 0.5}, NAMES)


def test_a_random_strategy_without_a_share_says_so(batch):
    with pytest.raises(ConfigError, match="needs a share or a reference run"):
        make_strategy(config("random"), NAMES).step(batch[0], rng=np.random.default_rng(0))


def test_missing_signals_pass_only_a_threshold_of_zero():
    label = np.array([0, 0, -1, 1])
    sure = np.array([0.9, np.nan, 0.9, 0.4])
    need = np.array([np.nan, 0.5, 0.5, 0.5])
    kept = above_thresholds(label, sure, need, [0.5, 0.0], [0.0, 0.0])
    assert kept.tolist() == [True, False, False, True]
    assert above_thresholds(label, sure, need, [0, 0], [0.1, 0.1]).tolist() == [
        False, True, False, True,
    ]  # fmt: skip


def test_a_control_takes_as_many_as_its_reference_also_beyond_the_gate():
    rng = np.random.default_rng(0)
    made = make_strategy(config("teacher_then_random", share=0.5), NAMES)
    sure = np.array([0.95, 0.9, 0.6, 0.55, 0.5, 0.45])
    probs = np.column_stack([sure, (1 - sure) / 2, (1 - sure) / 2])
    passing = make_strategy(config("teacher_only"), NAMES).step(probs)[1].selected
    assert passing.tolist() == [True, True, False, False, False, False]
    after, result = made.step(probs, rng=rng, count=4)
    assert result.selected.tolist() == [True, True, True, True, False, False]
    assert after.filled == 2
    # Weighed as the gate weighs: by confidence, with a mean of 1.
    assert result.weight[:4] == pytest.approx(sure[:4] / sure[:4].mean())
    again = made.restored(after.state())
    assert again.filled == 2
    _, fewer = made.step(probs, rng=rng, count=1)
    assert fewer.selected.sum() == 1 and not fewer.selected[2:].any()
