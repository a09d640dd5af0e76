"""Refined labels: the formula, who votes, what stays, and how it comes to labels."""

import numpy as np
import pytest

from llkd import curation
from llkd.curation.knn import nearest_voters, voting_groups
from llkd.curation.refinement import search as label_neighbours
from llkd.curation.refinement.formula import (
    DAMPING,
    FLOOR,
    SOFTENING,
    WEIGHT,
    neighbours_for,
    refined_logits,
)
from llkd.errors import JobCancelled
from llkd.evaluation.teacher_answers import judged_answers
from llkd.jobs import SilentProgress
from llkd.selection import signals
from llkd.workflows.refinement import refine, refine_by_default
from tests.support.toy_embeddings import embedded, project_gold
from tests.support.toy_projects import labelled_project


def refined(q, nearest, voter=None, label=None):
    q = np.asarray(q, dtype=np.float64)
    voter = np.arange(len(q)) if voter is None else np.asarray(voter)
    label = signals.pseudo_label(q) if label is None else np.asarray(label)
    return signals.softmax(refined_logits(q, label, np.asarray(nearest), voter))


def test_own_word_and_twice_the_mean_of_the_neighbours():
    q = [[0.6, 0.4], [0.2, 0.8], [0.4, 0.6]]
    got = refined(q, [[1, 2], [0, 2], [0, 1]])
    share = np.mean(q, axis=0)  # what all say: a common class does not win by being common
    logs = (np.log(q[0]) + 2 * (np.log([0.3, 0.7]) - np.log(share) / 2)) / 2
    assert got[0] == pytest.approx(np.exp(logs) / np.exp(logs).sum())
    assert got[0].argmax() == 1 and (WEIGHT, SOFTENING) == (2.0, 2.0)


def test_who_votes():
    nan = [np.nan, np.nan]
    # Rows 1 and 2 are near-duplicates: one vote, the mean of theirs. Row 3 names a class outright,
    # row 4 said nothing; row 5 is held out (no voter).
    q = [[0.5, 0.5], [0.9, 0.1], [0.7, 0.3], nan, nan, [0.1, 0.9]]
    got = refined(q, [[1, 2, 3]] * 6, voter=[0, 1, 1, 2, 3, -1], label=[0, 0, 0, 1, -1, 1])
    mean = np.array([(0.8 + 0.0) / 2, (0.2 + 1.0) / 2])
    share = np.array([0.5 + 0.8 + 0.0, 0.5 + 0.2 + 1.0]) / 3
    word = (mean / share**DAMPING) ** (WEIGHT / SOFTENING)
    expected = np.array([0.5, 0.5]) ** (1 / SOFTENING) * word
    assert got[0] == pytest.approx(expected / expected.sum())
    assert np.isnan(got[[3, 4]]).all() and np.isfinite(got[5]).all()
    # A certain label can be outweighed, and where nobody can vote nothing changes.
    sure = refined([[1.0, 0.0], [0.0, 1.0]], [[1], [1]])
    assert sure[0].argmax() == 1 and FLOOR > 0
    alone = [[0.6, 0.4], nan]
    assert refined(alone, [[1], [0]], label=[0, -1])[0] == pytest.approx(alone[0])


def test_a_teacher_that_leans_is_not_followed_by_its_neighbours():
    """Simulated: it gives half of the texts of class 1 to class 0. Undamped, class 1 starves."""
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 2, 1500)
    points = rng.normal(size=(1500, 8)) + (4.0 * gold[:, None] - 2.0) * np.eye(8)[0]
    label = np.where((gold == 1) & (rng.random(1500) < 0.5), 0, gold)
    q = np.where(np.eye(2)[label] > 0, 0.7, 0.3)
    voter, own = voting_groups(np.zeros(1500, dtype=np.int64))
    nearest = nearest_voters(points, voter, own)
    damped, plain = (
        refined_logits(q, label, nearest, voter, damping=damping).argmax(axis=1)
        for damping in (DAMPING, 0.0)
    )
    assert (plain == 1).mean() < (label == 1).mean() < (damped == 1).mean()
    assert (damped == gold).mean() > (label == gold).mean() > (plain == gold).mean()


def test_few_texts_for_many_classes_are_left_alone():
    assert [neighbours_for(*of) for of in ((1200, 4), (1200, 150), (300, 77), (60, 10))] == [
        15, 4, 0, 3,
    ]  # fmt: skip


def test_it_makes_noisy_labels_righter():
    """Simulated: two clouds, and a teacher who is right in seven of ten, wherever a text lies."""
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 2, 1500)
    points = rng.normal(size=(1500, 8)) + (4.0 * gold[:, None] - 2.0) * np.eye(8)[0]
    right = np.where(rng.random(1500) < 0.7, gold, 1 - gold)
    q = np.where(np.eye(2)[right] > 0, 0.7, 0.3)
    voter, own = voting_groups(np.zeros(1500, dtype=np.int64))
    got = refined(q, nearest_voters(points, voter, own))
    correct = got.argmax(axis=1) == gold
    assert (right == gold).mean() < 0.72 and correct.mean() > 0.78
    sure = got.max(axis=1) > np.median(got.max(axis=1))  # the teacher was as sure of every label
    assert correct[sure].mean() > correct[~sure].mean() + 0.05


def test_labels_of_a_pass(store):
    project = labelled_project(store)
    run = curation.active_labeling_run(store, project)
    plain = curation.teacher_labels(store, run)
    waiting = curation.teacher_labels(store, run, "batch+refined")
    assert waiting.refinement is None and (waiting.label == plain.label).all()
    values = embedded(store, project)
    labels = curation.teacher_labels(store, run, "batch+refined")
    gold = project_gold(store, project)
    assert (labels.label == gold).mean() > (plain.label == gold).mean()
    assert labels.refinement.changed == (labels.label != plain.label).sum() > 0
    # By hand: pool texts vote, held-out ones only ask.
    pool = (store.projects.texts(project.id, ["split"])["split"] == "pool").to_numpy()
    voter = np.where(pool, np.cumsum(pool) - 1, -1)
    nearest = nearest_voters(values, voter, voter)
    by_hand = signals.softmax(refined_logits(plain.probabilities, plain.label, nearest, voter))
    assert labels.probabilities == pytest.approx(by_hand)
    # A temperature on top changes no label; every base can be refined; scores stay.
    tempered = curation.teacher_labels(store, run, "batch+temperature+refined")
    assert (tempered.label == labels.label).all() and tempered.temperature != 1.0
    fit = curation.fit_calibration(store, project, run, "batch+temperature+refined")
    assert set(store.labeling_runs.get(run.id).fits) == {"batch+refined"}
    assert fit["nll_after"] <= fit["nll_before"]
    for name in signals.CALIBRATIONS:
        if signals.is_refined(name):
            assert curation.teacher_labels(store, run, name).refinement is not None
    assert (curation.teacher_labels(store, run).label == plain.label).all()


def test_one_search_serves_all_and_large_ones_take_a_job(store, monkeypatch):
    project = labelled_project(store)
    run = curation.active_labeling_run(store, project)
    embedded(store, project)
    monkeypatch.setattr(label_neighbours, "AT_ONCE", 10)
    assert not curation.has_search(store, run)
    assert curation.teacher_labels(store, run, "batch+refined").refinement is None

    class Stopped(SilentProgress):
        def check(self):
            raise JobCancelled("Stopped on request.")

    rows = curation.labelled_rows(store.labeling_runs.scores(run))
    with pytest.raises(JobCancelled):
        curation.make_search(store, project, rows, Stopped())
    curation.make_search(store, project, rows)
    assert curation.has_search(store, run)
    first = curation.teacher_labels(store, run, "batch+refined").refinement
    assert curation.teacher_labels(store, run, "none+refined").refinement.search == first.search
    # Other embeddings are another search; what a run rests on stays.
    store.nearest_texts.rest_on(project.id, first.search)
    embedded(store, project, seed=1)
    assert curation.teacher_labels(store, run, "batch+refined").refinement is None
    for path in store.nearest_texts.all(project.id):
        path.unlink()
    again = curation.teacher_labels(store, run, "batch+refined", search=first.search)
    assert again.refinement == first


def test_people_and_texts_without_an_answer_are_left_alone(store):
    project = labelled_project(store)
    embedded(store, project)
    run = curation.active_labeling_run(store, project)
    plain = curation.teacher_labels(store, run).label
    changed = np.flatnonzero(curation.teacher_labels(store, run, "batch+refined").label != plain)
    row = int(changed[0])
    name = project.label_set.names[int(plain[row])]
    store.decisions.decide(project.id, [row], "label", name)
    plane = curation.load_plane(store, project, calibration="batch+refined", need=False)
    line = plane.frame.set_index("row").loc[row]
    assert line["label"] == plain[row] != line["teacher_label"] and plane.refinement is not None


def test_switching_says_what_changed(store):
    project = labelled_project(store)
    embedded(store, project)
    document = refine(store, project, SilentProgress(), listed=3)
    assert document["calibration"] == "batch+refined" and document["changed"] > 0
    assert sum(pair["texts"] for pair in document["pairs"]) == document["changed"]
    judged = document["judged"]
    assert judged["held_out"] and judged["texts"] == 32
    assert judged["after"] - judged["before"] == pytest.approx(judged["difference"])
    assert judged["low"] <= judged["difference"] <= judged["high"]
    assert all(entry["before"] != entry["after"] for entry in document["listed"])
    off = refine(store, project, SilentProgress(), refined=False)
    assert off["calibration"] == "batch"


def test_two_teachers_decide_where_nobody_has(store):
    project = labelled_project(store)
    first = curation.active_labeling_run(store, project)
    advice = refine_by_default(store, project, first, first, first)
    assert advice.refine and advice.kappa == 1 and advice.texts == 64
    assert store.labeling_runs.get(first.id).calibration == "batch+refined"


def test_a_fit_judges_no_text_it_was_fitted_on_after_refinement_either(store):
    project = labelled_project(store, held_out=0)
    embedded(store, project)
    run = curation.active_labeling_run(store, project)
    labels = curation.teacher_labels(store, run, "fitted+refined")
    assert labels.fit is not None and labels.refinement is not None
    judged = curation.rows_to_evaluate(store, project, run)
    answers = judged_answers(store, project, labels, judged)
    assert answers.cross_fitted and np.isfinite(answers.probabilities).all()
    own = labels.probabilities[judged.rows]
    assert 0 < np.abs(answers.probabilities - own).max() < 0.5
    assert (answers.label == signals.pseudo_label(answers.probabilities)).all()
