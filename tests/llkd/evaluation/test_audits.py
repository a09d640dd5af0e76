"""Audits as they are stored: frozen texts in a fixed order, answers done once, undone whole."""

from dataclasses import replace

import numpy as np
import pytest

from llkd import curation, maintenance
from llkd.config.selection_rule import RowsRule, ThresholdRule
from llkd.errors import ConfigError, NotFound, StoreError, UserError
from llkd.evaluation import audits
from llkd.evaluation.audits.population import chain_thresholds, levels
from llkd.store import AlreadyAnswered, Store
from tests.support.audited_projects import audit_rows, audited_project, key_of


@pytest.fixture
def store(home, database):
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def lite(home):
    opened = Store()
    yield opened
    opened.close()


def decided(store, audit, row):
    table = store.decisions.current(audit.project_id, rows=[row])
    return None if table.empty else table.loc[row, ["human_label", "flagged"]].tolist()


class TestPopulation:
    def test_it_is_what_the_rule_keeps_less_what_people_decided(self, store):
        project, _ = audited_project(store, 60)
        plane = curation.load_plane(store, project, need=False)
        frame = plane.frame.sort_values("confidence", ascending=False)
        line = float(frame["confidence"].iloc[39])
        rows = frame["row"].to_numpy()
        store.decisions.decide(project.id, [rows[0]], "label", "science")
        store.decisions.decide(project.id, [rows[1]], "exclude")
        audit = audits.start_audit(
            store, project, ThresholdRule(teacher_threshold=line), who="Ada", seed=7
        )
        population = store.audits.population(audit)
        assert sorted(population.row) == sorted(rows[2:40]) and audit.size == 38
        assert audit.calibration == "none" and audit.open and audit.who == "Ada"
        # The order is the seed's, and what is stored does not depend on it being drawn again.
        again = Store(store.home.root).audits
        assert (again.order(again.get(project.id, audit.id)) == population.row).all()
        by_row = np.sort(population.row)
        assert (by_row[np.random.default_rng(7).permutation(38)] == population.row).all()
        # Nested, strictest first: each set holds the surest texts.
        sizes = [entry.size for entry in audit.chain]
        assert sizes == sorted(set(sizes)) and sizes[-1] == 38
        for place, entry in enumerate(audit.chain[:-1]):
            inside = population.level <= place
            assert inside.sum() == entry.size
            assert population.confidence[inside].min() > population.confidence[~inside].max()

    def test_equal_confidences_are_never_parted(self):
        assert chain_thresholds(np.full(9, 0.8, np.float32)) == [None]
        assert chain_thresholds(np.full(9, np.nan, np.float32)) == [None]
        mixed = np.array([0.9] * 6 + [0.5] * 3 + [np.nan], np.float32)
        lines = chain_thresholds(mixed)
        assert lines == [pytest.approx(0.9), 0.5, None]
        assert levels(mixed, lines).tolist() == [0] * 6 + [1] * 3 + [2]

    def test_what_cannot_be_audited_is_said(self, lite):
        project, _ = audited_project(lite, 12)
        lite.decisions.decide(project.id, [3], "label", "sports")
        with pytest.raises(UserError, match="nothing to audit"):
            audits.start_audit(lite, project, RowsRule(rows=(3,)))
        for wrong in ({"target": 1.0}, {"confidence_level": 0.3}, {"people": 3}, {"who": " "}):
            with pytest.raises(ConfigError):
                audits.start_audit(lite, project, **wrong)
        assert lite.audits.all(project.id) == []
        with pytest.raises(NotFound, match="no audit 4"):
            lite.audits.get(project.id, 4)

    def test_another_file_in_its_place_is_seen(self, lite):
        project, _ = audited_project(lite, 12)
        audit = audits.start_audit(lite, project)
        path = next(lite.home.audit(project.id, audit.id).iterdir())
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(StoreError, match="cannot be read"):
            Store(lite.home.root).audits.order(audit)


class TestAnswers:
    def test_an_answer_is_a_decision_and_undo_takes_both_back(self, store):
        project, _ = audited_project(store, 30)
        audit = audits.start_audit(store, project, seed=1)
        first, second = audits.next_rows(store, audit, "Ada", 2)
        key = key_of(store, audit, 2)
        answer = audits.answer(store, audit, first, key, "Ada", "press-1")
        assert (answer.place, answer.row, answer.key, answer.who) == (0, first, key, "Ada")
        assert decided(store, audit, first) == ["science", False]
        # Twice the same press is one; it stays one after undo.
        assert audits.answer(store, audit, first, key, "Ada", "press-1") == answer
        assert audits.next_rows(store, audit, "Ada") == [second]
        undone = audits.undo_answer(store, audit, "Ada")
        assert (undone.row, undone.undone) == (first, True)
        assert audits.undo_answer(store, audit, "Ada", "press-1") == undone
        assert audits.answer(store, audit, first, key, "Ada", "press-1").undone
        assert decided(store, audit, first) is None
        assert audits.next_rows(store, audit, "Ada") == [first]
        assert audits.undo_answer(store, audit, "Ada") is None
        assert store.audits.answers(audit) == []
        assert len(store.audits.answers(audit, undone=True)) == 1

    def test_none_of_the_classes_is_flagged_and_not_a_label(self, lite):
        project, _ = audited_project(lite, 30)
        audit = audits.start_audit(lite, project)
        row = audits.next_rows(lite, audit)[0]
        assert audits.answer(lite, audit, row, None).key is None
        assert decided(lite, audit, row) == [None, True]
        audits.undo_answer(lite, audit)
        assert decided(lite, audit, row) is None

    def test_what_is_refused_changes_nothing(self, lite):
        project, _ = audited_project(lite, 30, held_out=6)
        audit = audits.start_audit(lite, project)
        row = audits.next_rows(lite, audit)[0]
        key = key_of(lite, audit, 0)
        with pytest.raises(UserError, match="not among those"):
            audits.answer(lite, audit, 29, key)
        with pytest.raises(UserError, match="no class 'maths'"):
            audits.answer(lite, audit, row, "maths")
        audits.answer(lite, audit, row, key, "Ada")
        with pytest.raises(AlreadyAnswered, match="by Ada"):
            audits.answer(lite, audit, row, key_of(lite, audit, 1), "Bob")
        audit = lite.audits.set_open(audit, False)
        with pytest.raises(StoreError, match="closed"):
            audits.undo_answer(lite, audit, "Ada")
        assert [answer.key for answer in lite.audits.answers(audit)] == [key]

    def test_two_people_do_not_see_each_other_and_a_third_settles(self, store):
        project, truth = audited_project(store, 30)
        audit = audits.start_audit(store, project, people=2)
        rows = audits.next_rows(store, audit, "Ada", 3)
        audit_rows(store, audit, truth, 3, "Ada")
        assert audits.next_rows(store, audit, "Bob", 3) == rows
        assert decided(store, audit, rows[0]) is None
        right, wrong = (key_of(store, audit, (truth[rows[1]] + k) % 3) for k in (0, 1))
        audits.answer(store, audit, rows[0], key_of(store, audit, truth[rows[0]]), "Bob")
        audits.answer(store, audit, rows[1], wrong, "Bob", "slip")
        assert decided(store, audit, rows[0])[0] is not None
        assert [entry.row for entry in audits.disagreements(store, audit)] == [rows[1]]
        with pytest.raises(UserError, match="third person"):
            audits.answer(store, audit, rows[2], right, "Eve")
        with pytest.raises(UserError, match="answered differently"):
            audits.adjudicate(store, audit, rows[0], right, "Eve")
        audits.adjudicate(store, audit, rows[1], right, "Eve")
        assert audits.disagreements(store, audit) == []
        with pytest.raises(UserError, match="settled since"):
            audits.undo_answer(store, audit, "Bob", "slip")
        audits.undo_answer(store, audit, "Eve")
        assert decided(store, audit, rows[1]) is None
        audits.undo_answer(store, audit, "Bob", "slip")
        audits.undo_answer(store, audit, "Bob")  # the one that agreed: its decision goes too
        assert decided(store, audit, rows[0]) is None
        assert {answer.who for answer in store.audits.answers(audit)} == {"Ada"}


class TestHome:
    def test_a_backup_holds_it_the_doctor_looks_at_it_and_it_goes_with_its_project(
        self, lite, tmp_path
    ):
        project, truth = audited_project(lite, 30)
        audit = audits.start_audit(lite, project)
        audit_rows(lite, audit, truth, 5)
        assert maintenance.backup(lite.home.root, tmp_path / "copy")["faults"] == 0
        copy = Store(tmp_path / "copy")
        assert copy.audits.answers(audit) == lite.audits.answers(audit)
        assert (copy.audits.order(audit) == lite.audits.order(audit)).all()
        copy.close()
        folder = lite.home.audit(project.id, audit.id)
        folder.rename(folder.with_name("7"))
        findings = {f.check: f for f in maintenance.examine(lite.home.root).findings}
        assert "audit 1 draws from is missing" in findings["audit"].what
        assert "no audit of this home" in findings["orphan"].what
        lite.projects.delete(project.id)
        assert lite.audits.all(project.id) == [] and not folder.parent.exists()


class TestFittedCalibration:
    """It is fitted to people's labels, and the answers of an audit are such labels."""

    def leaning(self, store):
        project, truth = audited_project(store, 400, right=0.7)
        run = store.labeling_runs.get(project.labelling_id)
        read = store.labeling_runs.scores(run)
        leaned = store.labeling_runs.find_or_create(
            project.id, label_set=run.label_set, config=run.config, fingerprint="leaning",
            teacher={"model": "leans"}, calibration="fitted",
        )  # fmt: skip
        off = replace(read, scores=read.scores + np.array([0.0, 0.0, 1.0], np.float32))
        store.labeling_runs.append(leaned, off)
        store.projects.use_labelling(project.id, leaned.id)
        return store.projects.get(project.name), truth

    def test_an_audit_does_not_change_the_labels_that_it_audits(self, lite):
        project, truth = self.leaning(lite)
        keys = project.label_set.keys
        for row in np.flatnonzero(truth == 2)[:25].tolist():  # they like the leaning as it is
            lite.decisions.decide(project.id, [row], "label", key=keys[truth[row]])
        before = curation.load_plane(lite, project, need=False).frame["teacher_label"].to_numpy()
        audit = audits.start_audit(lite, project, seed=1)
        for _ in range(3):
            audit_rows(lite, audit, truth, 25)
            now = curation.load_plane(lite, project, need=False).frame["teacher_label"].to_numpy()
            assert (now == before).all()
            assert audits.audit_status(lite, audit).broken == ()

    def test_it_does_not_begin_while_its_answers_would_be_the_first_to_fit_it(self, lite):
        project, _ = self.leaning(lite)
        with pytest.raises(UserError, match="Choose 'batch' on Teacher, or label 20 texts first"):
            audits.start_audit(lite, project)
        assert lite.audits.all(project.id) == []
