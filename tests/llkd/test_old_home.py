"""A home that 0.3.0 worked on: opened with today's code it says what it said then."""

import json

import pytest

from llkd import curation, pipeline
from llkd.pipeline.labelling import teacher_document
from llkd.store import Store
from llkd.upkeep import doctor


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
    document = teacher_document(store, project, plane.labelling)
    assert {key: document[key] for key in told["teacher"]} == told["teacher"]
    for run, then in zip(store.runs.all(project.id), told["runs"], strict=True):
        assert run.name == then["name"]
        assert run.summary["accuracy"] == then["accuracy"]
        assert pipeline.evaluate(store, project, run)["runs"][0]["report"][
            "accuracy"
        ] == pytest.approx(then["accuracy"])
    for selection in store.people.selections(project.id):
        found = pipeline.select(store, project, selection=selection["name"])
        then = told["selections"][selection["name"]]
        assert {key: found[key] for key in then} == then == selection["counts"]
    assert store.answers.size()[0] == told["answers_kept"]


@pytest.mark.parametrize("export", ["by-class", "run"])
def test_its_exports_are_made_again_hash_for_hash(store, old_home, tmp_path, export):
    folder = old_home.parent / "exports" / export
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    result = pipeline.rebuild(store, folder / "manifest.json", tmp_path / "again")
    assert result["rows_sha256"] == manifest["rows_sha256"]
    rows = [name for name in manifest["files"] if name.startswith("curated")]
    assert len(rows) == 4 and all(result["files"].values())
    for name in rows:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_doctor_finds_no_fault(old_home):
    Store(old_home).close()
    report = doctor.examine(old_home, deep=True)
    assert report.projects == 2 and report.faults == []
