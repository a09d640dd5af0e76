"""What a merge and a split of classes mean for audits and certificates."""

import numpy as np
import pytest

from llkd.config import Label
from llkd.config.selection_rule import EVERYTHING, ThresholdRule
from llkd.evaluation import audits
from llkd.evaluation.audits.validity import kept_promise
from llkd.store import Store
from tests.support.audited_projects import a_certificate, audit_rows, audited_project


@pytest.fixture
def store(home):
    opened = Store(home)
    yield opened
    opened.close()


SURE = ThresholdRule(teacher_threshold=0.7)
"""Labels that no two other classes outweigh together."""


def begun(store, rule=SURE, **options):
    project, truth = audited_project(store, **options)
    return project, truth, audits.start_audit(store, project, rule, target=0.8, seed=7)


def holds(store, audit):
    """Why its certificate does not hold, labels of today compared; None where it does."""
    return audits.audit_status(store, audit).certificates[0].broken


def test_a_merge_leaves_a_certificate_true(store):
    project, truth, audit = begun(store)
    audit_rows(store, audit, truth, 60)
    store.audits.certify(audit, a_certificate(store, audit))
    before = audits.audit_status(store, audit)
    assert before.certificates[0].broken is None
    store.classes.merge(project.id, ["sports", "politics"], "sports")
    after = audits.audit_status(store, audit)
    assert after.certificates[0].broken is None and after.broken == ()
    # The answers that it rests on count as they were given: a merge makes none of them right.
    assert (after.answered, after.wrong) == (before.answered, before.wrong)
    assert sum(part.audited for part in after.per_class.values()) == 60
    assert set(after.per_class) <= {"sports", "science"}
    store.classes.undo(project.id)
    assert holds(store, audit) is None


def test_answers_given_after_a_merge_are_of_the_merged_class(store):
    project, truth, audit = begun(store, right=0.5)
    audit_rows(store, audit, truth, 30)
    first = audits.audit_status(store, audit).wrong
    store.classes.merge(project.id, ["sports", "politics"], "games")
    now = np.where(truth < 2, 0, 1)  # indices of games, science
    audit_rows(store, audit, now, 30)
    status = audits.audit_status(store, audit)
    population = store.audits.population(audit)
    rows, keys = population.row[30:60], population.label[30:60]
    merged_label = np.where(np.isin(keys, ["sports", "politics"]), 0, 1)
    assert status.wrong == first + int((merged_label != now[rows]).sum())
    # What was said of the merged class is of neither of its parts once the merge is undone.
    store.classes.undo(project.id)
    undone = audits.audit_status(store, audit).wrong
    assert undone == first + int((~((keys == "science") & (now[rows] == 1))).sum())


def test_where_two_classes_outweigh_the_audited_label_it_says_what_is_left(store):
    project, truth, audit = begun(store, EVERYTHING)
    audit_rows(store, audit, truth, 60)
    store.audits.certify(audit, a_certificate(store, audit))
    population = store.audits.population(audit)
    outweighed = (population.label == "science") & (population.confidence < 0.5)
    store.classes.merge(project.id, ["sports", "politics"], "games")
    reason = holds(store, audit)
    assert f"{int(outweighed.sum())} labels of these 400 are the merged class now" in reason
    left = kept_promise(400, 0.8, int(outweighed.sum()), 0)
    assert f"at least {round(100 * left)} % are right" in reason
    store.classes.undo(project.id)
    assert holds(store, audit) is None


def test_a_split_breaks_what_was_promised_of_its_labels_and_the_undo_mends_it(store):
    project, truth, audit = begun(store)
    audit_rows(store, audit, truth, 60)
    store.audits.certify(audit, a_certificate(store, audit))
    store.classes.split(project.id, "sports", [Label(name="football"), Label(name="tennis")])
    assert "The class 'sports' was split" in holds(store, audit)
    assert "was split" in audits.audit_status(store, audit).broken[0]
    with pytest.raises(audits.NotCertified, match="was split"):
        audits.certify_audit(store, audit, target=0.1)
    store.classes.undo(project.id)
    assert holds(store, audit) is None


@pytest.mark.parametrize("seed", range(2))
def test_a_merge_that_is_chosen_after_a_look_promises_nothing_false(store, seed):
    """Whoever merges the two classes that were confused most, and goes on, gets no free pass.

    Of the merged labels fewer than the target are right; answers of before stay wrong.
    """
    project, truth = audited_project(store, n=300, right=0.55, seed=seed)
    audit = audits.start_audit(store, project, target=0.95, seed=7)
    audit_rows(store, audit, truth, 100)
    wrong = audits.audit_status(store, audit).wrong
    assert wrong > 20
    store.classes.merge(project.id, ["sports", "politics"], "games")
    status = audits.audit_status(store, audit)
    assert status.wrong == wrong and status.certificate.certified is None
