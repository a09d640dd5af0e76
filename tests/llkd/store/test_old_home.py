"""A home that 0.3.0 worked on: opened with today's code it says what it said then."""

import json

import pytest

from llkd import curation, exporting, workflows
from llkd.config.selection_rule import ThresholdRule, TrainedOnRule, rule_of_choices
from llkd.evaluation import audits
from llkd.maintenance import doctor
from llkd.store import Store
from llkd.workflows.labeling import teacher_document


@pytest.fixture
def store(old_home):
    opened = Store(old_home)
    yield opened
    opened.close()


def expected(home, project):
    return json.loads((home.parent / "expected.json").read_text(encoding="utf-8"))[project]


def counted(plane, column):
    values = plane.frame[column]
    return {name: int((values == k).sum()) for k, name in enumerate(plane.names)}


@pytest.mark.parametrize("name", ["desk", "shop"])
def test_the_same_counts_and_figures(store, old_home, name):
    told, project = expected(old_home, name), store.projects.get(name)
    plane = curation.load_plane(store, project)
    assert plane.names == told["classes"]
    for column in ("teacher_label", "human_label", "gold", "label"):
        assert counted(plane, column) == told[column]
    for column in ("excluded", "flagged"):
        assert int(plane.frame[column].sum()) == told[column]
    assert float(plane.frame["confidence"].fillna(0).mean()) == pytest.approx(
        told["mean_confidence"], abs=1e-6
    )
    document = teacher_document(store, project, plane.labeling_run)
    assert {key: document[key] for key in told["teacher"]} == told["teacher"]
    for run, then in zip(store.runs.all(project.id), told["runs"], strict=True):
        # 0.3.0 called a run without a title by the name of its strategy.
        assert run.title or then["name"] == f"run {run.id}: {run.config.selection.strategy}"
        assert run.summary.accuracy == then["accuracy"]
        assert workflows.evaluate(store, project, run)["runs"][0]["report"][
            "accuracy"
        ] == pytest.approx(then["accuracy"])
    for selection in store.selections.all(project.id):
        found = workflows.select(store, project, rule=rule_of_choices(selection=selection.name))
        then = told["selections"][selection.name]
        assert {key: found[key] for key in then} == then == selection.counts
    assert store.answers.size()[0] == told["answers_kept"]


@pytest.mark.parametrize("export", ["by-class", "run"])
def test_its_exports_are_made_again_hash_for_hash(store, old_home, tmp_path, export):
    folder = old_home.parent / "exports" / export
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    result = workflows.rebuild(store, folder / "manifest.json", tmp_path / "again")
    assert result["rows_sha256"] == manifest["rows_sha256"]
    rows = [name for name in manifest["files"] if name.startswith("curated")]
    assert len(rows) == 4 and all(result["files"].values())
    for name in rows:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize("export", ["by-class", "run"])
def test_its_manifests_are_read_as_typed_documents_and_handed_on_unchanged(old_home, export):
    path = old_home.parent / "exports" / export / "manifest.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    manifest = exporting.read_manifest(path)
    assert manifest.with_files(manifest.files) == document
    assert manifest.rows == document["rows"] and manifest.project.name == "desk"
    kinds = {"by-class": ThresholdRule, "run": TrainedOnRule}
    assert type(manifest.rule) is kinds[export]
    assert (manifest.run is None) == (document["run"] is None)
    if manifest.run is not None:
        assert (
            manifest.run.training.selection.strategy == manifest.run.config["selection"]["strategy"]
        )
    assert manifest.label_set.names == [entry["name"] for entry in document["classes"]]


def test_doctor_finds_no_fault(old_home):
    Store(old_home).close()
    report = doctor.examine(old_home, deep=True)
    assert report.projects == 2 and report.faults == []


def test_an_audit_begins_in_it(store, old_home):
    """It has tables that 0.3.0 did not know; labels, selections and exports stay as they were."""
    project = store.projects.get("desk")
    before = store.decisions.current(project.id)
    audit = audits.start_audit(store, project, people=1, seed=1)
    assert not set(store.audits.order(audit)) & set(before.index[before["human_label"].notna()])
    row = audits.next_rows(store, audit)[0]
    audits.answer(store, audit, row, project.label_set.keys[0])
    assert audits.audit_status(store, audit).answered == 1
    assert audits.undo_answer(store, audit).row == row
    assert store.decisions.current(project.id).equals(before)
    assert not [f for f in doctor.examine(old_home).findings if f.check in ("audit", "record")]
