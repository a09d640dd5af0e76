"""What is true of a PostgreSQL database only; what is true of both kinds stands in test_store."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from llkd.cli import main
from llkd.config import LabelSet, TrainingConfig
from llkd.config.selection_rule import ThresholdRule
from llkd.errors import NotFound, StoreError, UserError
from llkd.store import Home, Store, schema
from llkd.store.engine import database, postgresql
from tests.support.postgres_server import MISSING, PASSWORD, PostgresServer
from tests.support.store_records import a_labelling, a_project


@pytest.fixture
def store(postgres):
    opened = Store()
    yield opened
    opened.close()


def at_version(version):
    """Make the tables as that version of the program made them; the engine."""
    from alembic import command
    from alembic.config import Config

    engine = database.server_engine(database.database_url(Home()))
    config = Config()
    config.set_main_option(
        "script_location", str(Path(database.__file__).parents[1] / "migrations")
    )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    return engine


class TestOpening:
    @pytest.mark.parametrize("version", ["0001", "0002"])
    def test_a_database_of_an_older_version_keeps_what_is_in_it(self, postgres, home, version):
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        engine = at_version(version)
        tables = sa.MetaData()
        with engine.begin() as connection:
            tables.reflect(connection)
            labels = LabelSet.of(["a", "b"]).model_dump(mode="json")
            values = {
                "projects": {"name": "old", "created": 1.5, "source": "f.csv", "rows": 2,
                             "digest": "d", "report": {"rows": 2}, "label_set": labels},
                "labellings": {"project_id": 1, "created": 2.5, "label_set": labels, "config": {},
                               "fingerprint": "x", "teacher": {}, "calibration": "batch",
                               "tokens_in": 2**40, "tokens_out": 0, "seconds": 0.5},
                "runs": {"project_id": 1, "labelling_id": 1, "created": 3.5,
                         "config": TrainingConfig().model_dump(mode="json"), "labels": {}},
            }  # fmt: skip
            for name, row in values.items():
                connection.execute(sa.insert(tables.tables[name]), row)
        engine.dispose()
        folder = home / "projects" / "1"
        folder.mkdir(parents=True)
        (folder / "texts.parquet").write_bytes(b"")

        store = Store()
        assert database.revision(store.engine) == database.HEAD
        project = store.projects.get("old")
        assert (project.created, project.rows, project.report) == (1.5, 2, {"rows": 2})
        (labeling_run,) = store.labeling_runs.all(project.id)
        assert (labeling_run.tokens_in, labeling_run.cached, labeling_run.cut) == (2**40, 0, 0)
        (run,) = store.runs.all(project.id)
        assert (run.title, run.note, run.pinned) == ("", "", False)
        with store.engine.connect() as connection:
            context = MigrationContext.configure(connection)
            assert compare_metadata(context, schema.metadata) == []
        store.close()

    def test_processes_that_open_a_new_database_together_all_succeed(self, postgres):
        code = "from llkd.store import Store; Store().events.record(None, 'here', {})"
        started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
        assert [process.wait(60) for process in started] == [0, 0, 0, 0]
        counted = postgres.run("SELECT kind, count(*) FROM events GROUP BY kind", postgres.name)
        assert dict(counted) == {"here": 4, "home": 1}

    def test_no_driver_is_said_with_the_command_that_installs_it(
        self, postgres, home, monkeypatch, capsys
    ):
        home.mkdir()
        (home / "projects").mkdir()
        monkeypatch.setitem(sys.modules, "psycopg", None)
        for command in (["projects"], ["doctor"], ["backup", str(home.parent / "copy")]):
            assert main(command) == 1
            said = "".join(capsys.readouterr())
            assert "the driver psycopg is not installed for this Python. Install it with: " in said
            assert f"{sys.executable} -m pip install '{database.DRIVER}'" in " ".join(said.split())
            assert PASSWORD not in said and "Traceback" not in said

    def test_the_driver_named_is_the_one_tested_and_documented(self):
        root = Path(__file__).resolve().parents[3]
        assert database.DRIVER in (root / "requirements-dev.txt").read_text().splitlines()
        assert f"pip install '{database.DRIVER}'" in (root / "docs" / "server.md").read_text()

    def test_a_right_that_is_missing_is_said(self, postgres, monkeypatch):
        postgres.run("DROP ROLE IF EXISTS guest")
        postgres.run(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
        url = postgres.url(postgres.name).replace("keeper", "guest")
        monkeypatch.setenv("LLKD_DATABASE_URL", url)
        with pytest.raises(StoreError, match="make that user the owner of the database"):
            Store()

    def test_a_read_only_server_is_said(self, store, postgres):
        postgres.run(f"ALTER DATABASE {postgres.name} SET default_transaction_read_only = on")
        store.engine.dispose()
        with pytest.raises(StoreError, match=r"its server is read-only\. What was stored before"):
            store.events.record(None, "t", {})
        assert store.projects.all() == []


@pytest.mark.parametrize(
    "written",
    [
        "postgresql://me:{secret}@127.0.0.1:1/x",
        "postgres://me:{secret}@127.0.0.1:1/x",
        "postgresql://127.0.0.1:1/x?user=me&password={secret}",
        "postgresql://me:p@{secret}@127.0.0.1:1/x",
        "postgresql://me:p@ss:{secret}@127.0.0.1:1/x",
        "postgresql://me:p@ss/{secret}@127.0.0.1:1/x",
        "mysql://me:{secret}@127.0.0.1/x",
        "postgresql+nonsense://me:{secret}@127.0.0.1/x",
        "me:{secret}@127.0.0.1",
    ],
)
def test_an_address_that_cannot_be_used_is_said_without_its_password(
    written, home, monkeypatch, capsys
):
    monkeypatch.setenv("LLKD_DATABASE_URL", written.format(secret="wonder"))
    (home / "projects").mkdir(parents=True)
    for command in (["projects"], ["doctor"], ["backup", str(home.parent / "copy")]):
        assert main(command) == 1
        said = "".join(capsys.readouterr())
        assert "cannot be opened: " in said and "LLKD_DATABASE_URL" in said
        assert "wonder" not in said


def test_a_wrong_password_is_said_without_it(postgres, monkeypatch):
    wrong = postgres.url(postgres.name, password="wonder")
    monkeypatch.setenv("LLKD_DATABASE_URL", wrong)
    with pytest.raises(StoreError, match="password authentication failed for user") as caught:
        Store()
    assert "wonder" not in str(caught.value) and ":***@" in str(caught.value)


class TestValues:
    def test_numbers_that_json_has_no_word_for_come_back(self, store):
        values = {"a": [float("nan"), float("inf"), {"b": float("-inf")}], "c": 0.1, "d": "nan"}
        store.events.record(None, "t", values)
        with store.engine.connect() as connection:
            last = sa.select(schema.events.c.detail).order_by(schema.events.c.id.desc()).limit(1)
            found = connection.execute(last).scalar()
        np.testing.assert_equal(found, values)

    def test_texts_with_what_no_database_takes(self, store):
        project = a_project(store)
        hostile = "a\0b \ud800 \U0001f600 %s %(x)s 'x' \\ ; --"
        kept = "a\ufffdb \ufffd \U0001f600 %s %(x)s 'x' \\ ; --"
        job = store.jobs.create("t", hostile, {"kind": hostile}, project.id)
        store.jobs.update(job.id, message=hostile, error=hostile, result={"said": hostile})
        read = store.jobs.get(job.id)
        assert (read.title, read.message, read.error) == (kept, kept, kept)
        assert (read.request, read.result) == ({"kind": hostile}, {"said": hostile}), (
            "JSON takes all"
        )
        store.decisions.decide(project.id, [np.int64(1)], "label", "a", who=hostile)
        assert store.decisions.current(project.id).loc[1, "who"] == kept
        store.selections.save(project.id, "50 % _x'", ThresholdRule(), {"at": hostile})
        assert store.selections.get(project.id, "50 % _x'").counts == {"at": hostile}
        with pytest.raises(NotFound):
            store.selections.get(project.id, "50 % _X'")

    def test_names_are_told_apart_by_their_capitals(self, store):
        a_project(store, "City")
        with pytest.raises(NotFound):
            store.projects.get("city")
        assert a_project(store, "city").id == 2

    @pytest.mark.parametrize("number", [0, -1, 2**31, 2**63, 10**30])
    def test_a_number_that_no_record_has(self, store, number):
        for get in (store.projects.by_id, store.jobs.get, store.runs.get, store.labeling_runs.get):
            with pytest.raises(NotFound, match=f"no .*{number}"):
                get(number)

    def test_a_mistake_in_one_transaction_leaves_the_next_alone(self, store):
        project = a_project(store)
        for _ in range(20):  # more than there are connections
            with pytest.raises(UserError, match="There is a project 'p' already"):
                a_project(store)
            with pytest.raises(sa.exc.IntegrityError), store.engine.begin() as connection:
                connection.execute(sa.insert(schema.runs), {"project_id": 99, "labelling_id": 1,
                                   "created": 0.0, "config": {}, "labels": {}})  # fmt: skip
        assert [one.id for one in store.projects.all()] == [project.id]

    def test_sql_that_fails_shows_no_text_of_anybody(self, store):
        with pytest.raises(sa.exc.DataError) as caught, store.engine.begin() as connection:
            values = {"project_id": None, "created": 0.0, "kind": "private " * 10, "detail": {}}
            connection.execute(sa.insert(schema.events), values)
        assert "private" not in str(caught.value)


class TestTogether:
    def test_readers_wait_for_nobody_and_writers_for_each_other(self, store, monkeypatch):
        monkeypatch.setattr(database, "BUSY_SECONDS", 0.3)
        other = Store()
        with store.engine.begin() as connection:
            connection.execute(sa.insert(schema.events), {"created": 0.0, "kind": "t", "detail": 1})
            assert other.projects.all() == []
            with pytest.raises(StoreError, match="is locked by another program. Nothing was chang"):
                other.events.record(None, "t", {})
        other.events.record(None, "t", {})
        other.close()

    def test_one_that_hangs_in_a_transaction_holds_up_nobody_for_ever(self, store, monkeypatch):
        monkeypatch.setattr(postgresql, "IDLE_SECONDS", 1)
        hanging = Store()
        with pytest.raises(StoreError, match="idle-in-transaction timeout"):
            with hanging.engine.begin() as connection:
                connection.execute(
                    sa.insert(schema.events), {"created": 0.0, "kind": "half", "detail": 1}
                )
                store.events.record(None, "whole", {})  # waits until the server cuts the other off
                connection.exec_driver_sql("SELECT 1")
        with store.engine.connect() as connection:
            kinds = connection.execute(sa.select(schema.events.c.kind)).scalars().all()
        assert kinds == ["home", "whole"]
        hanging.close()

    def test_what_two_write_into_one_field_is_all_there(self, store):
        """Each merges its own facts into one JSON field: a read and a write that belong together."""
        job = store.jobs.create("t", "t", None)

        def write(name):
            own = Store()
            for number in range(15):
                own.jobs.remember(job.id, **{f"{name}{number}": number})
            own.close()

        threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        facts = store.jobs.get(job.id).context
        assert {f"{name}{n}" for name in "abc" for n in range(15)} <= set(facts)

    def test_of_two_that_make_one_pass_both_get_it(self, store):
        project, found = a_project(store), []

        def make():
            own = Store()
            found.append(a_labelling(own, project).id)
            own.close()

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [1, 1, 1, 1]


def test_where_no_server_is_installed_the_tests_say_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("tests.support.postgres_server.Path.glob", lambda *_: iter(()))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="Install them: apt install postgresql"):
        PostgresServer()
    assert MISSING.count(". ") == 1 and os.environ["PATH"] == str(tmp_path)
