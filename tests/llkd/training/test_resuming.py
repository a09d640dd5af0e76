"""Stopping, dying, resuming: the same weights as if nothing had happened."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from llkd.errors import ConfigError, JobCancelled, StoreError
from llkd.selection.registry import STRATEGIES
from tests.support.toy_runs import (
    config,
    log,
    run,
    same_weights,
    stop_after,
    toy_data,
    weights,
)

CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
import tests.support.toy_runs as t
kill_at = int(sys.argv[2])
def heard(progress):
    if progress.step == kill_at and ", step " in progress.message:
        os.kill(os.getpid(), signal.SIGKILL)
settings = t.config(sys.argv[3], selection={{"share": 0.4}}, checkpoint_seconds=0)
t.run({encoder!r}, Path(sys.argv[1]), settings, on_progress=heard)
"""


def no_seconds(frame):
    return frame.drop(columns=[name for name in frame if name == "seconds"])


@pytest.mark.parametrize(("strategy", "kill_at"), [("llkd", 3), ("teacher_then_random", 8)])
def test_a_killed_run_resumes_to_the_same_weights(encoder, tmp_path, strategy, kill_at):
    whole, expected = run(encoder, tmp_path / "whole", config(strategy, selection={"share": 0.4}))
    code = CHILD.format(root=str(Path(__file__).parents[3]), encoder=encoder)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "killed"), str(kill_at), strategy],
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    killed = tmp_path / "killed"
    assert [path.name for path in killed.glob("checkpoint-*")] == [
        f"checkpoint-{(kill_at - 1) // 5:05d}-{(kill_at - 1) % 5:08d}"
    ]
    heard = []
    resumed, outcome = run(
        encoder,
        killed,
        config(strategy, selection={"share": 0.4}),
        on_progress=heard.append,
    )
    assert heard[0].step == kill_at  # not from the start
    assert same_weights(weights(resumed), weights(whole))
    for kind in ("steps", "decisions", "signals-epoch", "eval-epoch"):
        first, second = log(tmp_path / "whole", kind), log(killed, kind)
        assert len(first) and no_seconds(first).equals(no_seconds(second)), kind
    for name in ("accuracy", "selected_share", "unique", "epochs", "steps", "selected_accuracy"):
        assert getattr(outcome, name) == getattr(expected, name), name


OPTIONS = {
    **{name: {"strategy": name} for name in STRATEGIES},
    "saved": {"strategy": "saved", "selection": {"saved": "first cut"}},
    "no class thresholds": {"selection": {"class_specific": False, "target_rate": 0.3}},
    "softmatch": {"selection": {"weighting": "softmatch", "half_life": 4.0}},
    "softmatch all": {"strategy": "all", "selection": {"weighting": "softmatch"}},
    "score every 2": {"selection": {"score_every": 2}},
    "score every 7": {"selection": {"score_every": 7}},
    "warm-up": {"selection": {"warmup_steps": 4}},
    "soft": {"targets": "soft", "target_temperature": 2.0, "hard_share": 0.5},
    "gather": {"gather": True, "strategy": "random"},
    "all at once": {
        "strategy": "learnability",
        "gather": True,
        "targets": "soft",
        "human_weight": 2.0,
        "selection": {"score_every": 3, "warmup_steps": 2},
    },
}


def data_with_everything():
    rng = np.random.default_rng(0)
    plain, human = toy_data(n=80, wrong=0.2), np.zeros(80, dtype=bool)
    human[:6] = True
    probs = plain.teacher_probs.copy()
    probs[human] = np.eye(2)[1 - probs[human].argmax(axis=1)]
    return toy_data(
        n=80, teacher_probs=probs, human=human, teacher_raw_probs=plain.teacher_probs,
        oof_probs=rng.dirichlet([1.0, 1.0], 80), knn_mean_probs=rng.dirichlet([1.0, 1.0], 80),
        in_saved=rng.random(80) < 0.4,
    )  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_every_strategy_and_option_resumes_to_the_same_weights(encoder, tmp_path, name):
    """Stopped in the middle of an epoch, twice; every bit of the result is that of a whole run."""
    options = {**OPTIONS[name]}
    selection = {"share": 0.4, "teacher_threshold": 0.7, "student_threshold": 0.2, "window": 3}
    selection |= options.pop("selection", {})
    settings = config(options.pop("strategy", "llkd"), selection=selection, **options)
    data = data_with_everything()
    whole, expected = run(encoder, tmp_path / "whole", settings, data)
    for steps in (3, 14):
        with pytest.raises(JobCancelled):
            run(encoder, tmp_path / "cut", settings, data, **stop_after(steps))
    resumed, outcome = run(encoder, tmp_path / "cut", settings, data)
    assert same_weights(weights(resumed), weights(whole))
    assert 0 < outcome.backpropagated == expected.backpropagated
    assert outcome.updates == expected.updates and outcome.epochs == expected.epochs
    for kind in ("steps", "decisions", "signals-epoch", "eval-epoch"):
        first, second = log(tmp_path / "whole", kind), log(tmp_path / "cut", kind)
        assert no_seconds(first).equals(no_seconds(second)), kind


def test_a_checkpoint_from_before_an_option_existed_is_taken_up(encoder, tmp_path):
    """A setting that a run's stored state does not name had its default then."""
    whole, _ = run(encoder, tmp_path / "whole")
    with pytest.raises(JobCancelled):
        run(encoder, tmp_path / "old", **stop_after(3))
    (state,) = (tmp_path / "old").glob("checkpoint-*/state.json")
    values = json.loads(state.read_text())
    for name in ("targets", "gather", "patience", "selection.score_every"):
        del values["fingerprint"][name]
    for name in ("best_epoch", "best_score", "stopped"):
        del values["position"][name]
    del values["gathering"]
    state.write_text(json.dumps(values))
    with pytest.raises(ConfigError, match="with another targets"):
        run(encoder, tmp_path / "old", config(targets="soft"))
    resumed, _ = run(encoder, tmp_path / "old")
    assert same_weights(weights(resumed), weights(whole))


def test_a_run_stopped_while_reading_the_pool_resumes_there(encoder, tmp_path):
    whole, _ = run(encoder, tmp_path / "whole")
    messages = []
    with pytest.raises(JobCancelled, match="after 5 of 10 steps"):
        run(
            encoder,
            tmp_path / "stopped",
            on_progress=lambda progress: messages.append(progress.message),
            should_stop=lambda: bool(messages) and "whole pool" in messages[-1],
        )
    heard = []
    resumed, _ = run(encoder, tmp_path / "stopped", on_progress=heard.append)
    assert heard[0].step == 5 and "evaluating" in heard[0].message
    assert same_weights(weights(resumed), weights(whole))
    assert no_seconds(log(tmp_path / "whole", "steps")).equals(
        no_seconds(log(tmp_path / "stopped", "steps"))
    )


def test_what_was_logged_after_the_checkpoint_is_discarded(encoder, tmp_path):
    with pytest.raises(JobCancelled):
        run(encoder, tmp_path, config(checkpoint_seconds=0), **stop_after(4))
    parts = len(list(tmp_path.glob("steps-*.parquet")))
    for name in ("steps-000099", "decisions-000099", "signals-epoch-0001"):
        (tmp_path / f"{name}.parquet").write_bytes(b"written after the checkpoint")
    half = tmp_path / ".checkpoint-00000-00000005.abc.tmp"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    (tmp_path / "config.json").write_text("not ours")
    run(encoder, tmp_path)
    assert log(tmp_path, "steps")["step"].tolist() == list(range(10))
    assert not half.exists() and parts == 4
    assert (tmp_path / "config.json").read_text() == "not ours"


def test_a_checkpoint_half_written_leaves_the_one_before(encoder, tmp_path, monkeypatch):
    import safetensors.torch

    whole, _ = run(encoder, tmp_path / "whole")
    real, calls = safetensors.torch.save_file, []

    def failing(tensors, path, *args, **options):
        calls.append(path)
        if len(calls) == 11:  # the fourth checkpoint's second file
            raise OSError(28, "No space left on device")
        return real(tensors, path, *args, **options)

    monkeypatch.setattr(safetensors.torch, "save_file", failing)
    with pytest.raises(StoreError, match=r"could not be written.*No space left.*make room"):
        run(encoder, tmp_path / "full", config(checkpoint_seconds=0))
    monkeypatch.undo()
    assert [p.name for p in (tmp_path / "full").glob("*checkpoint*")] == [
        "checkpoint-00000-00000003"
    ]
    resumed, _ = run(encoder, tmp_path / "full")
    assert same_weights(weights(resumed), weights(whole))


def test_checkpoints_keep_their_distance(encoder, tmp_path, monkeypatch):
    from llkd.training import checkpoints

    written, real = [], checkpoints.save

    def spy(folder, epoch, batch, checkpoint):
        written.append((epoch, batch))
        real(folder, epoch, batch, checkpoint)

    monkeypatch.setattr(checkpoints, "save", spy)
    run(encoder, tmp_path)
    assert written == [(1, 0)]  # the end of epoch 1; the end of the last needs none
    assert len(list(tmp_path.glob("steps-*.parquet"))) == 2


def test_a_checkpoint_holds_no_pickle(encoder, tmp_path):
    with pytest.raises(JobCancelled):
        run(encoder, tmp_path, **stop_after(2))
    (folder,) = tmp_path.glob("checkpoint-*")
    assert sorted(path.name for path in folder.iterdir()) == [
        "arrays.safetensors",
        "model.safetensors",
        "optimiser.safetensors",
        "state.json",
    ]


def test_a_checkpoint_of_another_run_is_refused(encoder, tmp_path):
    with pytest.raises(JobCancelled):
        run(encoder, tmp_path, **stop_after(2))
    with pytest.raises(ConfigError, match="with another learning_rate, another seed. Resume"):
        run(encoder, tmp_path, config(learning_rate=5e-4, seed=9))
    with pytest.raises(ConfigError, match="with another selection.strategy"):
        run(encoder, tmp_path, config("all"))
    with pytest.raises(ConfigError, match="with another teacher labels"):
        run(encoder, tmp_path, data=toy_data(wrong=0.5))
    run(encoder, tmp_path, config(checkpoint_seconds=100))  # when to save decides nothing


def test_a_damaged_checkpoint_is_said(encoder, tmp_path):
    with pytest.raises(JobCancelled):
        run(encoder, tmp_path, **stop_after(2))
    (folder,) = tmp_path.glob("checkpoint-*")
    (folder / "model.safetensors").write_bytes(b"x")
    with pytest.raises(StoreError, match="cannot be read.*Remove that folder to train from"):
        run(encoder, tmp_path)


def test_a_finished_run_is_only_read(encoder, tmp_path):
    _, outcome = run(encoder, tmp_path)
    steps = (tmp_path / "steps-000001.parquet").stat().st_mtime_ns
    again, read = run(encoder, tmp_path, on_progress=lambda p: pytest.fail("it trained again"))
    assert read == outcome
    assert (tmp_path / "steps-000001.parquet").stat().st_mtime_ns == steps
    with pytest.raises(ConfigError, match="with another epochs"):
        run(encoder, tmp_path, config(epochs=3))
