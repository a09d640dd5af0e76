"""The steps against hand-written ones, and the arms against each other."""

import numpy as np
import pytest

from llkd import training
from llkd.errors import ConfigError, JobCancelled, ModelError
from llkd.training.batches import epoch_batches
from tests.support.tiny_student import CLASSES, toy_texts
from tests.support.toy_runs import (
    N,
    config,
    fresh,
    log,
    run,
    stop_after,
    toy_data,
)


def hand_written(encoder, data, settings, steps, weight=lambda p, q: np.ones(len(p))):
    """Plain PyTorch: same batches, same seeds, none of the package's loop."""
    import torch

    student = fresh(encoder, settings.seed)
    network = student.network
    named = list(network.named_parameters())
    groups = [
        {
            "params": [p for n, p in named if n.startswith(part) and (p.ndim > 1) == matrix],
            "base": rate,
            "weight_decay": 0.01 if matrix else 0.0,
        }
        for part, rate in (("encoder", settings.learning_rate), ("head", 1e-3))
        for matrix in (True, False)
    ]
    optimiser = torch.optim.AdamW(groups, lr=1.0)
    lengths = student.encode(data.texts).lengths
    total = settings.epochs * -(-len(data.texts) // settings.batch_size)
    warmup = round(0.1 * total)
    torch.manual_seed(settings.seed)
    losses = []
    for step, batch in enumerate(epoch_batches(lengths, settings.batch_size, settings.seed, 0)):
        if step == steps:
            return student, losses
        # Shorter texts of a batch are padded by the tokenizer here, on the same side.
        inputs = student.tokenizer(
            [data.texts[i] for i in batch], padding=True, return_tensors="pt"
        )
        target = torch.tensor(data.teacher_probs[batch].argmax(axis=1))
        network.train()
        hidden = network["encoder"](
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
        ).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1).float()
        pooled = (hidden * mask).sum(1) / mask.sum(1)
        logits = network["head"](torch.nn.functional.dropout(pooled, 0.1, True))
        loss = torch.nn.functional.cross_entropy(logits, target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        factor = (step + 1) / warmup if step < warmup else (total - step) / (total - warmup)
        for group in optimiser.param_groups:
            group["lr"] = group["base"] * factor
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    raise AssertionError("too few batches")


def test_all_equals_a_hand_written_loop_of_three_steps(encoder, tmp_path):
    import torch

    settings, data = config("all", head_start="random"), toy_data()
    with torch.random.fork_rng(devices=[]):
        expected, losses = hand_written(encoder, data, settings, 3)
    student = fresh(encoder, settings.seed)
    with pytest.raises(JobCancelled, match="stopped after 3 of 10 steps; resume it"):
        training.train(student, data, settings, CLASSES, tmp_path, **stop_after(3))
    assert log(tmp_path, "steps")["loss"].tolist() == pytest.approx(losses, rel=1e-5)
    start = fresh(encoder, settings.seed).network.state_dict()
    moved = 0.0
    for name, value in expected.network.state_dict().items():
        if name.endswith("key.bias"):
            continue  # softmax cancels it: its gradient is rounding noise, which AdamW scales up
        assert torch.allclose(student.network.state_dict()[name], value, atol=2e-5), name
        moved = max(moved, float((value - start[name]).abs().max()))
    assert moved > 1e-3  # so that the tolerance means something


def test_weights_scale_each_samples_loss(encoder, tmp_path, monkeypatch):
    """The logged loss is the mean over the selected of weight x cross-entropy."""
    import torch

    import llkd.students.student as module

    selection = {"teacher_threshold": 0.8, "weighting": "mean"}
    settings = config("fixed", head_start="random", selection=selection)
    data = toy_data()
    student = fresh(encoder)
    monkeypatch.setattr(module, "DROPOUT", 0.0)
    for part in student.network.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    before = fresh(encoder).probabilities(data.texts)
    with pytest.raises(JobCancelled):
        training.train(student, data, settings, CLASSES, tmp_path, **stop_after(1))
    lengths = student.encode(data.texts).lengths
    batch = epoch_batches(lengths, 8, 3, 0)[0]
    sure = data.teacher_probs[batch].max(axis=1)
    label = data.teacher_probs[batch].argmax(axis=1)
    kept = sure >= 0.8
    raw = (sure + 1) / 2  # nothing asked of the student, so its need counts as 1
    weight = raw[kept] / raw[kept].mean()
    entropy = -np.log(before[batch][kept, label[kept]])
    line = log(tmp_path, "steps").iloc[0]
    assert line["selected"] == kept.sum() < 8
    assert line["loss"] == pytest.approx((weight * entropy).mean(), rel=1e-4)
    decisions = log(tmp_path, "decisions")
    assert decisions["row"].tolist() == (batch + 100).tolist()
    assert decisions["weight"][kept].tolist() == pytest.approx(weight.tolist(), rel=1e-5)
    assert (decisions["weight"][~kept] == 0).all()


def test_micro_batches_change_nothing_but_memory(encoder, tmp_path, monkeypatch):
    """After running out of memory the gradient is accumulated: same weights, and it is said."""
    import torch

    import llkd.students.student as module

    monkeypatch.setattr(module, "DROPOUT", 0.0)
    settings, data = config("all", epochs=1), toy_data()

    def without_dropout():
        student = fresh(encoder)
        student.network.train = lambda mode=True: student.network
        return student

    whole = without_dropout()
    training.train(whole, data, settings, CLASSES, tmp_path / "whole")
    small = without_dropout()
    forward = small.network["encoder"].forward

    def limited(input_ids, **inputs):
        if len(input_ids) > 3 and torch.is_grad_enabled():
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return forward(input_ids=input_ids, **inputs)

    monkeypatch.setattr(small.network["encoder"], "forward", limited)
    outcome = training.train(small, data, settings, CLASSES, tmp_path / "small")
    for name, value in whole.network.state_dict().items():
        if name.endswith("key.bias"):
            continue  # as above
        assert torch.allclose(small.network.state_dict()[name], value, atol=1e-4), name
    assert list(outcome.warnings) == [
        "Memory ran out, so at most 4 texts were put through the student at once. The result is "
        "that of the full batch, only slower.",
        "Memory ran out, so at most 2 texts were put through the student at once. The result is "
        "that of the full batch, only slower.",
    ]


def test_memory_too_small_for_one_text(encoder, tmp_path, monkeypatch):
    import torch

    student = fresh(encoder)

    def never(**inputs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(student.network["encoder"], "forward", never)
    for head in ("probe", "random"):
        with pytest.raises(ModelError, match=r"on a single text.*\(max_tokens was 16\)"):
            training.train(student, toy_data(), config("all", head_start=head), CLASSES, tmp_path)


def test_learning_happens(encoder, tmp_path):
    settings = config("all", epochs=6, learning_rate=2e-3, head_learning_rate=1e-2)
    student, outcome = run(encoder, tmp_path, settings, toy_data(n=160, evaluated=60))
    assert outcome.accuracy > 0.9 and outcome.macro_f1 > 0.9
    texts, gold = toy_texts(60, seed=2)
    assert (student.probabilities(texts).argmax(axis=1) == gold).mean() == outcome.accuracy
    assert outcome.epochs[0].loss > 2 * outcome.epochs[-1].loss


def test_learning_happens_with_llkd_on_a_part(encoder, tmp_path):
    settings = config("llkd", epochs=8, learning_rate=2e-3, head_learning_rate=1e-2)
    _, outcome = run(encoder, tmp_path, settings, toy_data(n=160, evaluated=60))
    assert outcome.accuracy > 0.9
    assert 0.05 < outcome.selected_share < 0.6
    assert outcome.unique <= outcome.backpropagated < 8 * 160


def test_arms_walk_the_same_batches_and_random_takes_the_reference_counts(encoder, tmp_path):
    run(encoder, tmp_path / "llkd", config("llkd"))
    steps = log(tmp_path / "llkd", "steps")
    counts = steps["selected"].tolist()
    assert 0 < sum(counts) < 2 * N and len(set(counts)) > 1
    settings = config("random", reference_run=1)
    run(encoder, tmp_path / "random", settings, reference_counts=counts)
    control = log(tmp_path / "random", "steps")
    assert control["selected"].tolist() == counts
    assert control["learning_rate"].tolist() == steps["learning_rate"].tolist()
    first, second = (log(tmp_path / name, "decisions") for name in ("llkd", "random"))
    assert first[["step", "row"]].equals(second[["step", "row"]])
    assert not first["selected"].equals(second["selected"])
    assert second.groupby("step")["selected"].sum().tolist() == counts
    # Each row is decided once an epoch.
    assert sorted(first["row"]) == sorted(list(range(100, 100 + N)) * 2)


def test_reference_counts_of_another_length_are_refused(encoder, tmp_path):
    with pytest.raises(ConfigError, match="reference run has 3 steps and this one 10"):
        run(
            encoder,
            tmp_path,
            config("random", reference_run=1),
            reference_counts=[1, 2, 3],
        )


@pytest.mark.parametrize(
    "strategy", ["llkd", "fixed", "teacher_only", "student_only", "teacher_then_random", "random"]
)
def test_every_strategy_runs_and_logs_what_it_needs(encoder, tmp_path, strategy):
    settings = config(strategy, epochs=1, selection={"share": 0.5})
    _, outcome = run(encoder, tmp_path, settings)
    decisions = log(tmp_path, "decisions")
    scored = strategy in {"llkd", "student_only"}
    assert decisions["information_need"].notna().all() == scored
    assert decisions["information_need"].isna().all() != scored
    assert decisions["selected"].sum() == outcome.backpropagated == outcome.unique > 0
