"""The adaptive selection reproduces the reference numbers, and its invariants hold."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llkd.errors import ConfigError
from llkd.selection.moving_mean import MovingMean
from llkd.selection.strategies.adaptive import AdaptiveSelection
from llkd.selection.weights import selection_weights

FIXTURE = Path(__file__).parents[2] / "fixtures" / "adaptive_selection.json"
CASES = json.loads(FIXTURE.read_text())["cases"]


def probabilities(rng, rows, classes, sharpness=1.0):
    return rng.dirichlet(np.full(classes, 1 / sharpness), size=rows)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_reproduces_the_reference_numbers(case):
    state = AdaptiveSelection(
        case["num_classes"],
        momentum=case["momentum"],
        teacher_scale=case["teacher_scale"],
        student_scale=case["student_scale"],
        class_specific=case["class_specific"],
        weighting=case["weighting"],
    )
    for batch, expected in zip(case["batches"], case["expected"], strict=True):
        state, result = state.step(batch["teacher_probs"], batch["student_probs"])
        assert set(expected) == {
            "pseudo_label", "confidence", "information_need", "teacher_threshold",
            "student_threshold", "selected", "weight",
        }  # fmt: skip
        for name, values in expected.items():
            np.testing.assert_allclose(
                np.asarray(getattr(result, name), float), np.asarray(values, float), atol=1e-6
            )


def test_the_state_is_immutable_and_a_step_repeats():
    rng = np.random.default_rng(0)
    start = AdaptiveSelection(3)
    teacher, student = probabilities(rng, 8, 3), probabilities(rng, 8, 3)
    first, one = start.step(teacher, student)
    second, two = start.step(teacher, student)
    assert start.teacher.overall.updates.tolist() == [0]
    np.testing.assert_array_equal(one.weight, two.weight)
    assert first.state() == second.state()
    with pytest.raises(AttributeError):
        first.momentum = 0.5


def test_the_first_step_is_right_without_a_start_value():
    _, result = AdaptiveSelection(2, momentum=0.999).step(
        [[0.9, 0.1], [0.6, 0.4]], [[0.5, 0.5], [1.0, 0.0]]
    )
    # One class only: its ratio is 1, so the threshold is the batch mean of 0.9 and 0.6.
    np.testing.assert_allclose(result.teacher_threshold[0], 0.75)
    np.testing.assert_allclose(result.student_threshold[0], 0.5)
    assert result.selected.tolist() == [True, False]


def test_a_saved_state_goes_on_as_if_never_stopped():
    rng = np.random.default_rng(1)
    batches = [(probabilities(rng, 6, 4), probabilities(rng, 6, 4)) for _ in range(6)]
    straight = resumed = AdaptiveSelection(4, target_rate=0.3)
    for number, (teacher, student) in enumerate(batches):
        straight, one = straight.step(teacher, student)
        if number == 3:
            saved = json.loads(json.dumps(resumed.state()))
            resumed = AdaptiveSelection(4, target_rate=0.3).restored(saved)
        resumed, two = resumed.step(teacher, student)
        np.testing.assert_array_equal(one.selected, two.selected)
        np.testing.assert_array_equal(one.student_threshold, two.student_threshold)


def test_target_rate_is_met_on_average():
    rng = np.random.default_rng(2)
    state = AdaptiveSelection(3, target_rate=0.25)
    shares = []
    for _ in range(600):
        state, result = state.step(probabilities(rng, 32, 3, 3), probabilities(rng, 32, 3))
        shares.append(result.selected.mean())
    assert np.mean(shares[200:]) == pytest.approx(0.25, abs=0.04)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    classes=st.integers(2, 7),
    rows=st.integers(1, 20),
    scale=st.floats(0.0, 2.0),
    weighting=st.sampled_from(["product", "mean", "none"]),
)
def test_invariants(seed, classes, rows, scale, weighting):
    rng = np.random.default_rng(seed)
    teacher, student = probabilities(rng, rows, classes), probabilities(rng, rows, classes)
    loose = AdaptiveSelection(classes, teacher_scale=scale, weighting=weighting)
    strict = AdaptiveSelection(classes, teacher_scale=scale + 0.3, weighting=weighting)
    _, wide = loose.step(teacher, student)
    _, narrow = strict.step(teacher, student)
    assert not (narrow.selected & ~wide.selected).any(), "a higher threshold selects no new text"
    assert (wide.weight[~wide.selected] == 0).all()
    if wide.selected.any():
        assert wide.weight[wide.selected].mean() == pytest.approx(1.0)
    assert ((wide.information_need >= 0) & (wide.information_need <= 1)).all()


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"num_classes": 1}, "num_classes is at least 2, but it was 1."),
        ({"num_classes": 3, "momentum": 1.0}, "momentum is from 0 to below 1, but it was 1.0."),
        ({"num_classes": 3, "weighting": "sum"}, "but it was 'sum'"),
        ({"num_classes": 3, "teacher_scale": -1.0}, "teacher_scale is 0 or more"),
        ({"num_classes": 3, "target_rate": 0.0}, "target_rate is above 0"),
    ],
)
def test_wrong_settings_get_a_sentence(settings_, message):
    with pytest.raises(ConfigError, match=message):
        AdaptiveSelection(**settings_)


def test_wrong_arrays_get_a_sentence():
    state = AdaptiveSelection(3)
    good = [[0.2, 0.3, 0.5]]
    with pytest.raises(ConfigError, match=r"teacher_probs has shape \[B, 3\], but it was \[1, 2\]"):
        state.step([[0.5, 0.5]], good)
    with pytest.raises(ConfigError, match="negative or missing"):
        state.step([[0.2, np.nan, 0.5]], good)
    with pytest.raises(ConfigError, match="both need one row per text"):
        state.step(good, good + good)
    with pytest.raises(ConfigError, match="needs the student's probabilities"):
        state.step(good)


def test_weights_of_a_certain_student_are_all_one():
    weight = selection_weights(
        np.array([0.9, 0.8]), np.array([0.0, 0.0]), np.array([True, True]), "product"
    )
    assert weight.tolist() == [1.0, 1.0]


def test_moving_mean_counts_each_entry_for_itself():
    mean = MovingMean.zeros(2)
    mean = mean.update(np.array([4.0, 9.0]), np.array([True, False]), 0.5)
    mean = mean.update(np.array([8.0, 1.0]), np.array([True, True]), 0.5)
    # 0.5 * (0.5 * 4) + 0.5 * 8 = 5 over 1 - 0.25; the second entry has one update.
    np.testing.assert_allclose(mean.value(0.5), [5 / 0.75, 1.0])


@pytest.mark.parametrize("confidence", [0.6, 0.7, 0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("batch", [7, 16, 31])
def test_a_teacher_of_constant_confidence_passes_its_own_gate(confidence, batch):
    """On 0.3.0 rounding let through a third of them at 0.9, a seventh at 0.99."""
    rng = np.random.default_rng(batch)
    strategy = AdaptiveSelection(4, student_gate=False)
    for _ in range(60):
        probs = np.full((batch, 4), (1 - confidence) / 3)
        probs[np.arange(batch), rng.integers(0, 4, batch)] = confidence
        strategy, result = strategy.step(probs)
        assert result.selected.all()


def test_the_gate_is_no_wider_than_its_tolerance():
    strategy = AdaptiveSelection(2, momentum=0.0, student_gate=False, class_specific=False)
    for off, passes in ((4e-10, True), (1e-6, False)):
        probs = np.array([[0.8 + off, 0.2 - off], [0.8 - off, 0.2 + off]])
        _, result = strategy.step(probs)  # the threshold is 0.8
        assert result.selected.tolist() == [True, passes]


def plain_average(batches, momentum):
    """A class's average and the weights of its texts, written out."""
    weights, values = [], []
    for age, batch in enumerate(reversed(batches)):
        for value in batch:
            weights.append((1 - momentum) * momentum**age / len(batch))
            values.append(value)
    weights = np.array(weights) / np.sum(weights)
    return float(weights @ values), 1 / float((weights**2).sum())


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("shrinkage", [0.0, 1.0, 20.0])
def test_class_ratios_are_shrunk_by_how_many_texts_stand_behind_them(momentum, shrinkage):
    rng = np.random.default_rng(7)
    strategy = AdaptiveSelection(
        3, momentum=momentum, student_gate=False, class_shrinkage=shrinkage
    )
    seen = {0: [], 1: []}
    whole = []
    for step in range(12):
        size = {0: 5, 1: int(step % 3 == 0) * (1 + step % 2)}
        probs, here = [], []
        for k, number in size.items():
            values = rng.uniform(0.5, 0.99, number) * (1 if k == 0 else 0.9)
            if number:
                seen[k].append(values)
            here += values.tolist()
            for value in values:
                row = np.full(3, (1 - value) / 2)
                row[k] = value
                probs.append(row)
        whole.append(here)
        strategy, result = strategy.step(np.array(probs))
    means, counts = zip(*(plain_average(seen[k], momentum) for k in (0, 1)), strict=True)
    overall = plain_average(whole, momentum)[0]
    ratio = np.array(means) / max(means)
    counts = np.array(counts)
    wanted = overall * (counts * ratio + shrinkage) / (counts + shrinkage)
    assert result.teacher_threshold[:2] == pytest.approx(wanted)
    assert result.teacher_threshold[2] == pytest.approx(overall)  # never seen: ratio 1
    again = AdaptiveSelection(
        3, momentum=momentum, student_gate=False, class_shrinkage=shrinkage
    ).restored(json.loads(json.dumps(strategy.state())))
    batch = np.array(probs)
    assert again.step(batch)[1].teacher_threshold.tolist() == (
        strategy.step(batch)[1].teacher_threshold.tolist()
    )


def test_with_many_classes_shrinkage_keeps_the_gate_a_gate():
    """With 400 classes every text passed, for it was compared with itself."""
    rng = np.random.default_rng(0)
    passed = {}
    for shrinkage in (0.0, 50.0):
        strategy, taken = AdaptiveSelection(400, student_gate=False, class_shrinkage=shrinkage), []
        for _ in range(150):
            sure = rng.uniform(0.6, 0.95, 32)
            probs = np.repeat((1 - sure)[:, None] / 399, 400, axis=1)
            probs[np.arange(32), rng.integers(0, 400, 32)] = sure
            strategy, result = strategy.step(probs)
            taken.append(result.selected.mean())
        passed[shrinkage] = np.mean(taken[20:])
    assert passed[0.0] > 0.85 and 0.4 < passed[50.0] < 0.65


def test_a_state_of_before_shrinkage_is_taken_up():
    strategy, _ = AdaptiveSelection(2, student_gate=False).step(np.array([[0.9, 0.1]]))
    old = strategy.state()
    for side in ("teacher", "student"):
        del old[side]["noise"]
    again = AdaptiveSelection(2, student_gate=False).restored(old)
    batch = np.array([[0.7, 0.3], [0.2, 0.8]])
    assert again.step(batch)[1].teacher_threshold.tolist() == (
        strategy.step(batch)[1].teacher_threshold.tolist()
    )
