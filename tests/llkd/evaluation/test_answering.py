"""Which labels may certify a student's own answers, and the certificate they give."""

import re

import numpy as np
import pandas as pd
import pytest

from llkd.config import LabelSet, TrainingConfig, build
from llkd.errors import UserError
from llkd.evaluation import audits
from llkd.evaluation.answering import (
    CertifyingLabels,
    NotCertain,
    StudentAnswers,
    certify_answers,
    certifying_labels,
)
from llkd.store.files.evaluation_labels import write_evaluation_labels
from llkd.store.run_summary import RunSummary
from tests.support.audited_projects import CLASSES, audit_rows, audited_project
from tests.support.seeded_runs import add_run
from tests.support.toy_projects import TableTeacher, label


def a_run(store, project, judged_by, rows, label, sampling):
    labeling_run = store.labeling_runs.all(project.id)[0]
    config = build(TrainingConfig, judged_by=judged_by)
    facts = {"classes": CLASSES, "class_keys": CLASSES, "judges": {"chosen": sampling}}
    run = store.runs.create(project.id, labeling_run.id, config, facts)
    write_evaluation_labels(run.files.evaluation_labels, np.asarray(rows), np.asarray(label))
    store.runs.finish(run.id, RunSummary())
    return store.runs.get(run.id)


def test_held_out_gold_certifies_and_every_run_that_it_evaluated_is_counted(store):
    project, truth = audited_project(store, n=300, held_out=100)
    first = add_run(store, project, "all")
    labels = certifying_labels(store, project, first)
    assert labels.source == "gold"
    assert labels.rows.tolist() == list(range(200, 300))
    assert labels.label.tolist() == truth[200:].tolist()
    assert labels.looks == 1
    add_run(store, project, "llkd")
    assert certifying_labels(store, project, first).looks == 2


def test_runs_of_another_project_with_the_same_held_out_texts_are_counted(store):
    project, _ = audited_project(store, n=300, held_out=100)
    first = add_run(store, project, "all")
    add_run(store, project, "all")
    texts = store.projects.texts(project.id)

    def copied(name, frame):
        store.projects.create(name, frame, source="t", report={}, label_set=LabelSet.of(CLASSES))
        copy = store.projects.get(name)
        table = {text: np.zeros(len(CLASSES)) for text in frame["text"]}
        label(store, copy, TableTeacher(table))
        return store.projects.get(name)

    # The old texts and some that the inbox had.
    new = [{"id": f"n{k}", "text": f"new {k}", "gold": None, "split": "pool"} for k in range(20)]
    frame = texts[["id", "text", "gold", "split"]]
    again = copied("again", pd.concat([frame, pd.DataFrame(new)], ignore_index=True))
    run = add_run(store, again, "all")
    assert certifying_labels(store, again, run).looks == 3
    assert certifying_labels(store, project, first).looks == 3
    # Nine of a hundred texts are in common by chance.
    other = frame.copy()
    other.loc[209:, "text"] = [f"other {k}" for k in range(91)]
    far = copied("far", other)
    assert certifying_labels(store, far, add_run(store, far, "all")).looks == 1
    assert certifying_labels(store, again, run).looks == 3


def test_people_certify_in_random_order_and_not_by_what_they_picked(store):
    project, truth = audited_project(store, n=300)
    rows = np.arange(0, 120)
    run = a_run(store, project, "people", rows, truth[rows], "at random")
    labels = certifying_labels(store, project, run)
    assert (labels.source, len(labels.rows), labels.looks) == ("people", 120, 1)
    picked = a_run(store, project, "people", rows, truth[rows], "by people")
    with pytest.raises(UserError, match="Nothing says how often the student"):
        certifying_labels(store, project, picked)


def test_an_audit_certifies_only_by_texts_that_trained_nothing(store):
    project, truth = audited_project(store, n=300)
    aside = np.arange(0, 300, 3)
    run = a_run(store, project, "teacher", aside, truth[aside], "at random")
    with pytest.raises(UserError):  # the teacher's labels of these texts say nothing
        certifying_labels(store, project, run)
    audit = audits.start_audit(store, project, seed=3)
    audit_rows(store, audit, truth, 90)
    labels = certifying_labels(store, project, run)
    answered = set(store.audits.order(audit)[:90].tolist())
    assert labels.source == "audit"
    assert set(labels.rows.tolist()) == answered & set(aside.tolist())
    assert labels.label.tolist() == truth[labels.rows].tolist()


def test_an_audit_of_the_surest_texts_certifies_nothing_of_a_stream(store):
    from llkd.config.selection_rule import ThresholdRule

    project, truth = audited_project(store, n=300)
    aside = np.arange(0, 300, 3)
    run = a_run(store, project, "teacher", aside, truth[aside], "at random")
    audit = audits.start_audit(store, project, ThresholdRule(teacher_threshold=0.7), seed=3)
    audit_rows(store, audit, truth, 60)
    with pytest.raises(UserError):
        certifying_labels(store, project, run)


def a_student(label, confidence):
    return lambda texts: StudentAnswers(np.asarray(label), np.asarray(confidence))


def test_the_certificate_says_what_it_promises_and_what_it_rests_on():
    rng = np.random.default_rng(0)
    confidence = rng.permutation(np.linspace(0.4, 0.999, 500))
    known = rng.integers(3, size=500)
    answer = np.where(confidence > 0.6, known, (known + 1) % 3)
    labels = CertifyingLabels("gold", np.arange(500), known, looks=3)
    texts = [f"t{i}" for i in range(500)]
    found_by = certify_answers(7, labels, texts, a_student(answer, confidence), target=0.95)
    inside = confidence >= found_by.threshold
    assert found_by.answered == inside.sum()
    assert found_by.wrong == (inside & (answer != known)).sum()
    assert list(found_by.confidences) == sorted(confidence)
    assert found_by.sentence == (
        "At least 95 % of what the student answers itself is right (95 % confidence), as long as "
        "texts are like the 500 held-out texts with gold. It answers where its raw confidence is "
        f"{found_by.threshold:.4g} or more: {100 * found_by.expected_share:.1f} % of those texts, "
        f"{found_by.wrong} of these {found_by.answered} wrongly. It was one of 3 students that "
        "these texts evaluated, which is counted."
    )


def test_a_class_that_the_run_does_not_have_is_a_wrong_answer():
    labels = CertifyingLabels("audit", np.arange(100), np.full(100, -1), looks=1)
    with pytest.raises(NotCertain):
        certify_answers(
            1,
            labels,
            ["t"] * 100,
            a_student(np.full(100, -1), np.linspace(0.5, 1, 100)),
            target=0.9,
        )


def test_what_is_not_certain_names_the_best_target_and_the_labels_it_would_take():
    confidence = np.linspace(0.4, 0.99, 100)
    known = np.zeros(100, dtype=np.int64)
    labels = CertifyingLabels("gold", np.arange(100), known, looks=1)
    with pytest.raises(NotCertain) as failure:
        certify_answers(1, labels, ["t"] * 100, a_student(known, confidence), target=0.98)
    words = str(failure.value)
    assert "at least 98 % of the student's answers are right" in words
    assert "100 held-out texts with gold" in words
    assert re.search(r"About \d+ more such texts would do", words)
    assert words.endswith("--answer-when 0.97.")
    bad = (np.arange(100) % 3 == 0).astype(np.int64)
    with pytest.raises(NotCertain, match="More of them would not do"):
        certify_answers(1, labels, ["t"] * 100, a_student(bad, confidence), target=0.98)
