"""A certified set is trained on, exported and made again, and every card says its certificate."""

import json

import pytest

from llkd import curation, workflows
from llkd.config.selection_rule import CertifiedRule, SavedRule
from llkd.errors import InputsChanged, UserError
from llkd.evaluation import audits
from llkd.exporting.certificate_words import certificate_lines
from llkd.store import Store
from llkd.workflows.model_card import card_of_run
from tests.support.audited_projects import audit_rows, audited_project, key_of
from tests.support.toy_projects import config, train, with_options

NAME = "certified 95 % (audit 1)"


@pytest.fixture
def store(home):
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def certified(store):
    project, truth = audited_project(store, 200, right=1.2)
    audit = audits.start_audit(store, project, seed=5)
    audit_rows(store, audit, truth, 110)
    record = audits.certify_audit(store, audit)
    return project, truth, audit, record


def exported(store, project, folder):
    workflows.export(
        store, project, folder, SavedRule(name=NAME), formats=["csv", "hf"], student=False
    )
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


class TestExport:
    def test_manifest_and_data_card_say_it_and_a_rebuild_is_exact(self, store, certified, tmp_path):
        project, _, audit, record = certified
        manifest = exported(store, project, tmp_path / "out")
        block = manifest["certificate"]
        assert manifest["selection"]["kind"] == "certified" and manifest["rows"] == 200
        assert block["holds"] and block["sentence"] == record.document.promise
        assert (block["labels"], block["seed"], block["people"]) == (110, 5, ["Ada"])
        assert block["population_sha256"] == audit.settings.population_sha256
        (card,) = (tmp_path / "out").glob("**/README.md")
        words = card.read_text(encoding="utf-8")
        assert "At least 95 % of these 200 labels are right (95 % confidence)" in words
        assert "not of new texts" in words and "seed 5" in words and "It would break" in words
        # Work done since does not change what is made again.
        audits.undo_answer(store, audit, "Ada")
        again = workflows.rebuild(store, tmp_path / "out", tmp_path / "again")
        assert again["rows_sha256"] == manifest["rows_sha256"] and all(again["files"].values())
        next(store.home.audit(project.id, audit.id).iterdir()).unlink()
        with pytest.raises(InputsChanged, match="cannot be read"):
            workflows.rebuild(Store(store.home.root), tmp_path / "out")

    def test_a_broken_one_is_never_printed_as_valid(self, store, certified, tmp_path):
        project, truth, audit, record = certified
        row = int(store.audits.order(audit)[150])
        store.decisions.decide(
            project.id, [row], "label", key=key_of(store, audit, (truth[row] + 1) % 3)
        )
        manifest = exported(store, project, tmp_path / "out")
        assert not manifest["certificate"]["holds"]
        assert "does not hold" in manifest["certificate"]["sentence"]
        for path in (tmp_path / "out").glob("**/README.md"):
            words = path.read_text(encoding="utf-8")
            assert "Not certified" in words and " are right (95" not in words

    def test_what_is_excluded_is_counted_against_it(self, store, certified):
        project, _, audit, record = certified
        store.decisions.decide(project.id, [3, 4, 5, 6], "exclude")
        rule = CertifiedRule(audit=1, set=record.document.set)
        facts = audits.certificate_facts(store, project, rule)
        # 10 of 200 may be wrong; of the 196 left at most these 10 are: 94.8 %.
        assert (facts["holds"], facts["texts_here"], facts["right_here"]) == (True, 196, 0.94)
        assert "Of the 196 that are here, 4 texts having been excluded since" in facts["sentence"]

    def test_a_set_without_a_certificate_says_so(self, store):
        project, _ = audited_project(store, 40)
        audits.start_audit(store, project)
        facts = audits.certificate_facts(store, project, CertifiedRule(audit=1, set=0))
        assert certificate_lines(facts) == [
            "**Not certified.** Audit 1 has certified nothing of these texts."
        ]

    def test_names_of_people_are_never_markup(self, store):
        project, truth = audited_project(store, 120, right=1.2)
        audit = audits.start_audit(store, project)
        audit_rows(store, audit, truth, 110, who="<b>Eve</b> [x](http://y)")
        record = audits.certify_audit(store, audit)
        rule = CertifiedRule(audit=1, set=record.document.set)
        facts = audits.certificate_facts(store, project, rule)
        assert "`<b>Eve</b> [x](http://y)`" in "\n".join(certificate_lines(facts))


class TestTraining:
    def test_a_student_of_a_certified_set_says_so_on_its_card(self, store, certified, encoder):
        project, _, audit, record = certified
        settings = with_options(config(encoder, "saved", epochs=1), selection={"saved": NAME})
        result = train(store, project, settings)
        run = store.runs.get(result["run"])
        card = card_of_run(store, store.projects.get("desk"), run, None, {})
        assert card.certificate["sentence"] == record.document.promise
        from llkd import exporting

        words = exporting.model_card(card)
        assert "## How right these labels are" in words
        assert record.document.promise in words

    def test_labels_of_another_calibration_are_refused(self, store, certified, encoder):
        project, _, audit, record = certified
        plane = curation.load_plane(store, project, calibration="batch", need=False)
        changed = curation.changed_labels(store, audit, plane, record.document.set)
        assert not changed.any()  # of balanced classes: the labels are the same, and may be used
        curation.certified_rows(store, plane, CertifiedRule(audit=1, set=record.document.set))
        frame = plane.frame.assign(teacher_label=(plane.frame["teacher_label"] + 1) % 3)
        other = build_plane(plane, frame)
        with pytest.raises(UserError, match="200 of 200 teacher labels are others"):
            curation.certified_rows(store, other, CertifiedRule(audit=1, set=record.document.set))


def build_plane(plane, frame):
    from dataclasses import replace

    return replace(plane, frame=frame)
