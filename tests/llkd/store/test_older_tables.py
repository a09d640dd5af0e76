"""Databases that older versions left, in SQLite and PostgreSQL: nothing is lost, all or nothing."""

import json
import shutil
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from llkd.errors import StoreError
from llkd.maintenance import doctor
from llkd.store import Home, Store, schema
from llkd.store.engine import database, server_schema
from tests.support.old_tables import a_home_at, engine_at, write_rows
from tests.support.store_records import a_project

ARCHIVE = Path(__file__).parents[2] / "fixtures" / "home_0_8_0.zip"
FINE = 1700000000.1234567
LAST = "0009"
"""The tables of 0.8.0."""
HOSTILE = {"z": 1, "a": {"~x": "a\0b", "b": [1e16, -0.0, 5e-324]}, "~": "\ud800"}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request):
    """The home has an empty database of its kind; says which."""
    if request.param == "postgresql":
        request.getfixturevalue("postgres")
    return request.param


def differences(store):
    with store.engine.connect() as connection:
        if store.engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET search_path TO llkd")
        return compare_metadata(MigrationContext.configure(connection), schema.metadata)


def records(engine):
    with engine.connect() as connection:
        return {
            table.name: [
                dict(row)
                for row in connection.execute(
                    sa.select(table).order_by(*table.primary_key)
                ).mappings()
                if row.get("kind") != "home"
            ]
            for table in schema.metadata.sorted_tables
        }


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_an_older_version_keeps_what_is_in_it(empty, version):
    a_home_at(version)
    store = Store()
    assert database.revision(store.engine) == database.HEAD
    project = store.projects.get("old")
    assert (project.created, project.rows, project.report) == (1.5, 2, {"rows": 2})
    (labeling_run,) = store.labeling_runs.all(project.id)
    assert (labeling_run.tokens_in, labeling_run.cached, labeling_run.cut) == (2**40, 0, 0)
    (run,) = store.runs.all(project.id)
    assert (run.title, run.note, run.pinned, run.created) == ("", "", False, 3.5)
    assert differences(store) == []
    store.close()


def test_settings_that_are_refused_today_open_and_their_secrets_are_gone(empty, home):
    config = {
        "teacher": "api:m",
        "base_url": "http://me:hidden@host:8000/v1?key=hidden",
        "instruction": "Read {text} well.",
    }
    a_home_at("0001", labellings={"config": config})
    store = Store()
    settings = store.labeling_runs.get(1).config
    with store.engine.connect() as connection:
        stored = sa.select(sa.cast(schema.labeling_runs.c.config, sa.Text))
        assert "hidden" not in connection.execute(stored).scalar()
    store.close()
    assert settings.base_url == "http://host:8000/v1"
    assert settings.instruction == "Read the text well."
    assert b"hidden" not in b"".join(path.read_bytes() for path in home.glob("*.db*"))


def left_by_the_last_version(empty):
    """Tables of 0.8.0 with references to nothing, hostile documents, and numbers given before."""
    engine = engine_at(LAST)
    own = {"name": "old", "created": 1700000000.25, "source": "f", "rows": 1, "digest": "d"}
    infinite = {"not finite": "inf"} if empty == "postgresql" else float("inf")
    job = {"kind": "train", "title": "t", "arguments": [], "context": {}, "state": "finished",
           "attempts": 1, "created": 1.0, "queued": 1.0, "done": 0, "message": ""}  # fmt: skip
    label = {"project_id": 1, "row": 0, "action": "label", "who": "ann", "created": FINE,
             "batch": "b", "kind": "second"}  # fmt: skip
    rows = {
        "projects": [{"id": 1, **own, "report": HOSTILE, "labelling_id": 77}],
        "labellings": [{"id": 2, "project_id": 1, "created": 2.5, "label_set": {}, "config": {},
                        "fingerprint": "x", "teacher": {"b": infinite, "a": 0.1}, "cut": 0,
                        "calibration": "batch", "tokens_in": 0, "tokens_out": 0, "seconds": 0.1,
                        "cached": 0}],
        "jobs": [{"id": 3, **job}, {"id": 9, **job}],
        "runs": [{"id": k, "project_id": 1, "labelling_id": 2, "job_id": j, "created": 3.5,
                  "config": {}, "labels": {}, "title": "", "note": "", "pinned": False}
                 for k, j in ((4, 3), (5, 88))],
        "human_labels": [{"id": 6, **label, "sample_id": 66}],
    }  # fmt: skip
    write_rows(engine, rows)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {_of_old(engine, 'jobs')} WHERE id = 9")
        if empty == "postgresql":
            for name in rows:
                connection.exec_driver_sql(f"SELECT setval('public.{name}_id_seq', 40)")
        else:
            connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = 40")
    engine.dispose()
    texts = Home().texts(1)
    texts.parent.mkdir(parents=True)
    texts.write_bytes(b"")


def _of_old(engine, table):
    return table if engine.dialect.name == "sqlite" else f"public.{table}"


def test_references_to_nothing_are_emptied_and_stand_in_the_log(empty):
    left_by_the_last_version(empty)
    store = Store()
    assert differences(store) == []
    now = records(store.engine)
    (project,), (label,) = now["projects"], now["human_labels"]
    assert (project["labelling_id"], project["created"]) == (None, 1700000000.25)
    assert (label["sample_id"], label["kind"]) == (None, "second")
    assert label["exact_created"] == FINE and abs(label["created"] - FINE) < 1e-6
    assert [run["job_id"] for run in now["runs"]] == [3, None]
    (event,) = now["events"]
    assert event["detail"] == {
        "emptied": {
            "projects.labelling_id": {"1": 77},
            "runs.job_id": {"5": 88},
            "human_labels.sample_id": {"6": 66},
        }
    }
    assert json.dumps(project["report"]) == json.dumps(HOSTILE)
    assert json.dumps(now["labellings"][0]["teacher"]) == '{"b": Infinity, "a": 0.1}'
    # What follows is held to it, and no number is given again.
    for name, column in (("projects", "labelling_id"), ("runs", "job_id")):
        table = schema.metadata.tables[name]
        with pytest.raises(sa.exc.IntegrityError), store.engine.begin() as connection:
            connection.execute(sa.update(table).values({column: 1234}))
    assert a_project(store).id == 41
    with store.engine.begin() as connection:
        connection.execute(sa.delete(schema.jobs))
    assert [run["job_id"] for run in records(store.engine)["runs"]] == [None, None]
    store.close()


def test_a_migration_that_fails_leaves_everything_as_it_was(empty, monkeypatch):
    left_by_the_last_version(empty)
    monkeypatch.setattr(server_schema, "comment", lambda *_: 1 / 0)
    if empty == "sqlite":
        # The last statement of all fails: the table of the indexes is taken.
        with sqlite3.connect(Home().database) as connection:
            connection.execute("CREATE TABLE events_by_project (x)")
            before = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
            rows = connection.execute("SELECT * FROM projects").fetchall()
    with pytest.raises((ZeroDivisionError, StoreError)):
        Store()
    engine = database.open_for_reading(Home())
    assert database.revision(engine) == LAST
    with engine.connect() as connection:
        if empty == "postgresql":
            assert not sa.inspect(connection).has_schema("llkd")
            stored = connection.exec_driver_sql("SELECT created FROM public.projects").scalar()
            assert stored == 1700000000.25
        else:
            read = connection.exec_driver_sql
            assert read("SELECT type, name, sql FROM sqlite_master").fetchall() == before
            assert read("SELECT * FROM projects").fetchall() == rows
    engine.dispose()


def test_every_reference_has_an_index(empty):
    store = Store()
    inspector = sa.inspect(store.engine)
    place = "llkd" if empty == "postgresql" else None
    for name, table in schema.metadata.tables.items():
        keys = inspector.get_foreign_keys(name, schema=place)
        assert {key["constrained_columns"][0] for key in keys} == {
            key.parent.name for key in table.foreign_keys
        }
        first = [index["column_names"][0] for index in inspector.get_indexes(name, schema=place)]
        unique = inspector.get_unique_constraints(name, schema=place)
        first += [constraint["column_names"][0] for constraint in unique]
        for key in keys:
            assert key["constrained_columns"][0] in first, (name, key)
    store.close()


@pytest.fixture
def last_home(home):
    """LLKD_HOME is a home that 0.8.0 worked on."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(home.parent)
    home.chmod(0o700)
    return home


def as_stored(path):
    """Every row of a SQLite file by table, documents read."""
    documents = {
        (table.name, column.name)
        for table in schema.metadata.tables.values()
        for column in table.c
        if isinstance(column.type, schema.Document)
    }
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        rows = {}
        for table in schema.metadata.tables:
            rows[table] = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
            for row in rows[table]:
                for name in row:
                    if (table, name) in documents and row[name] is not None:
                        row[name] = json.loads(row[name])
        return rows


def test_the_home_of_the_last_release_opens_on_both(empty, last_home):
    before = as_stored(last_home / "llkd.db")
    if empty == "postgresql":  # as if it had always been there
        aside = last_home.with_name("projects")
        shutil.move(last_home / "projects", aside)
        (last_home / "llkd.db").unlink()
        engine = engine_at(LAST)
        flags = {"runs": "pinned"}
        for name in [table.name for table in schema.metadata.sorted_tables]:
            rows = before[name]
            for row in rows:
                if name in flags:
                    row[flags[name]] = bool(row[flags[name]])
            if rows:
                write_rows(engine, {name: rows})
            if rows and "id" in rows[0]:
                last = max(row["id"] for row in rows)
                with engine.begin() as connection:
                    connection.exec_driver_sql(f"SELECT setval('public.{name}_id_seq', {last})")
        engine.dispose()
        shutil.rmtree(last_home / "projects")
        shutil.move(aside, last_home / "projects")
    store = Store(last_home)
    now = records(store.engine)
    assert {name: len(rows) for name, rows in now.items()} == {
        name: len(rows) for name, rows in before.items()
    }
    for name, rows in before.items():
        key = "id" if rows and "id" in rows[0] else "mark"
        for old, new in zip(sorted(rows, key=lambda row: row[key]), now[name], strict=True):
            for column, value in old.items():
                if isinstance(value, float):  # moments are stored to the microsecond
                    np.testing.assert_allclose(new[column], value, rtol=0, atol=6e-7)
                else:
                    assert json.dumps(new[column]) == json.dumps(
                        bool(value) if column == "pinned" else value
                    ), (name, column)
    store.close()
    report = doctor.examine(last_home, deep=True)
    assert report.projects == 1 and report.faults == []
