"""`fitted` calibration: how much of the mean is taken away is what known classes bear out."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from llkd import curation, workflows
from llkd.config import LabelSet, TeacherConfig, TrainingConfig
from llkd.config.selection_rule import rule_of_choices
from llkd.curation.probe_signals import probe_file
from llkd.errors import UserError
from llkd.evaluation import teacher_answers
from llkd.selection import signals
from llkd.store import Scores
from llkd.training.targets import LabelBasis, label_basis, targets_digest
from llkd.workflows.labeling import teacher_document

TEXTS, CLASSES = 4000, 4
NAMES = ["roads", "waste", "water", "trees"]


def teacher(share, leaning=0.0, signal=4.0, seed=0, texts=TEXTS):
    """Scores and true classes of a pool with ``share`` of class 0; ``leaning`` favours class 1."""
    rng = np.random.default_rng(seed)
    rest = (1 - share) / (CLASSES - 1)
    gold = rng.choice(CLASSES, texts, p=[share, *[rest] * (CLASSES - 1)])
    scores = rng.normal(0, 1.0, (texts, CLASSES))
    scores[np.arange(texts), gold] += signal
    scores[:, 1] += leaning
    return scores, gold


def right(scores, gold, bias):
    return float(((scores - bias).argmax(axis=1) == gold).mean())


def rates(share, leaning, labels, seeds=20):
    """Mean accuracy under none, batch and fitted, over ``seeds`` draws of ``labels`` texts."""
    found = []
    for seed in range(seeds):
        scores, gold = teacher(share, leaning, seed=seed)
        mean = signals.calibration_bias(scores, "batch")
        drawn = np.random.default_rng(1000 + seed).choice(TEXTS, labels, replace=False)
        fit = signals.fit_bias_weight(scores[drawn], mean, gold[drawn])
        found.append([right(scores, gold, w * mean) for w in (0.0, 1.0, fit.weight)])
    return np.mean(found, axis=0), np.min(found, axis=0)


@pytest.mark.parametrize("share", [0.8, 0.9, 0.95])
def test_an_unbiased_teacher_on_an_unbalanced_pool_loses_nothing(share):
    (none, batch, fitted), _ = rates(share, 0.0, 30)
    assert batch < none - 0.05
    assert fitted == pytest.approx(none, abs=0.015)


def test_a_leaning_teacher_on_a_balanced_pool_is_helped_as_by_batch():
    (none, batch, fitted), worst = rates(0.25, 6.0, 30)
    assert none < batch - 0.3
    assert fitted == pytest.approx(batch, abs=0.015)
    assert worst[2] > batch - 0.04


def test_it_finds_a_weight_and_a_temperature_that_are_known():
    """Gold drawn from softmax((s - 0.4 m) / 2): both come back."""
    rng = np.random.default_rng(5)
    scores = rng.normal([3.0, 0.0, 0.0, -1.0], 3.0, (20_000, CLASSES))
    mean = signals.calibration_bias(scores, "batch")
    probabilities = signals.teacher_probabilities(scores, 0.4 * mean, 2.0)
    gold = np.array([rng.choice(CLASSES, p=p) for p in probabilities])
    fit = signals.fit_bias_weight(scores, mean, gold)
    assert fit.weight == pytest.approx(0.4, abs=0.03)
    assert fit.temperature == pytest.approx(2.0, abs=0.06)
    # A grid finds nothing likelier.
    best = signals.gold_nll(scores, fit.weight * mean, gold, fit.temperature)
    grid = [
        signals.gold_nll(scores, w * mean, gold, t)
        for w in np.linspace(0, 1, 11)
        for t in (1.0, 1.5, 1.9, 2.0, 2.1, 3.0)
    ]
    assert best <= min(grid) + 1e-5


def test_labels_that_are_all_right_still_fit_and_too_few_do_not():
    scores, gold = teacher(0.9, signal=12.0, texts=400)
    mean = signals.calibration_bias(scores, "batch")
    assert (scores.argmax(axis=1) == gold).all()
    fit = signals.fit_bias_weight(scores[:20], mean, gold[:20])
    assert signals.TEMPERATURES[0] < fit.temperature < 1 and fit.weight < 0.3
    assert signals.fit_bias_weight(scores[:19], mean, gold[:19]) is None
    assert signals.fit_bias_weight(scores[:40], mean, np.where(np.arange(40) < 19, 0, -1)) is None
    missing = scores[:25].copy()
    missing[:6] = np.nan
    assert signals.fit_bias_weight(missing, mean, gold[:25]) is None


def made(store, share=0.9, texts=600, gold=(), held_out=(), leaning=0.0, calibration="fitted"):
    scores, truth = teacher(share, leaning, texts=texts)
    known = np.isin(np.arange(texts), [*gold, *held_out])
    frame = pd.DataFrame(
        {
            "id": [str(k) for k in range(texts)],
            "text": [f"text {k}" for k in range(texts)],
            "gold": [NAMES[truth[k]] if known[k] else None for k in range(texts)],
            "split": np.where(np.isin(np.arange(texts), list(held_out)), "eval", "pool"),
        }
    )
    project = store.projects.create(
        "city", frame, source="x", report={}, label_set=LabelSet.of(NAMES)
    )
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(),
        fingerprint="f",
        teacher={"kind": "embedded"},
        calibration=calibration,
    )
    nothing, kinds = np.full(texts, None, object), np.full(texts, "logprob", object)
    store.labeling_runs.append(
        labeling_run, Scores(np.arange(texts), scores, np.full(texts, -1), kinds, nothing)
    )
    store.projects.use_labelling(project.id, labeling_run.id)
    return store.projects.get("city"), store.labeling_runs.get(labeling_run.id), truth


def decide(store, project, rows, truth):
    for k, name in enumerate(NAMES):
        store.decisions.decide(project.id, [r for r in rows if truth[r] == k], "label", name)


class TestOfAPass:
    def test_without_labels_it_is_batch_and_says_what_it_needs(self, store):
        project, labeling_run, truth = made(store)
        decide(store, project, range(19), truth)
        labels = curation.teacher_labels(store, labeling_run)
        batch = curation.teacher_labels(store, labeling_run, "batch")
        assert labels.fit is None and np.array_equal(labels.probabilities, batch.probabilities)
        with pytest.raises(UserError, match=r"at least 20 texts .* Label 30 texts"):
            curation.fit_calibration(store, project, labeling_run, "fitted")
        document = teacher_document(store, project, labeling_run)
        assert document["fit"] is None and document["batch_share_shift"] > 0.2
        assert document["development_texts"] == 19

    def test_with_labels_it_takes_away_as_much_as_they_bear_out(self, store):
        project, labeling_run, truth = made(store)
        decide(store, project, range(30), truth)
        labels = curation.teacher_labels(store, labeling_run)
        batch = curation.teacher_labels(store, labeling_run, "batch")
        fit = labels.fit
        assert (fit["rows"], fit["source"], fit["held_out"]) == (30, "human", False)
        assert labels.bias == pytest.approx(fit["bias_weight"] * batch.bias)
        assert (labels.label == truth).mean() > (batch.label == truth).mean() + 0.1
        assert fit["nll_after"] < fit["nll_before"]

    def test_held_out_gold_never_fits(self, store):
        project, labeling_run, _ = made(store, held_out=range(60))
        assert curation.teacher_labels(store, labeling_run).fit is None
        with pytest.raises(UserError, match="Held-out gold measures"):
            curation.fit_calibration(store, project, labeling_run, "fitted")

    def test_turning_the_held_out_gold_round_changes_nothing(self, store):
        project, labeling_run, truth = made(store, gold=range(100, 140), held_out=range(60))
        fit = curation.teacher_labels(store, labeling_run).fit
        assert (fit["rows"], fit["source"]) == (40, "gold")
        document = teacher_document(store, project, labeling_run)
        assert document["evaluated"] == 60 and not document["cross_fitted"]

    def test_rows_that_judge_do_not_fit(self, store):
        project, labeling_run, truth = made(store)
        decide(store, project, range(50), truth)
        half = curation.teacher_labels(store, labeling_run, without=np.arange(25))
        assert half.fit["rows"] == 25
        assert curation.teacher_labels(store, labeling_run, without=np.arange(50)).fit is None

    def test_where_it_is_judged_on_its_own_texts_it_is_cross_fitted(self, store):
        """A text's own label says nothing to its own answer: turned round, the answer stays."""
        project, labeling_run, truth = made(store, texts=200)
        decide(store, project, range(40), truth)
        judged = curation.rows_to_evaluate(store, project, labeling_run)
        labels = curation.teacher_labels(store, labeling_run)
        before = teacher_answers.judged_answers(store, project, labels, judged)
        assert (
            before.cross_fitted and teacher_document(store, project, labeling_run)["cross_fitted"]
        )
        assert not np.allclose(before.probabilities, labels.probabilities[judged.rows])
        for row in (3, 17, 31):
            store.decisions.decide(project.id, [row], "label", NAMES[(truth[row] + 1) % CLASSES])
            judged = curation.rows_to_evaluate(store, project, labeling_run)
            labels = curation.teacher_labels(store, labeling_run)
            after = teacher_answers.judged_answers(store, project, labels, judged)
            assert np.array_equal(after.probabilities[row], before.probabilities[row])
            assert not np.allclose(after.probabilities, before.probabilities)
            store.decisions.decide(project.id, [row], "label", NAMES[truth[row]])

    def test_texts_that_it_was_not_fitted_on_are_judged_as_they_are_labelled(self, store):
        project, labeling_run, truth = made(store, gold=range(100, 140), held_out=range(60))
        labels = curation.teacher_labels(store, labeling_run)
        judged = curation.rows_to_evaluate(store, project, labeling_run)
        answers = teacher_answers.judged_answers(store, project, labels, judged)
        assert np.array_equal(answers.probabilities, labels.probabilities[judged.rows])

    def test_a_kept_fit_holds_when_more_labels_come_and_the_probe_follows_the_labels(self, store):
        project, labeling_run, truth = made(store, share=0.6, leaning=2.5)
        decide(store, project, range(30), truth)
        loose = curation.teacher_labels(store, labeling_run)
        fit = curation.fit_calibration(store, project, labeling_run, "fitted")
        assert fit == loose.fit
        decide(store, project, range(30, 200), truth)
        anew = curation.teacher_labels(store, labeling_run)
        kept = curation.teacher_labels(store, store.labeling_runs.get(labeling_run.id))
        assert np.array_equal(kept.probabilities, loose.probabilities)
        assert anew.fit["rows"] == 200 and not np.allclose(anew.bias, kept.bias)
        files = {probe_file(store, project, one) for one in (anew, kept)}
        assert len(files) == 2

    @pytest.mark.parametrize("kept", [False, True])
    def test_an_export_is_made_again_hash_for_hash_after_more_labels(self, store, tmp_path, kept):
        project, labeling_run, truth = made(store, share=0.6, leaning=2.5)
        decide(store, project, range(30), truth)
        if kept:
            curation.fit_calibration(store, project, labeling_run, "fitted")
        labels = curation.teacher_labels(store, store.labeling_runs.get(labeling_run.id))
        workflows.export(
            store,
            project,
            tmp_path / "o",
            formats=["jsonl"],
            rule=rule_of_choices(teacher_threshold=0.7),
        )
        told = json.loads((tmp_path / "o" / "manifest.json").read_text("utf-8"))
        assert told["teacher"]["calibration"] == "fitted"
        assert told["teacher"]["temperature_fit"] == labels.fit
        assert told["inputs"]["bias"] == pytest.approx(labels.bias.tolist())
        decide(store, project, range(30, 300), truth)
        if kept:
            curation.fit_calibration(store, project, labeling_run, "fitted")
        now = curation.teacher_labels(store, store.labeling_runs.get(labeling_run.id))
        assert not np.allclose(now.bias, labels.bias) and (now.label != labels.label).any()
        found = workflows.rebuild(store, tmp_path / "o", tmp_path / "again")
        assert found["rows_sha256"] == told["rows_sha256"]
        first, again = (tmp_path / name / "curated.jsonl" for name in ("o", "again"))
        assert first.read_bytes() == again.read_bytes()
        assert (
            "The calibration would be another today; the recorded one was used." in found["notes"]
        )

    def test_what_a_comparison_began_with_holds_after_more_labels(self, store):
        project, labeling_run, truth = made(store, share=0.6, leaning=2.5, held_out=range(500, 560))
        decide(store, project, range(30), truth)
        began, config = time.time(), TrainingConfig()
        basis = label_basis(store, project, config)
        before = targets_digest(store, project, config, began, LabelBasis(**basis.document()))
        decide(store, project, range(30, 300), truth)
        assert not np.allclose(label_basis(store, project, config).bias, basis.bias)
        assert targets_digest(store, project, config, began, basis) == before

    def test_where_people_judge_none_of_their_labels_fits(self, store):
        project, labeling_run, truth = made(store)
        decide(store, project, range(60), truth)
        basis = label_basis(store, project, TrainingConfig(judged_by="people"))
        assert basis.calibration == "batch" and basis.fit is None
        assert "nothing to fit the calibration on" in basis.notes[0]

    def test_a_run_without_enough_labels_is_refused(self, store):
        project, labeling_run, _ = made(store, held_out=range(50))
        with pytest.raises(UserError, match="Fitted calibration needs at least 20 texts"):
            label_basis(store, project, TrainingConfig())
