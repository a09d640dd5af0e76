"""Targets, gathering, warm-up, kept answers, people's labels: against what they are said to do."""

import dataclasses

import numpy as np
import pytest

from llkd import training
from llkd.errors import DataError, JobCancelled
from llkd.training.batches import epoch_batches
from llkd.training.optimisation import soft_targets
from tests.support.tiny_student import CLASSES
from tests.support.toy_runs import (
    N,
    config,
    fresh,
    log,
    run,
    same_weights,
    stop_after,
    toy_data,
    weights,
)


def without_dropout(student, monkeypatch):
    import torch

    import llkd.students.student as module

    monkeypatch.setattr(module, "DROPOUT", 0.0)
    for part in student.network.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0


def test_soft_targets_are_tempered_and_mixed():
    q = np.array([[0.8, 0.2], [0.5, 0.5], [1.0, 0.0]])
    assert soft_targets(q, 1.0, 0.0) == pytest.approx(q)
    root = np.sqrt([0.8, 0.2]) / np.sqrt([0.8, 0.2]).sum()
    assert soft_targets(q, 2.0, 0.0)[0] == pytest.approx(root)
    assert soft_targets(q, 1.0, 0.25)[0] == pytest.approx([0.85, 0.15])
    assert soft_targets(q, 5.0, 0.0)[2].tolist() == [1.0, 0.0], "certain stays certain"
    assert soft_targets(q, 1.0, 1.0).tolist() == [[1, 0], [1, 0], [1, 0]]


def test_the_loss_of_soft_targets_is_the_cross_entropy_to_them(encoder, tmp_path, monkeypatch):
    settings = config(
        "all", targets="soft", target_temperature=2.0, hard_share=0.3, head_start="random"
    )
    data, student = toy_data(), fresh(encoder)
    without_dropout(student, monkeypatch)
    before = fresh(encoder).probabilities(data.texts)
    with pytest.raises(JobCancelled):
        training.train(student, data, settings, CLASSES, tmp_path, **stop_after(1))
    batch = epoch_batches(student.encode(data.texts).lengths, 8, 3, 0)[0]
    target = soft_targets(data.teacher_probs[batch], 2.0, 0.3)
    expected = -(target * np.log(before[batch])).sum(axis=1).mean()
    assert log(tmp_path, "steps")["loss"][0] == pytest.approx(expected, rel=1e-4)


def test_wholly_hard_soft_targets_train_the_same_student(encoder, tmp_path):
    hard, _ = run(encoder, tmp_path / "hard", config("llkd", epochs=1))
    settings = config("llkd", epochs=1, targets="soft", hard_share=1.0)
    soft, _ = run(encoder, tmp_path / "soft", settings)
    for name, value in weights(hard).items():
        if not name.endswith("key.bias"):  # softmax cancels it: its gradient is rounding noise
            assert np.allclose(value, weights(soft)[name], atol=1e-5), name


def test_gathered_samples_fill_their_batches(encoder, tmp_path, monkeypatch):
    from llkd.training.optimisation import Optimisation

    real, sizes, order = Optimisation.update, [], []

    def spy(self, positions, *rest):
        sizes.append(len(positions))
        order.extend(positions.tolist())
        return real(self, positions, *rest)

    monkeypatch.setattr(Optimisation, "update", spy)
    settings = config("random", gather=True, selection={"share": 0.3}, epochs=4)
    _, outcome = run(encoder, tmp_path, settings)
    assert set(sizes[:-1]) == {8} and 0 < sizes[-1] <= 8
    decisions = log(tmp_path, "decisions")
    assert (np.array(order) + 100).tolist() == decisions[decisions["selected"]]["row"].tolist()
    assert sum(sizes) == outcome.backpropagated
    assert outcome.updates == len(sizes) < outcome.steps - outcome.skipped_steps
    steps = log(tmp_path, "steps")
    assert steps["loss"].notna().sum() <= len(sizes)
    assert (steps["skipped"] == (steps["selected"] == 0)).all()


def test_gathering_everything_changes_nothing(encoder, tmp_path):
    plain, _ = run(encoder, tmp_path / "plain", config("all"))
    gathered, outcome = run(encoder, tmp_path / "gathered", config("all", gather=True))
    assert same_weights(weights(plain), weights(gathered))
    assert outcome.updates == outcome.steps


def test_the_warm_up_trains_on_everything_and_warms_the_thresholds(encoder, tmp_path):
    settings = config("llkd", selection={"warmup_steps": 3})
    run(encoder, tmp_path, settings)
    steps = log(tmp_path, "steps")
    assert (steps["selected"][:3] == 8).all() and steps["selected"][3:].min() < 8
    assert all(max(limit) > 0 for limit in steps["student_threshold"][:3])
    decisions = log(tmp_path, "decisions")
    assert set(decisions.query("step < 3")["weight"]) == {1.0}


class Forwards:
    """Counts texts that go through the encoder to be scored (not trained on)."""

    def __init__(self, student):
        import torch

        self.texts = self.calls = 0
        encoder = student.network["encoder"]
        real = encoder.forward

        def forward(input_ids, **inputs):
            if torch.is_inference_mode_enabled():
                self.texts += len(input_ids)
                self.calls += 1
            else:
                assert torch.is_grad_enabled()
            return real(input_ids=input_ids, **inputs)

        encoder.forward = forward


def forwards(encoder, folder, settings):
    student = fresh(encoder)
    seen = Forwards(student)
    data = toy_data(eval_texts=[], eval_gold=np.zeros(0, dtype=int))
    training.train(student, data, settings, CLASSES, folder)
    return student, seen


def test_scoring_once_in_k_steps_asks_for_several_batches_at_once(encoder, tmp_path):
    reading = 3 * N  # the whole pool for the first head and after both epochs, in one call each
    _, each = forwards(encoder, tmp_path / "1", config("llkd"))
    assert (each.texts, each.calls) == (2 * N + reading, 10 + 3)
    _, third = forwards(encoder, tmp_path / "3", config("llkd", selection={"score_every": 3}))
    # Five batches an epoch. The first: three and two at once; the second: the pool was read before
    # it, which holds for three steps, then two.
    assert (third.texts, third.calls) == (N + 16 + reading, 2 + 1 + 3)
    _, once = forwards(encoder, tmp_path / "9", config("llkd", selection={"score_every": 9}))
    assert (once.texts, once.calls) == (N + reading, 1 + 3)


def test_kept_answers_are_those_of_their_step(encoder, tmp_path):
    settings = config("llkd", epochs=1, head_start="random", selection={"score_every": 99})
    run(encoder, tmp_path, settings)
    before = fresh(encoder).probabilities(toy_data().texts)
    need = -(before * np.log(before)).sum(axis=1) / np.log(2)
    decisions = log(tmp_path, "decisions")
    expected = need[decisions["row"] - 100]
    assert decisions["information_need"].to_numpy() == pytest.approx(expected, abs=1e-5)


def test_all_asks_the_student_nothing(encoder, tmp_path):
    _, seen = forwards(encoder, tmp_path, config("all", head_start="random"))
    assert seen.texts == 2 * N, "only the reading of the pool at each epoch's end"


def test_compiling_off_a_gpu_is_left_out_and_said(encoder, tmp_path):
    plain, _ = run(encoder, tmp_path / "plain")
    student, outcome = run(encoder, tmp_path / "compiled", config(compile=True))
    assert same_weights(weights(plain), weights(student))
    assert list(outcome.warnings) == ["The student was not compiled: it is not on a GPU."]


class TestPeople:
    """Texts 0 and 5 to 9 carry a person's label, against the teacher's."""

    ROWS = [0, 5, 6, 7, 8, 9]

    def data(self, **changes):
        plain = toy_data()
        human = np.zeros(N, dtype=bool)
        human[self.ROWS] = True
        probs = plain.teacher_probs.copy()
        probs[human] = np.eye(2)[1 - probs[human].argmax(axis=1)]
        return toy_data(
            teacher_probs=probs, human=human, teacher_raw_probs=plain.teacher_probs, **changes
        )

    @pytest.mark.parametrize("strategy", ["llkd", "random", "learnability", "fixed"])
    def test_they_always_train_with_their_weight(self, encoder, tmp_path, strategy):
        selection = {"share": 0.1, "teacher_threshold": 1.0}
        run(encoder, tmp_path, config(strategy, human_weight=2.5, selection=selection), self.data())
        decisions = log(tmp_path, "decisions")
        theirs = decisions["row"].isin([100 + k for k in self.ROWS])
        assert decisions["selected"][theirs].all() and theirs.sum() == 12
        assert set(decisions["weight"][theirs]) == {2.5}
        assert (decisions["confidence"][theirs] == 1).all()
        assert not decisions["selected"][~theirs].all()

    def test_the_strategy_does_not_see_them(self, encoder, tmp_path):
        """Teacher thresholds are those of the other texts' confidence alone."""
        run(encoder, tmp_path, config("teacher_only", epochs=1), self.data())
        first = log(tmp_path, "steps").iloc[0]
        batch = epoch_batches(fresh(encoder).encode(self.data().texts).lengths, 8, 3, 0)[0]
        others = batch[~np.isin(batch, self.ROWS)]
        assert len(others) < 8
        sure = self.data().teacher_probs[others].max(axis=1)
        assert max(first["teacher_threshold"]) == pytest.approx(sure.mean(), abs=1e-6)

    def test_a_control_draws_the_rest_of_the_count(self, encoder, tmp_path):
        run(encoder, tmp_path / "llkd", config("llkd"), self.data())
        counts = log(tmp_path / "llkd", "steps")["selected"].tolist()
        settings = config("random", reference_run=1)
        run(encoder, tmp_path / "random", settings, self.data(), reference_counts=counts)
        assert log(tmp_path / "random", "steps")["selected"].tolist() == counts

    def test_a_batch_of_nothing_else(self, encoder, tmp_path):
        data = toy_data(human=np.ones(N, dtype=bool))
        _, outcome = run(encoder, tmp_path, config("llkd"), data)
        assert outcome.selected_share == 1.0

    def test_parts_that_do_not_fit_are_named(self, encoder, tmp_path):
        with pytest.raises(DataError, match="40 texts but 3 marks of people's labels"):
            run(encoder, tmp_path, data=toy_data(human=np.ones(3, dtype=bool)))


def test_a_control_that_cannot_take_its_references_counts_says_what_it_lacked(encoder, tmp_path):
    data = toy_data(wrong=0.2)
    unsure = np.arange(N) % 2 == 0  # without a confidence: a teacher's gate never takes them
    data = dataclasses.replace(data, without_confidence=unsure)
    _, outcome = run(
        encoder, tmp_path, config("teacher_then_random", selection={"share": 0.5}), data,
        reference_counts=[6] * 10,
    )  # fmt: skip
    steps, decisions = log(tmp_path, "steps"), log(tmp_path, "decisions")
    taken = steps["selected"].tolist()
    sure = decisions.assign(sure=decisions["row"] % 2 == 1).groupby("step")["sure"].sum()
    assert taken == np.minimum(6, sure).tolist()  # all there are, also those below the gate
    lacking = 60 - sum(taken)
    assert lacking > 0
    notes = " ".join(outcome.warnings)
    assert f"{lacking} texts fewer than in the reference run were taken" in notes
    assert "texts were added that do not pass the teacher's threshold" in notes


def test_read_at_the_end_alone_it_is_the_same_student_with_the_same_last_figures(encoder, tmp_path):
    data = toy_data()
    every, figures = run(encoder, tmp_path / "every", config("llkd", epochs=3), data)
    settings = config("llkd", epochs=3, evaluate_at="end")
    at_end, last = run(encoder, tmp_path / "end", settings, data)
    assert same_weights(weights(every), weights(at_end))
    assert last.epochs[-1] == figures.epochs[-1] and last.accuracy is not None
    assert [epoch.accuracy for epoch in last.epochs[:-1]] == [None, None]
    assert [epoch.mean_information_need for epoch in last.epochs[:-1]] == [None, None]
    read = [path.name for path in sorted((tmp_path / "end").rglob("*.parquet"))]
    whole = [path.name for path in sorted((tmp_path / "every").rglob("*.parquet"))]
    assert len(whole) == len(read) + 4, (whole, read)
