"""The student's first head: known truth, nothing of the judging labels, exact when resumed."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from llkd.curation.probe import INVERSE_REGULARISATION
from llkd.errors import JobCancelled
from llkd.selection import signals
from llkd.training import head_start
from llkd.training.head_start import fitted_head
from tests.support.tiny_student import CLASSES, WORDS
from tests.support.toy_runs import (
    config,
    fresh,
    log,
    run,
    same_weights,
    stop_after,
    toy_data,
    weights,
)

N = 600


def points_of(seed=0, classes=4, dimensions=16, n=N):
    """Points of length about 1 around one centre a class, and their class."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, dimensions))
    gold = np.arange(n) % classes
    points = centres[gold] + 0.3 * rng.normal(size=(n, dimensions))
    return points / np.linalg.norm(points, axis=1).mean(), gold


def telling_texts(n):
    """Texts of words that all give their class away."""
    rng = np.random.default_rng(0)
    gold = np.arange(n) % 2
    return [" ".join(rng.choice(WORDS[CLASSES[k]], 5)) for k in gold], gold


def head_of(student):
    state = student.network["head"].state_dict()
    return state["weight"].numpy().copy(), state["bias"].numpy().copy()


def started(encoder, folder, data, **changes):
    """The student as it is right before its first step."""
    seen = []
    stop = {
        "on_progress": lambda progress: seen.append(progress.message),
        "should_stop": lambda: bool(seen) and "fitting the head" in seen[-1],
    }
    settings = config("all", **changes)
    student = fresh(encoder, settings.seed)
    from llkd import training

    with pytest.raises(JobCancelled):
        training.train(student, data, settings, CLASSES, folder, **stop)
    return student


def test_it_is_the_regression_that_the_probe_fits():
    points, gold = points_of()
    weight, bias = fitted_head(points, np.eye(4)[gold], np.ones(N))
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=2000, tol=1e-8).fit(points, gold)
    ours = signals.softmax(points @ weight.T + bias)
    assert np.abs(ours - model.predict_proba(points)).max() < 2e-3


def test_weights_count_as_repeated_texts_and_soft_targets_as_shares_of_them():
    points, gold = points_of()
    twice = np.where(np.arange(N) < 100, 2.0, 1.0)
    repeated = np.concatenate([np.arange(N), np.arange(100)])
    first = fitted_head(points, np.eye(4)[gold], twice)
    second = fitted_head(points[repeated], np.eye(4)[gold[repeated]], np.ones(N + 100))
    assert np.abs(first[0] - second[0]).max() < 0.02
    # A text that is half of one class and half of another is two texts of half the weight.
    other = (gold + 1) % 4
    soft = 0.5 * np.eye(4)[gold] + 0.5 * np.eye(4)[other]
    both = np.concatenate([gold, other])
    whole = fitted_head(points, soft, np.ones(N))
    halves = fitted_head(np.tile(points, (2, 1)), np.eye(4)[both], np.full(2 * N, 0.5))
    assert np.abs(whole[0] - halves[0]).max() < 0.02


def test_a_class_without_labels_is_never_the_likeliest():
    points, gold = points_of()
    target = np.eye(6)[np.where(gold == 3, 5, gold)]  # 3 and 4 have none
    weight, bias = fitted_head(points, target, np.ones(N))
    logits = points @ weight.T + bias
    assert set(logits.argmax(axis=1)) == {0, 1, 2, 5}
    assert not weight[[3, 4]].any() and np.isfinite(bias).all()
    assert (bias[[3, 4]] <= bias[[0, 1, 2, 5]].min()).all()


def test_the_student_is_right_before_its_first_step(encoder, tmp_path):
    texts, gold = telling_texts(300)
    data = toy_data(
        texts=texts[:200], rows=np.arange(200), gold=gold[:200], teacher_probs=np.eye(2)[gold[:200]],
        eval_texts=texts[200:], eval_gold=gold[200:],
    )  # fmt: skip
    probed = started(encoder, tmp_path / "probe", data)
    assert not list((tmp_path / "probe").glob("steps-*"))
    answers = probed.probabilities(list(data.eval_texts)).argmax(axis=1)
    assert (answers == data.eval_gold).mean() > 0.9
    begun = fresh(encoder).probabilities(list(data.eval_texts)).argmax(axis=1)
    assert (begun == data.eval_gold).mean() < 0.8


def test_two_classes_have_the_ridge_of_the_probe_too():
    points, gold = points_of(classes=2)
    weight, bias = fitted_head(points, np.eye(2)[gold], np.ones(N))
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=2000, tol=1e-8).fit(points, gold)
    ours = signals.softmax(points @ weight.T + bias)
    assert np.abs(ours - model.predict_proba(points)).max() < 2e-3


def test_its_logits_are_those_of_the_regression_on_unnormalised_vectors(encoder, tmp_path):
    data = toy_data(n=120)
    student = started(encoder, tmp_path, data)
    vectors = student.pooled_vectors(list(data.texts))
    length = np.linalg.norm(vectors, axis=1).mean()
    label = data.teacher_probs.argmax(axis=1)
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=2000, tol=1e-8)
    wanted = model.fit(vectors / length, label).predict_proba(vectors / length)
    assert np.abs(student.probabilities(list(data.texts)) - wanted).max() < 5e-3


def test_random_is_the_head_of_before_and_settings_make_the_difference(encoder, tmp_path):
    data = toy_data(n=40)
    before = weights(fresh(encoder))
    student, _ = run(encoder, tmp_path / "a", config("all", head_start="random"), data)
    other, _ = run(encoder, tmp_path / "b", config("all"), data)
    assert not same_weights(weights(student), weights(other))
    begun = started(encoder, tmp_path / "c", data)
    assert same_weights(
        {k: v for k, v in weights(begun).items() if k.startswith("encoder")},
        {k: v for k, v in before.items() if k.startswith("encoder")},
    )


def test_kept_embeddings_make_nearly_the_same_head(encoder, tmp_path):
    data = toy_data(n=120)
    unit = fresh(encoder).embed(list(data.texts))
    requests = []

    def unit_embeddings(positions):
        requests.append(len(positions))
        return unit[positions]

    own = started(encoder, tmp_path / "own", data)
    by_kept = started(encoder, tmp_path / "kept", replace(data, unit_embeddings=unit_embeddings))
    assert requests == [120]
    texts = list(data.eval_texts)
    assert np.abs(own.probabilities(texts) - by_kept.probabilities(texts)).max() < 0.05


def test_judging_and_stopping_labels_have_no_part_in_it(encoder, tmp_path):
    stop = {"stop_texts": toy_data(n=10).texts, "stop_source": "audit"}
    label = np.arange(10) % 2
    data = toy_data(n=60, stop_label=label, **stop)
    turned = replace(
        data, eval_gold=1 - data.eval_gold, stop_label=1 - label, gold=1 - np.asarray(data.gold)
    )
    first, second = (
        run(encoder, tmp_path / name, config("all"), each)[0]
        for name, each in (("one", data), ("other", turned))
    )
    assert same_weights(weights(first), weights(second))


def test_peoples_labels_count_as_they_do_in_training(encoder, tmp_path):
    """Turned round by people who outweigh the teacher, the labels turn the head round."""
    data = toy_data(n=80)
    label = data.teacher_probs.argmax(axis=1)
    human = np.arange(80) < 40
    certain = np.eye(2)[np.where(human, 1 - label, label)]
    corrected = replace(data, teacher_probs=certain, human=human)
    texts, gold = list(data.eval_texts), data.eval_gold
    for weight, right in ((1000.0, False), (0.0, True)):
        student = started(encoder, tmp_path / str(weight), corrected, human_weight=weight)
        answers = student.probabilities(texts).argmax(axis=1)
        assert ((answers == gold).mean() > 0.5) == right


def test_a_saved_selection_alone_makes_the_head_of_its_run(encoder, tmp_path):
    data = toy_data(n=80)
    in_saved = np.arange(80) < 40
    wrong = np.where(in_saved[:, None], data.teacher_probs, data.teacher_probs[:, ::-1])
    mixed = replace(data, teacher_probs=wrong, in_saved=in_saved)
    alone = replace(
        data, texts=data.texts[:40], rows=data.rows[:40], gold=data.gold[:40],
        teacher_probs=data.teacher_probs[:40],
    )  # fmt: skip
    heads = [
        head_of(started(encoder, tmp_path / str(k), each)) for k, each in enumerate((mixed, alone))
    ]
    assert np.allclose(heads[0][0], heads[1][0], atol=1e-4)


def test_soft_targets_make_a_softer_head(encoder, tmp_path):
    texts, gold = telling_texts(120)
    probs = np.where(np.eye(2)[gold] > 0, 0.9, 0.1)
    data = toy_data(texts=texts, rows=np.arange(120), gold=gold, teacher_probs=probs)
    hard = started(encoder, tmp_path / "hard", data)
    soft = started(encoder, tmp_path / "soft", data, targets="soft", target_temperature=4.0)
    need = [
        signals.information_need(each.probabilities(list(data.texts))).mean()
        for each in (hard, soft)
    ]
    assert need[0] + 0.05 < need[1]


def test_one_class_alone_leaves_the_head_as_it_was(encoder, tmp_path):
    data = toy_data(n=20)
    one = replace(data, teacher_probs=np.tile([0.9, 0.1], (20, 1)))
    settings = config("all", epochs=1)
    first, _ = run(encoder, tmp_path / "a", settings, one)
    second, _ = run(
        encoder, tmp_path / "b", settings.model_copy(update={"head_start": "random"}), one
    )
    assert same_weights(weights(first), weights(second))


def test_of_many_texts_a_sample_with_every_class_is_read(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(head_start, "FIT_LIMIT", 30)
    probs = np.tile([0.9, 0.1], (200, 1))
    probs[77] = [0.1, 0.9]
    data = toy_data(n=200, teacher_probs=probs)
    requests = []

    def unit_embeddings(positions):
        requests.append(positions)
        return np.eye(32)[positions % 32]

    started(encoder, tmp_path, replace(data, unit_embeddings=unit_embeddings))
    assert len(requests[0]) == 30 and 77 in requests[0]


@pytest.mark.parametrize("doing", ["reading for its first head", "fitting the head", "step 1 of"])
def test_stopped_anywhere_it_resumes_to_the_same_weights(encoder, tmp_path, doing):
    whole, expected = run(encoder, tmp_path / "whole", config("llkd"))
    seen = []
    with pytest.raises(JobCancelled):
        run(
            encoder, tmp_path / "cut", config("llkd"),
            on_progress=lambda progress: seen.append(progress.message),
            should_stop=lambda: bool(seen) and doing in seen[-1],
        )  # fmt: skip
    resumed, outcome = run(encoder, tmp_path / "cut", config("llkd"))
    assert same_weights(weights(resumed), weights(whole))
    assert outcome.epochs == expected.epochs
    assert (log(tmp_path / "cut", "steps")["step"].to_numpy() == np.arange(10)).all()


def test_stopped_while_it_reads_it_leaves_no_checkpoint(encoder, tmp_path):
    with pytest.raises(JobCancelled, match="before its first step"):
        run(encoder, tmp_path, config("llkd"), **stop_after(0))
    assert not list(tmp_path.glob("checkpoint-*"))


CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
import tests.support.toy_runs as t
def heard(progress):
    if "fitting the head" in progress.message:
        os.kill(os.getpid(), signal.SIGKILL)
t.run({encoder!r}, Path(sys.argv[1]), t.config("llkd"), on_progress=heard)
"""


def test_killed_while_it_is_fitted_it_is_fitted_again(encoder, tmp_path):
    whole, _ = run(encoder, tmp_path / "whole", config("llkd"))
    code = CHILD.format(root=str(Path(__file__).parents[3]), encoder=encoder)
    child = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "killed")],
        capture_output=True, text=True, env=os.environ.copy(),
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr
    resumed, _ = run(encoder, tmp_path / "killed", config("llkd"))
    assert same_weights(weights(resumed), weights(whole))
