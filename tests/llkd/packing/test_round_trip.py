"""A project packed here and unpacked there is the same project, whatever its numbers are there."""

import json
import zipfile

import numpy as np
import pytest
import sqlalchemy as sa

from llkd import maintenance, packing, workflows
from llkd.errors import UserError
from llkd.exporting import read_manifest
from llkd.jobs.progress import SilentProgress
from llkd.store import Store, schema
from llkd.students.saving import CODE
from llkd.workflows.labeling import teacher_document
from tests.support.added_texts import added, same_beginning, whole
from tests.support.packed_projects import (
    a_student,
    assert_rebuilt,
    assert_same,
    full_project,
    look,
    others_before,
    packed,
    unpacked,
)
from tests.support.seeded_runs import add_run


@pytest.fixture(params=["sqlite-sqlite", "sqlite-postgresql", "postgresql-sqlite"])
def homes(request, tmp_path, monkeypatch):
    """The names of two homes and how each is opened; each has its own database."""
    kinds = request.param.split("-")
    databases = {}
    if "postgresql" in kinds:
        server = request.getfixturevalue("postgres_server")
        template = request.getfixturevalue("postgres_template")
        databases["postgresql"] = server.new_database(template)

    def opened(which):
        """The home ``which`` (0 or 1) with its database."""
        if kinds[which] == "postgresql":
            monkeypatch.setenv("LLKD_DATABASE_URL", server.url(databases["postgresql"]))
        else:
            monkeypatch.delenv("LLKD_DATABASE_URL", raising=False)
        return tmp_path / f"home {which}"

    yield opened
    for name in databases.values():
        server.drop(name)


def test_there_and_back(homes, tmp_path):
    first = homes(0)
    others_before(first, 1).close()
    store, project = full_project(first, tmp_path)
    before = look(store, project)
    packed(store, project, tmp_path / "city.llkd")
    store.close()

    second = homes(1)
    others_before(second, 2).close()
    there = Store(second)
    moved = unpacked(there, tmp_path / "city.llkd")
    assert moved.id != project.id
    assert [run.id for run in there.runs.all(moved.id)] == [3, 4, 5]
    assert_same(before, look(there, moved))
    assert_rebuilt(there, moved, tmp_path)
    assert [f.what for f in maintenance.examine(second, deep=True).findings
            if f.severity != "note" and f.check != "permissions"] == []  # fmt: skip
    # Runs made there since have numbers that the manifests name, too.
    a_student(add_run(there, moved, "llkd", seed=9).student_folder)
    assert_rebuilt(there, moved, tmp_path)
    packed(there, moved, tmp_path / "back.llkd")
    there.close()

    again = Store(homes(0))
    returned = unpacked(again, tmp_path / "back.llkd", name="city again")
    again.projects.delete(project.id)
    look_again = look(again, returned)
    for name in ("plane", "probabilities", "certificates", "answers", "edits", "kept"):
        assert_same({name: before[name]}, {name: look_again[name]})
    assert_rebuilt(again, returned, tmp_path)
    again.close()


@pytest.mark.usefixtures("database")
def test_a_duplicate_is_the_same_project_and_a_manifest_means_its_own(home, tmp_path):
    others_before(home, 1).close()
    store, project = full_project(home, tmp_path)
    packing.duplicate(store, project, " city 2 ", SilentProgress())
    copy = store.projects.get("city 2")
    assert_same(look(store, project), look(store, copy))
    assert_rebuilt(store, project, tmp_path)
    store.projects.delete(project.id)
    assert_rebuilt(store, copy, tmp_path)
    with pytest.raises(UserError, match="There is a project 'city 2' already. Choose another name"):
        packing.duplicate(store, copy, "city 2", SilentProgress())
    store.close()


def test_a_home_of_an_older_release(old_home, tmp_path):
    store = Store(old_home)
    project = store.projects.get("desk")
    document = teacher_document(store, project, store.labeling_runs.in_use(project.id, None))
    packed(store, project, tmp_path / "desk.llkd")
    there = Store(tmp_path / "there")
    packing.unpack(there, tmp_path / "desk.llkd", SilentProgress())
    moved = there.projects.get("desk")
    labeling_run = there.labeling_runs.in_use(moved.id, None)
    assert teacher_document(there, moved, labeling_run) == document
    for export in ("by-class", "run"):
        folder = old_home.parent / "exports" / export
        assert all(workflows.rebuild(there, folder / "manifest.json")["files"].values())
        assert read_manifest(folder).rows_sha256
    for run, run_there in zip(store.runs.all(project.id), there.runs.all(moved.id), strict=True):
        assert (
            workflows.evaluate(store, project, run)["runs"][0]["report"]
            == workflows.evaluate(there, moved, run_there)["runs"][0]["report"]
        )
    store.close()
    there.close()


def test_the_same_project_packed_twice_is_the_same_file_and_says_nothing_of_the_machine(
    home, tmp_path
):
    store, project = full_project(home)
    pass_ = store.labeling_runs.all(project.id)[0]
    with store.engine.begin() as connection:
        table = schema.labeling_runs
        config = {
            **pass_.config.model_dump(mode="json"),
            "teacher": "local:/home/ann/models/judge",
            "base_url": "http://ann:hunter2@10.0.0.1/v1?api_key=hunter2",
        }
        connection.execute(sa.update(table).where(table.c.id == pass_.id).values(config=config))
    files = [tmp_path / "first.llkd", tmp_path / "second.llkd"]
    for file in files:
        packed(store, project, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert oct(files[0].stat().st_mode & 0o777) == "0o600"
    with zipfile.ZipFile(files[0]) as opened:
        contents = {name: opened.read(name) for name in opened.namelist()}
    for secret in (b"/home/ann", b"hunter2", b"ann:", str(home).encode(), b"api.example.com"):
        assert not [name for name, data in contents.items() if secret in data], secret
    passes = [json.loads(line) for line in contents["records/labellings.jsonl"].splitlines()]
    assert passes[0]["config"]["teacher"] == "local:judge"
    assert passes[0]["config"]["base_url"] == "http://10.0.0.1/v1"
    assert not [name for name in contents if name.endswith(".py") or "lock" in name]
    store.close()


def test_without_embeddings_the_rest_is_there(home, tmp_path):
    store, project = full_project(home)
    before = look(store, project)
    store.projects.archive(project.id)
    document = packed(store, project, tmp_path / "small.llkd", embeddings=False)
    assert document["left_out"] == ["embeddings"]
    there = Store(tmp_path / "there")
    moved = unpacked(there, tmp_path / "small.llkd")
    assert there.embeddings.all(moved.id) == []
    assert there.projects.names() == ["city"], "who takes a project in wants to see it"
    after = look(there, moved)
    np.testing.assert_array_equal(before["probabilities"], after["probabilities"])
    assert before["certificates"] == after["certificates"]
    store.close()
    there.close()


def test_students_come_with_code_of_this_program(home, tmp_path):
    store, project = full_project(home)
    run = store.runs.all(project.id)[0]
    (run.student_folder / CODE).write_text("import os  # altered")
    packed(store, project, tmp_path / "city.llkd")
    there = Store(tmp_path / "there")
    moved = unpacked(there, tmp_path / "city.llkd")
    code = (there.runs.all(moved.id)[0].student_folder / CODE).read_text()
    assert "altered" not in code and "MODEL_TYPE = 'bert'" in code
    store.close()
    there.close()


def test_texts_that_were_added_go_along(tmp_path):
    store, project = full_project(tmp_path / "home", tmp_path)
    larger = added(store, project, ["fog in the valley", "hail on the hill"])
    largest = added(store, larger, ["thunder over the bridge"])
    packed(store, largest, tmp_path / "city.llkd")
    there = Store(tmp_path / "other")
    moved = unpacked(there, tmp_path / "city.llkd")
    assert (moved.stages, moved.digest) == (largest.stages, largest.digest)
    assert same_beginning(whole(store, largest), whole(there, moved))
    assert_rebuilt(there, moved, tmp_path)
    again = added(there, moved, ["thunder over the bridge", "a rainbow in the east"])
    assert again.rows == largest.rows + 1
    there.close()
    store.close()
