"""What an audit promises, through the real workflow: a scripted person knows the truth."""

import numpy as np
import pytest

from llkd import curation
from llkd.config.selection_rule import CertifiedRule, SavedRule
from llkd.errors import NotFound, UserError
from llkd.evaluation import audits
from llkd.evaluation.certificate import certify
from llkd.store import Store
from tests.support.audited_projects import audit_rows, audited_project, key_of


@pytest.fixture
def store(home):
    opened = Store()
    yield opened
    opened.close()


class TestStatus:
    def test_before_the_first_answer_nothing_is_known(self, store):
        project, _ = audited_project(store, 80)
        status = audits.audit_status(store, audits.start_audit(store, project))
        assert status.answered == 0 and status.certificate.certified is None
        assert status.sentence == (
            "Nothing is known yet: of the 80 texts of audit 1 nobody has labelled any."
        )

    def test_only_a_beginning_without_a_gap_counts(self, store):
        project, truth = audited_project(store, 80)
        audit = audits.start_audit(store, project)
        order = store.audits.order(audit)
        for place in (0, 1, 3, 4):
            audits.answer(
                store, audit, int(order[place]), key_of(store, audit, truth[order[place]])
            )
        status = audits.audit_status(store, audit)
        assert (status.answered, status.waiting) == (2, 2)
        assert "2 answers do not count yet" in status.next_step
        audits.answer(store, audit, int(order[2]), None)
        status = audits.audit_status(store, audit)
        assert (status.answered, status.waiting, status.cannot_tell) == (5, 0, 1)
        assert status.wrong == 1 + int(
            sum(store.audits.population(audit).label[p] != key_of(store, audit, truth[order[p]])
                for p in (0, 1, 3, 4))
        )  # fmt: skip
        assert sum(counts.wrong for counts in status.per_class.values()) == status.wrong
        assert status.precision.checked == 5 and status.precision.low < 1 - status.wrong / 5

    def test_answers_behind_a_gap_are_no_edits_that_nobody_checked(self, store):
        project, truth = audited_project(store, 80, right=0.4)
        audit = audits.start_audit(store, project, seed=1)
        order = store.audits.order(audit)
        for row in (int(order[place]) for place in range(30) if place != 20):
            audits.answer(store, audit, row, key_of(store, audit, truth[row]))
        status = audits.audit_status(store, audit)
        assert (status.answered, status.waiting) == (20, 9)
        label = store.audits.population(audit).label
        keys = [key_of(store, audit, truth[order[place]]) for place in range(21, 30)]
        assert any(key != label[21 + k] for k, key in enumerate(keys)), "some correct the teacher"
        assert status.certificate.best_target is not None and status.broken == ()

    def test_right_and_wrong_follow_a_renamed_class(self, store):
        project, truth = audited_project(store, 60, right=1.2)
        audit = audits.start_audit(store, project)
        store.classes.rename(project.id, {"sports": "games"})
        audit_rows(store, audit, truth, 30)
        assert audits.audit_status(store, audit).wrong == 0

    def test_a_target_out_of_reach_is_said_with_what_is_left(self, store):
        project, truth = audited_project(store, 600, right=0.75, seed=3)
        audit = audits.start_audit(store, project, seed=3)
        audit_rows(store, audit, truth, 260)
        status = audits.audit_status(store, audit)
        assert status.certificate.reachable is False
        assert status.sentence.startswith("95 % is not reachable with at least a fifth of ")
        with pytest.raises(UserError, match="not reachable"):
            audits.certify_audit(store, audit)
        best = status.certificate.best_target
        record = audits.certify_audit(store, audit, target=best)
        assert record.document.set == status.certificate.best_set
        population = store.audits.population(audit)
        inside = population.level <= record.document.set
        keys = np.array(curation.load_plane(store, project, need=False).keys)
        right = population.label[inside] == keys[truth[population.row[inside]]]
        assert right.mean() >= best

    def test_an_audit_keeps_the_starts_that_it_began_with(self, store, monkeypatch):
        project, truth = audited_project(store, 400, right=1.2)
        old = audits.start_audit(store, project, seed=5)
        audit_rows(store, old, truth, 130)
        before = audits.audit_status(store, old).certificate
        monkeypatch.setattr("llkd.evaluation.audits.population.STARTS", (1.0,))
        monkeypatch.setitem(certify.__kwdefaults__, "starts", (1.0,))
        assert audits.audit_status(store, old).certificate == before
        new = audits.start_audit(store, project, seed=5)
        assert audits.audit_status(store, new).certificate.weights[-1] == 1.0
        # One that was stored without them began with those of its time.
        settings = old.settings.model_dump(mode="json")
        assert settings.pop("starts") == [1.0, 0.5, 0.25]
        assert type(old.settings).read(settings) == old.settings
        assert audits.certify_audit(store, old).document.starts == (1.0, 0.5, 0.25)

    def test_audits_begun_side_by_side_are_counted_on_the_certificate_of_the_first(self, store):
        project, truth = audited_project(store, 400, right=1.2)
        first = audits.start_audit(store, project, seed=5)
        audits.start_audit(store, project, seed=6)
        audit_rows(store, first, truth, 130)
        assert audits.certify_audit(store, first).document.earlier_audits == 1


class TestCertificate:
    @pytest.fixture
    def certified(self, store):
        project, truth = audited_project(store, 400, right=1.2)
        audit = audits.start_audit(store, project, seed=5)
        audit_rows(store, audit, truth, 130)
        return project, truth, audit, audits.certify_audit(store, audit)

    def test_it_is_stored_with_all_it_rests_on(self, store, certified):
        project, _, audit, record = certified
        document = record.document
        assert document.promise == (
            "At least 95 % of these 400 labels are right (95 % confidence), after 130 audited "
            "texts."
        )
        assert (document.labels, document.seed, document.people) == (130, 5, ("Ada",))
        assert audits.certify_audit(store, audit).id == record.id
        assert Store(store.home.root).audits.certificates(audit) == [record]
        status = audits.audit_status(store, audit)
        assert status.certificates[0].broken is None and status.sentence == document.promise

    def test_its_texts_are_a_saved_selection_less_what_people_exclude(self, store, certified):
        project, _, audit, record = certified
        saved = SavedRule(name="certified 95 % (audit 1)")
        texts = curation.apply_rule(store, project, saved)
        assert texts.rule == CertifiedRule(audit=1, set=record.document.set)
        assert len(texts.rows) == 400
        store.decisions.decide(project.id, [7], "exclude")
        assert 7 not in curation.apply_rule(store, project, saved).rows
        with pytest.raises(NotFound, match="no set 40"):
            curation.apply_rule(store, project, CertifiedRule(audit=1, set=40))

    def test_an_edit_outside_the_audit_breaks_it_and_undo_mends_it(self, store, certified):
        project, truth, audit, record = certified
        rest = [r for r in store.audits.order(audit)[130:]]
        wrong = key_of(store, audit, (truth[rest[0]] + 1) % 3)
        batch = store.decisions.decide(project.id, [int(rest[0])], "label", key=wrong)
        # A label that says what the teacher said changes nothing.
        same = key_of(store, audit, truth[rest[1]])
        store.decisions.decide(project.id, [int(rest[1])], "label", key=same)
        status = audits.audit_status(store, audit)
        assert status.certificates[0].broken == status.broken[0]
        assert "1 label of these 400 was changed" in status.broken[0]
        assert "at least 94" in status.broken[0] and "right (" not in status.sentence
        with pytest.raises(UserError, match="outside the audit"):
            audits.certify_audit(store, audit)
        store.decisions.undo(project.id, batch)
        assert audits.audit_status(store, audit).broken == ()

    def test_an_answer_taken_back_breaks_it(self, store, certified):
        project, truth, audit, record = certified
        undone = audits.undo_answer(store, audit, "Ada")
        status = audits.audit_status(store, audit)
        assert "1 answer that it rests on was taken back" in status.certificates[0].broken
        audits.answer(store, audit, undone.row, None, "Ada")
        status = audits.audit_status(store, audit)
        assert "are others now" in status.certificates[0].broken and status.taken_back == 1

    def test_other_teacher_labels_are_not_those_that_were_certified(self, store, certified):
        project, _, audit, record = certified
        scores = store.labeling_runs.scores(store.labeling_runs.get(audit.labeling_run))
        other = store.labeling_runs.find_or_create(
            project.id,
            label_set=project.label_set,
            config=store.labeling_runs.get(audit.labeling_run).config,
            fingerprint="y",
            teacher={"model": "other"},
            calibration="none",
        )
        scores.scores[:] = scores.scores[:, [1, 2, 0]]
        store.labeling_runs.append(other, scores)
        store.projects.use_labelling(project.id, other.id)
        status = audits.audit_status(store, audit)
        assert "labelling run 2, and run 1 was audited" in status.broken[0]
        assert audits.audit_status(store, audit, check_labels=False).broken == ()
        project = store.projects.get("desk")
        with pytest.raises(UserError, match="Put that run in use again"):
            curation.apply_rule(store, project, CertifiedRule(audit=1, set=record.document.set))

    def test_more_than_was_fixed_before_is_not_promised(self, store, certified):
        audit = certified[2]
        with pytest.raises(UserError, match="not asked for before"):
            audits.certify_audit(store, audit, target=0.99)
        with pytest.raises(UserError, match="Start another"):
            audits.certify_audit(store, audit, confidence_level=0.9)


class TestTwoPeople:
    def test_agreement_counts_disagreement_waits_and_kappa_is_known(self, store):
        project, truth = audited_project(store, 100)
        audit = audits.start_audit(store, project, people=2)
        audit_rows(store, audit, truth, 12, "Ada")
        rows = audits.next_rows(store, audit, "Bob", 10)
        said = truth.copy()
        said[rows[4]] = -1  # Bob cannot tell
        audits.answer_all(store, audit, [(r, key_of(store, audit, said[r])) for r in rows], "Bob")
        status = audits.audit_status(store, audit)
        assert (status.answered, status.disagreements, status.answered_by) == (
            4, 1, {"Ada": 12, "Bob": 10},
        )  # fmt: skip
        assert status.kappa.texts == 10 and status.kappa.agreement == pytest.approx(0.9)
        assert "Settle 1 text" in status.next_step
        audits.adjudicate(store, audit, rows[4], key_of(store, audit, truth[rows[4]]), "Eve")
        assert audits.audit_status(store, audit).answered == 10
