"""What a run writes and says."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from llkd import students, training
from llkd.errors import NothingSelected
from llkd.selection import signals
from llkd.store.files.probabilities import read_probabilities
from llkd.store.run_summary import RunSummary
from llkd.training.optimisation import rate_factor
from tests.support.tiny_student import CLASSES
from tests.support.toy_runs import (
    EVAL,
    N,
    config,
    fresh,
    log,
    run,
    same_weights,
    toy_data,
    weights,
)


def test_a_run_that_selects_nothing_fails_and_leaves_no_student(encoder, tmp_path):
    settings = config("fixed", selection={"teacher_threshold": 1.0}, head_start="random")
    student = fresh(encoder)
    for _ in range(2):  # resumed, it fails again
        with pytest.raises(NothingSelected, match="selected no text in any of the 10 steps"):
            training.train(student, toy_data(), settings, CLASSES, tmp_path)
    assert same_weights(weights(student), weights(fresh(encoder)))
    assert not (tmp_path / "summary.json").exists() and not (tmp_path / "student").exists()
    steps = log(tmp_path, "steps")
    assert steps["skipped"].all() and steps["loss"].isna().all()
    rates = [1e-3 * rate_factor(step, 10, 0.1) for step in range(10)]
    assert steps["learning_rate"].tolist() == pytest.approx(rates)


def test_a_class_never_selected_is_named(encoder, tmp_path):
    settings = config("fixed", epochs=1, selection={"teacher_threshold": {"money": 1.0}})
    _, outcome = run(encoder, tmp_path, settings)
    assert list(outcome.warnings) == [
        "No text labelled 'money' was selected, so it was not learned."
    ]
    assert outcome.epochs[0].selected_share_per_class == {"sports": 1.0, "money": 0.0}


def test_logs_and_summary_agree(encoder, tmp_path):
    data = toy_data(wrong=0.3)
    student, outcome = run(encoder, tmp_path, config("llkd"), data)
    steps, decisions = log(tmp_path, "steps"), log(tmp_path, "decisions")
    assert steps["step"].tolist() == list(range(10))
    assert steps["epoch"].tolist() == [1] * 5 + [2] * 5
    assert steps["batch"].tolist() == [8] * 10
    assert all(len(t) == 2 for t in steps["teacher_threshold"])
    assert steps["selected"].tolist() == decisions.groupby("step")["selected"].sum().tolist()
    label = data.teacher_probs.argmax(axis=1)
    chosen = decisions[decisions["selected"]]
    position = chosen["row"].to_numpy() - 100
    right = label[position] == data.gold[position]
    assert steps["selected_right"].sum() == right.sum()
    assert outcome.selected_accuracy == pytest.approx(right.mean())
    assert outcome.backpropagated == len(chosen) == steps["selected"].sum()
    assert outcome.unique == chosen["row"].nunique()
    assert outcome.selected_share == pytest.approx(len(chosen) / (2 * N))
    confidence = data.teacher_probs.max(axis=1)[decisions["row"] - 100]
    assert decisions["confidence"].to_numpy() == pytest.approx(confidence, abs=1e-6)
    kept = chosen.groupby("step")["weight"].mean()
    assert kept.to_numpy() == pytest.approx(np.ones(len(kept)), abs=1e-5)
    for number, epoch in enumerate(outcome.epochs, start=1):
        taken = chosen[(chosen["step"] // 5) + 1 == number]
        shares = epoch.selected_share_per_class
        for k, name in enumerate(CLASSES):
            count = (label[taken["row"] - 100] == k).sum()
            assert shares[name] == pytest.approx(count / (label == k).sum())
        assert epoch.epoch == number and epoch.backpropagated == len(taken)
    summary = json.loads((tmp_path / "summary.json").read_text())
    del summary["fingerprint"]
    assert RunSummary.read(summary) == outcome
    assert summary["accuracy"] == outcome.epochs[-1].accuracy
    assert outcome.training_seconds > 0 < outcome.logging_seconds


def test_signals_of_the_whole_pool_come_with_each_epoch(encoder, tmp_path):
    data = toy_data()
    student, _ = run(encoder, tmp_path, data=data)
    probs = student.probabilities(data.texts)
    table = pq.read_table(tmp_path / "signals-epoch-0002.parquet").to_pandas()
    assert table["row"].tolist() == list(range(100, 100 + N))
    assert np.stack(table["p"]) == pytest.approx(probs, abs=1e-6)
    assert table["student_label"].tolist() == probs.argmax(axis=1).tolist()
    need = signals.information_need(probs)
    assert table["information_need"].to_numpy() == pytest.approx(need, abs=1e-6)
    own = probs[np.arange(N), data.teacher_probs.argmax(axis=1)]
    assert table["pseudo_label_probability"].to_numpy() == pytest.approx(own, abs=1e-6)
    assert pq.read_schema(tmp_path / "signals-epoch-0001.parquet").field("p").type.value_type == (
        "float"
    )
    rows, stored = read_probabilities(tmp_path / "signals-epoch-0002.parquet")
    assert rows.tolist() == table["row"].tolist() and stored == pytest.approx(probs, abs=1e-6)
    rows, stored = read_probabilities(tmp_path / "eval-epoch-0002.parquet")
    assert rows.tolist() == list(range(EVAL))
    assert stored == pytest.approx(student.probabilities(data.eval_texts), abs=1e-6)


def test_the_trained_student_is_saved_and_the_checkpoint_gone(encoder, tmp_path):
    student, outcome = run(encoder, tmp_path)
    again = students.load_saved(tmp_path / "student", precision="fp32", device="cpu")
    assert same_weights(weights(student), weights(again))
    left = {path.name for path in tmp_path.iterdir()}
    assert not [name for name in left if name.startswith(("checkpoint", "."))]
    assert {"student", "summary.json", "steps-000001.parquet"} <= left
    accuracy = (again.probabilities(toy_data().eval_texts).argmax(1) == toy_data().eval_gold).mean()
    assert outcome.accuracy == pytest.approx(accuracy)


def test_without_gold_nothing_is_claimed(encoder, tmp_path):
    data = toy_data(gold=None, eval_texts=[], eval_gold=np.zeros(0, dtype=int))
    _, outcome = run(encoder, tmp_path, config(epochs=1), data)
    assert (outcome.accuracy, outcome.macro_f1, outcome.per_class_f1) == (None, None, None)
    assert outcome.selected_accuracy is None and outcome.evaluation_seconds == 0
    steps = log(tmp_path, "steps")
    assert steps["selected_right"].isna().all() and steps["selected_known"].isna().all()
    assert not list(tmp_path.glob("eval-*"))


def test_gold_never_trains(encoder, tmp_path):
    seen, _ = run(encoder, tmp_path / "gold", config(epochs=1))
    blind = toy_data(gold=None, eval_texts=[], eval_gold=np.zeros(0, dtype=int))
    unseen, _ = run(encoder, tmp_path / "none", config(epochs=1), blind)
    assert same_weights(weights(seen), weights(unseen))


def test_progress_in_words(encoder, tmp_path):
    heard = []
    run(encoder, tmp_path, config("all"), on_progress=heard.append)
    assert [heard.pop(0).message for _ in range(2)] == [
        "epoch 1 of 2, reading for its first head, 40 of 40 texts, 0.0% selected",
        "epoch 1 of 2, fitting the head, 0.0% selected",
    ]
    assert heard[0].message == "epoch 1 of 2, step 1 of 10, 100.0% selected"
    assert heard[5].message == "epoch 1 of 2, evaluating, 20 of 20 texts, 100.0% selected"
    assert heard[6].message == (
        "epoch 1 of 2, reading the whole pool, 40 of 40 texts, 100.0% selected"
    )
    assert [p.step for p in heard if ", step " in p.message] == list(range(1, 11))
    assert {p.total_steps for p in heard} == {10} and heard[-1].epoch == 2
    assert heard[0].loss > 0


def test_torchs_random_numbers_stay_the_callers(encoder, tmp_path):
    import torch

    torch.manual_seed(11)
    before = torch.get_rng_state()
    run(encoder, tmp_path, config(epochs=1))
    assert torch.equal(before, torch.get_rng_state())


def test_watchers_see_steps_between_checkpoints(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr("llkd.training.session.LOG_SECONDS", 0.0)
    seen = []

    def heard(progress):
        written = len(list(tmp_path.glob("steps-*.parquet")))
        seen.append((progress.step, written))

    run(encoder, tmp_path, config("all", checkpoint_seconds=3600), on_progress=heard)
    before_the_first_checkpoint = [written for step, written in seen if step == N // 8]
    assert before_the_first_checkpoint[0] >= 3
    assert log(tmp_path, "steps")["step"].tolist() == list(range(2 * N // 8))
