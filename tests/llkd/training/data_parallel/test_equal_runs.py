"""Several ranks select what one process selects and learn what it learns."""

import json

import numpy as np
import pytest

from llkd.config import TrainingConfig, build
from llkd.errors import ConfigError, JobCancelled, ModelError
from llkd.selection.registry import STRATEGIES
from llkd.students import Encoded
from llkd.training.data_parallel.commands import UPDATE, Command, share_of
from tests.support.forked_ranks import use_forked_ranks
from tests.support.toy_runs import config, log, run, same_weights, stop_after, toy_data, weights

OPTIONS = {
    **{name: {"strategy": name} for name in STRATEGIES},
    "soft, weighted": {"targets": "soft", "hard_share": 0.5, "selection": {"weighting": "mean"}},
    "gather": {"gather": True, "strategy": "random"},
    "score every 3": {"selection": {"score_every": 3}},
    "early stopping": {"strategy": "all", "early_stopping": "auto", "head_start": "random"},
}
CLOSE = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(autouse=True)
def forked(monkeypatch):
    """The other ranks begin quickly."""
    use_forked_ranks(monkeypatch)


def data_with_everything():
    """83 texts, so that the last batch has three; some labels are wrong, some a person's."""
    rng = np.random.default_rng(0)
    plain, human = toy_data(n=83, evaluated=21, wrong=0.2), np.zeros(83, dtype=bool)
    human[:5] = True
    probs = plain.teacher_probs.copy()
    probs[human] = np.eye(2)[1 - probs[human].argmax(axis=1)]
    return toy_data(
        n=83, evaluated=21, teacher_probs=probs, human=human, teacher_raw_probs=plain.teacher_probs,
        oof_probs=rng.dirichlet([1.0, 1.0], 83), knn_mean_probs=rng.dirichlet([1.0, 1.0], 83),
        in_saved=rng.random(83) < 0.4, passes=rng.random(83) < 0.6, support=rng.random(83),
        stop_texts=plain.eval_texts, stop_label=plain.eval_gold,
    )  # fmt: skip


def settings_of(name):
    options = {"dropout": False, **OPTIONS[name]}
    selection = {"share": 0.4, "teacher_threshold": 0.7, "student_threshold": 0.2, "window": 3}
    selection |= options.pop("selection", {})
    return config(options.pop("strategy", "llkd"), selection=selection, **options)


def with_workers(settings, workers):
    return build(TrainingConfig, settings.model_dump(), workers=workers)


def check_equal(one, several):
    """The logs of two runs: the same decisions, losses to 1e-5, the same figures at each epoch."""
    first, second = log(one, "decisions"), log(several, "decisions")
    assert first["row"].equals(second["row"]) and first["selected"].equals(second["selected"])
    for name in ("weight", "confidence", "information_need"):
        np.testing.assert_allclose(first[name], second[name], **CLOSE)
    first, second = log(one, "steps"), log(several, "steps")
    assert first["skipped"].equals(second["skipped"])
    np.testing.assert_allclose(first["loss"], second["loss"], **CLOSE)
    for side in ("teacher_threshold", "student_threshold"):
        np.testing.assert_allclose(np.stack(first[side]), np.stack(second[side]), **CLOSE)
    for kind in ("signals-epoch", "eval-epoch"):
        first, second = (np.stack(log(folder, kind)["p"]) for folder in (one, several))
        np.testing.assert_allclose(first, second, **CLOSE)


@pytest.mark.parametrize("name", OPTIONS)
def test_two_ranks_select_and_learn_what_one_process_does(encoder, tmp_path, name):
    settings, data = settings_of(name), data_with_everything()
    _, alone = run(encoder, tmp_path / "one", settings, data)
    _, together = run(encoder, tmp_path / "two", with_workers(settings, 2), data)
    assert log(tmp_path / "one", "steps")["selected"].sum() > 0
    check_equal(tmp_path / "one", tmp_path / "two")
    assert together.accuracy == alone.accuracy and together.macro_f1 == alone.macro_f1
    assert together.updates == alone.updates and together.best_epoch == alone.best_epoch
    assert not list((tmp_path / "two").glob(".workers*"))


def test_fewer_texts_than_ranks_and_none_at_all(encoder, tmp_path):
    """Three ranks; steps that select no text, one, two, and more than three."""
    settings = config(
        "fixed", batch_size=5, dropout=False,
        selection={"teacher_threshold": 0.85, "student_threshold": 0.2},
    )  # fmt: skip
    data = toy_data(n=43, evaluated=1)
    run(encoder, tmp_path / "one", settings, data)
    run(encoder, tmp_path / "three", with_workers(settings, 3), data)
    check_equal(tmp_path / "one", tmp_path / "three")
    assert {0, 1, 2} <= set(log(tmp_path / "three", "steps")["selected"])


def test_a_run_is_resumed_with_any_number_of_workers(encoder, tmp_path):
    settings, data = settings_of("llkd"), data_with_everything()
    run(encoder, tmp_path / "one", settings, data)
    for workers, steps in ((2, 3), (1, 9), (3, 15)):
        with pytest.raises(JobCancelled):
            run(
                encoder,
                tmp_path / "cut",
                with_workers(settings, workers),
                data,
                **stop_after(steps),
            )
    _, outcome = run(encoder, tmp_path / "cut", with_workers(settings, 2), data)
    check_equal(tmp_path / "one", tmp_path / "cut")
    assert outcome.steps == 22


def test_with_dropout_as_many_workers_give_the_same_run_again(encoder, tmp_path):
    """And with dropout it is another run than that of one process, which the method says."""
    settings, data = config(workers=2), toy_data()
    whole, _ = run(encoder, tmp_path / "whole", settings, data)
    with pytest.raises(JobCancelled):
        run(encoder, tmp_path / "cut", settings, data, **stop_after(4))
    resumed, _ = run(encoder, tmp_path / "cut", settings, data)
    assert same_weights(weights(resumed), weights(whole))
    alone, _ = run(encoder, tmp_path / "one", with_workers(settings, 1), data)
    assert not same_weights(weights(alone), weights(whole))


def test_ranks_that_no_longer_agree_end_the_run(encoder, tmp_path):
    import torch

    from llkd import training
    from tests.support.toy_runs import CLASSES, fresh

    student = fresh(encoder)

    def flip(progress):
        if progress.step == 3:
            with torch.no_grad():
                student.network["head"].bias[0] += 1e-3

    with pytest.raises(ModelError, match="no longer the same, which points to a device"):
        training.train(
            student, toy_data(), config("all", workers=2), CLASSES, tmp_path, on_progress=flip
        )


def test_a_process_with_a_group_of_its_own_is_told(encoder, tmp_path):
    import torch.distributed as dist

    store = dist.FileStore(str(tmp_path / "group"), 1)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        with pytest.raises(ConfigError, match=r"group of torch.distributed already\. Train with"):
            run(encoder, tmp_path / "run", config(workers=2))
    finally:
        dist.destroy_process_group()


def test_commands_come_through_whole():
    texts = Encoded(np.array([5, 6, 7], np.int32), np.array([0, 1, 3]))
    for target in (np.array([1, 0]), np.array([[0.25, 0.75], [1.0, 0.0]])):
        command = Command(UPDATE, 41, texts, target, np.array([0.1, 2.0]))
        read = Command.read(*command.packed())
        assert (read.kind, read.number) == (UPDATE, 41)
        for name in ("target", "weight"):
            assert getattr(read, name).tolist() == getattr(command, name).tolist()
        assert read.texts.ids.tolist() == [5, 6, 7] and read.texts.offsets.tolist() == [0, 1, 3]


@pytest.mark.parametrize(("texts", "ranks"), [(0, 2), (1, 3), (8, 3), (9, 3)])
def test_every_text_falls_to_one_rank(texts, ranks):
    lengths = np.arange(texts) % 4 + 1
    shares = [share_of(lengths, rank, ranks) for rank in range(ranks)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(texts))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_workers_are_no_part_of_what_a_run_is(encoder, tmp_path):
    """A finished run of before there were workers is read, whatever the number is now."""
    run(encoder, tmp_path)
    path = tmp_path / "summary.json"
    stored = json.loads(path.read_text())
    assert "workers" not in stored["fingerprint"] and stored["fingerprint"].pop("dropout") is True
    path.write_text(json.dumps(stored))
    _, outcome = run(encoder, tmp_path, config(workers=2))
    assert outcome.steps == stored["steps"]
    with pytest.raises(ConfigError, match="another dropout"):
        run(encoder, tmp_path, config(dropout=False))
