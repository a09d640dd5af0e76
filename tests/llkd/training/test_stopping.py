"""Early stopping: by which labels, when, and whose weights remain."""

import numpy as np
import pytest

from llkd import students
from llkd.errors import ConfigError, JobCancelled
from llkd.training.records import Position
from llkd.training.stopping import note, stop_source_of
from tests.support.toy_runs import (
    config,
    log,
    run,
    same_weights,
    stop_after,
    toy_data,
    weights,
)

NO_GOLD = {"eval_texts": [], "eval_gold": np.zeros(0, dtype=int)}


def settings(**changes):
    values = {"epochs": 8, "patience": 2, "learning_rate": 2e-3, "head_learning_rate": 1e-2}
    return config("all", early_stopping="auto", **{**values, **changes})


def held_out(source):
    other = toy_data(evaluated=20)
    return toy_data(
        **NO_GOLD, stop_texts=other.eval_texts, stop_label=other.eval_gold, stop_source=source
    )


def test_patience_counts_epochs_since_the_best():
    at, history = Position.start(2), []
    for epoch, value in enumerate([0.5, 0.7, 0.7, 0.6, 0.9], start=1):
        best = note(at, epoch, [value], 2)
        history.append((best, at.best_epoch, at.stopped))
    assert history[:4] == [(True, 1, False), (True, 2, False), (False, 2, False), (False, 2, True)]


def test_the_best_and_the_last_student_are_kept(encoder, tmp_path):
    student, outcome = run(encoder, tmp_path, settings())
    scores = [epoch.macro_f1 for epoch in outcome.epochs]
    pairs = [(epoch.macro_f1, epoch.accuracy) for epoch in outcome.epochs]
    assert outcome.best_epoch == pairs.index(max(pairs)) + 1 and outcome.stopped_on == "gold"
    assert len(pairs) == min(8, outcome.best_epoch + 2) < 8, "it stopped"
    assert outcome.macro_f1 == max(scores) and outcome.steps == 5 * len(pairs)
    best = students.load_saved(tmp_path / "student", precision="fp32", device="cpu")
    last = students.load_saved(tmp_path / "student-last", precision="fp32", device="cpu")
    assert same_weights(weights(best), weights(student))
    assert not same_weights(weights(best), weights(last))
    data = toy_data()
    accuracy = (best.probabilities(data.eval_texts).argmax(1) == data.eval_gold).mean()
    assert accuracy == pytest.approx(outcome.accuracy)
    assert not (tmp_path / "best.safetensors").exists()
    assert list(outcome.warnings) == [
        f"The student is that of epoch {outcome.best_epoch} of {len(pairs)}, the best by held-out "
        "gold. The same gold measures it, so its figures are a little too good."
    ]


def test_the_kept_student_is_that_of_the_shorter_run(encoder, tmp_path):
    """Nothing of the later epochs is in it: training just to the best epoch gives the same."""
    student, outcome = run(encoder, tmp_path / "long", settings(warmup_share=0.0))
    with pytest.raises(JobCancelled):
        run(
            encoder, tmp_path / "cut", settings(warmup_share=0.0), **stop_after(5 * outcome.best_epoch)
        )  # fmt: skip
    from safetensors.torch import load_file

    (checkpoint,) = (tmp_path / "cut").glob("checkpoint-*")
    assert same_weights(load_file(checkpoint / "model.safetensors"), weights(student))


@pytest.mark.parametrize(("source", "words"), [
    ("audit", "held-out labels of people"), ("teacher", "the teacher's surest held-out labels"),
    ("pool_gold", "gold of pool texts that did not train"),
])  # fmt: skip
def test_without_gold_other_held_out_labels_judge(encoder, tmp_path, source, words):
    _, outcome = run(encoder, tmp_path, settings(), held_out(source))
    assert outcome.stopped_on == source and outcome.accuracy is None
    assert len(outcome.epochs) == min(8, outcome.best_epoch + 2)
    assert outcome.warnings[-1].endswith(f"the best by {words}.")


def test_held_out_gold_chooses_no_epoch_but_for_runs_that_an_older_version_began():
    other = toy_data()
    stop = {"stop_texts": other.eval_texts, "stop_label": other.eval_gold}
    for source in ("audit", "pool_gold", "teacher"):
        assert stop_source_of(toy_data(**stop, stop_source=source)) == source
    assert stop_source_of(toy_data()) == "gold"


def test_without_held_out_labels_it_says_what_to_do(encoder, tmp_path):
    with pytest.raises(ConfigError, match="needs labels that do not train, and there are none"):
        run(encoder, tmp_path, settings(), toy_data(**NO_GOLD))


@pytest.mark.parametrize("stop_at", [4, 10, 17])
@pytest.mark.parametrize("source", ["gold", "teacher"])
def test_a_stopped_run_resumes_to_the_same_choice(encoder, tmp_path, stop_at, source):
    data = toy_data() if source == "gold" else held_out(source)
    whole, expected = run(encoder, tmp_path / "whole", settings(), data)
    with pytest.raises(JobCancelled):
        run(encoder, tmp_path / "cut", settings(), data, **stop_after(stop_at))
    resumed, outcome = run(encoder, tmp_path / "cut", settings(), data)
    assert same_weights(weights(resumed), weights(whole))
    timeless = {"training_seconds": 0, "evaluation_seconds": 0, "logging_seconds": 0}
    assert outcome.model_copy(update=timeless) == expected.model_copy(update=timeless)
    assert log(tmp_path / "cut", "decisions").equals(log(tmp_path / "whole", "decisions"))


def test_without_early_stopping_the_last_student_stays(encoder, tmp_path):
    _, outcome = run(encoder, tmp_path, config("all", epochs=4))
    assert (outcome.best_epoch, outcome.stopped_on, len(outcome.epochs)) == (None, None, 4)
    assert not (tmp_path / "student-last").exists()
