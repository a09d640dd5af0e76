"""One record with a value that cannot be read: named, all others used, copied, and mended."""

import json
import sqlite3

import pytest
import sqlalchemy as sa

from llkd import jobs
from llkd.config import Label
from llkd.config.selection_rule import read_rule
from llkd.errors import StoreError
from llkd.evaluation import audits
from llkd.maintenance import backup, examine, mend
from llkd.store import Store, schema
from tests.support.audited_projects import a_certificate
from tests.support.fault_fixtures import llkd

BROKEN = '{"cut": [1, 2'
# table, column, whether the doctor can put something in its place
PLACES = [
    ("projects", "report", True),
    ("projects", "label_set", True),
    ("labellings", "label_set", False),
    ("labellings", "config", False),
    ("labellings", "teacher", True),
    ("labellings", "fits", True),
    ("labellings", "rounds", True),
    ("runs", "config", True),
    ("runs", "labels", True),
    ("runs", "summary", True),
    ("jobs", "arguments", True),
    ("jobs", "request", True),
    ("jobs", "context", True),
    ("jobs", "result", True),
    ("selections", "view", False),
    ("selections", "counts", False),
    ("audits", "document", False),
    ("certificates", "document", False),
]
KINDS = {
    "projects": "project",
    "labellings": "teacher pass",
    "runs": "run",
    "jobs": "job",
    "selections": "saved selection",
    "audits": "audit",
    "certificates": "certificate",
}


def damage(home, table, column, value=BROKEN):
    """Write what is no JSON into one record; returns its number."""
    with sqlite3.connect(home / "llkd.db") as connection:
        number = connection.execute(f"SELECT min(id) FROM {table}").fetchone()[0]
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, number))
    connection.close()
    return number


@pytest.fixture
def full(seeded):
    """A home with one record of every kind, and a second project that stays whole."""
    store, project, run = seeded
    store.selections.save(project.id, "mine", read_rule({"view": 1}), {"kept": 3})
    audit = audits.start_audit(store, project)
    store.audits.certify(audit, a_certificate(store, audit))
    store.jobs.create("label", "label 'city'", {"kind": "label"}, project.id)
    store.jobs.move(store.jobs.all()[0].id, ("queued",), "finished")
    store.projects.create(
        "whole", store.projects.texts(project.id), source="test",
        report={"rows": 40, "kept": 40, "dropped": {}, "labels": [], "warnings": []},
    )  # fmt: skip
    store.engine.dispose()
    return store, project, run


@pytest.mark.parametrize(("table", "column", "mendable"), PLACES)
def test_it_is_named_copied_and_mended(full, home, tmp_path, table, column, mendable):
    store, project, _ = full
    number = damage(home, table, column)

    report = examine(home)
    named = [one for one in report.findings if one.check == "record"]
    assert [one.where for one in named] == [f"{KINDS[table]} {number}"]
    assert f"{column} cannot be read" in named[0].what
    assert (named[0].mend is not None) == mendable
    # Nothing that the record owns is taken for a leftover.
    assert [one for one in report.findings if one.check == "orphan"] == []

    made = backup(home, tmp_path / "copy")
    with sqlite3.connect(tmp_path / "copy" / "llkd.db") as copy:
        kept = copy.execute(f"SELECT {column} FROM {table} WHERE id = ?", (number,)).fetchone()
    copy.close()
    assert kept == (BROKEN,) and made["faults"] >= 1

    mended = mend(home)
    remaining = [one for one in mended.findings if one.check == "record"]
    assert bool(remaining) == (not mendable)
    if mendable:
        name = f"{KINDS[table].replace(' ', '-')}-{number}-{column}.txt"
        assert (mended.quarantine / "records" / name).read_text() == BROKEN
    again = Store(home)
    assert {one.name for one in again.projects.all()} == {"city", "whole"}
    assert again.decisions.current(project.id).equals(store.decisions.current(project.id))
    again.close()


def test_what_is_put_back_is_what_was_there(full, home):
    store, project, run = full
    before = store.runs.get(run.id)
    label_set = store.projects.get("city").label_set
    for column in ("config", "labels"):
        damage(home, "runs", column)
    damage(home, "projects", "label_set")
    assert store.runs.all(project.id) == []
    mend(home)
    after = store.runs.get(run.id)
    assert (after.config, after.labels, after.summary) == (
        before.config, before.labels, before.summary,
    )  # fmt: skip
    assert store.projects.get("city").label_set == label_set


def test_classes_put_back_keep_their_keys_and_the_names_given_since(full, home):
    """In 0.3.0 the names of the newest pass came back, and labels of others counted no more."""
    store, project, _ = full
    store.decisions.decide(project.id, [20, 21, 22], "label", "waste")
    store.classes.rename(project.id, {"waste": "roads", "roads": "waste"})
    store.classes.rename(project.id, {"roads": "refuse"})
    now = store.projects.get("city").label_set.labels
    keyed = [one.model_copy(update={"key": one.identity}) for one in now]
    store.classes.edit(project.id, [Label(name="parks"), *keyed])
    before = store.projects.get("city").label_set
    labels = store.decisions.current(project.id)["human_label"].to_dict()
    damage(home, "projects", "label_set")
    (finding,) = [one for one in examine(home).findings if one.where == "project 1"]
    assert "may be older" in finding.means
    mend(home)
    after = store.projects.get("city").label_set
    assert (after.keys, after.names) == (before.keys, before.names)
    assert after.names == ["parks", "waste", "refuse", "water"]
    assert store.decisions.current(project.id)["human_label"].to_dict() == labels
    assert set(labels.values()) == {"refuse"}


def test_a_note_that_cannot_be_read_leaves_older_names_and_all_labels(full, home):
    store, project, _ = full
    store.decisions.decide(project.id, [20, 21, 22], "label", "waste")
    store.classes.rename(project.id, {"waste": "refuse"})
    with store.engine.begin() as connection:
        connection.execute(sa.update(schema.events).values(detail={"renamed": 3}))
    damage(home, "projects", "label_set")
    mend(home)
    assert store.projects.get("city").label_set.names == ["roads", "waste", "water"]
    assert set(store.decisions.current(project.id)["human_label"]) == {"waste"}


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("projects", "report", "[1]"),
        ("projects", "label_set", '{"labels": 3}'),
        ("runs", "config", '{"nothing": "known"}'),
        ("runs", "summary", '"text"'),
        ("labellings", "config", "null"),
        ("jobs", "arguments", "7"),
        ("selections", "view", "[]"),
        ("projects", "report", "[" * 100_000),
        ("projects", "report", ""),
        ("projects", "report", b"\xff\xfe\x00"),
    ],
)
def test_json_that_is_not_what_was_stored(full, home, table, column, value):
    number = damage(home, table, column, value)
    named = [one.where for one in examine(home).findings if one.check == "record"]
    assert named == [f"{KINDS[table]} {number}"]


def test_commands_go_on_with_the_others(full, home):
    damage(home, "projects", "report")
    done = llkd(home, "projects", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert [one["name"] for one in document["projects"]] == ["whole"]
    assert "project 1 is damaged: report cannot be read" in document["damaged"][0]
    done = llkd(home, "projects")
    assert "whole" in done.stdout and "project 1 is damaged" in done.stderr
    done = llkd(home, "select", "city")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "project 1 is damaged" in done.stderr
    done = llkd(home, "doctor")
    assert done.returncode == 1 and "project 1" in done.stdout
    assert llkd(home, "doctor", "--mend").returncode in (0, 1)
    assert llkd(home, "projects").stderr == ""


def test_a_page_shows_the_others_and_names_it(full, home):
    from tests.support.pages import opened, said

    damage(home, "projects", "label_set", "{")
    app = opened("data", project="city")
    assert not app.exception
    assert "project 1 is damaged" in said(app.error)
    picker = app.sidebar.selectbox[0]
    assert picker.options == ["whole", "city"]
    picker.select("whole").run()
    assert not app.exception and not app.error
    assert app.query_params["project"] == "whole"


def test_a_damaged_job_ends_no_other(full, home):
    store, _, _ = full
    damage(home, "jobs", "context")
    assert jobs.live_jobs(store) == []
    number = store.jobs.damaged()[0].number
    with pytest.raises(StoreError, match=rf"job {number} is damaged: context cannot be read"):
        store.jobs.get(number)
