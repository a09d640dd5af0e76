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
from llkd.config.selection_rule import ThresholdRule
from llkd.errors import NotFound, StoreError, UserError
from llkd.maintenance import examine
from llkd.store import Home, Store, schema
from llkd.store.engine import database, postgresql, server_schema
from tests.support.old_tables import a_home_at
from tests.support.postgres_server import MISSING, PASSWORD, PostgresServer
from tests.support.store_records import a_labelling, a_project


@pytest.fixture
def store(postgres):
    opened = Store()
    yield opened
    opened.close()


class TestOpening:
    def test_processes_that_open_a_new_database_together_all_succeed(self, postgres):
        code = "from llkd.store import Store; Store().events.record(None, 'here', {})"
        started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
        assert [process.wait(60) for process in started] == [0, 0, 0, 0]
        counted = postgres.run(
            "SELECT kind, count(*) FROM llkd.events GROUP BY kind", postgres.name
        )
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


def a_role(postgres, name):
    """A role that may only connect; the address with it."""
    postgres.run(f"DROP ROLE IF EXISTS {name}")
    postgres.run(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    return postgres.url(postgres.name).replace("keeper", name)


def only_finding(home):
    (finding,) = (one for one in examine(home).findings if one.check == "database")
    return finding.what


class TestRights:
    """What is missing is said with the SQL that gives it; it is run here, and then it works."""

    @pytest.fixture
    def role(self, postgres, monkeypatch):
        monkeypatch.setenv("LLKD_DATABASE_URL", a_role(postgres, "guest"))
        yield "guest"
        postgres.run("DROP OWNED BY guest CASCADE", postgres.name)
        postgres.run("DROP ROLE guest")

    def given(self, postgres, sentence):
        for statement in sentence.partition("gives it with: ")[2].rstrip(".").split("; "):
            postgres.run(statement, postgres.name)

    def test_a_schema_of_its_own_is_all_it_needs(self, postgres, role, home):
        with pytest.raises(StoreError) as caught:
            Store()
        lacks = f"Its user guest lacks CREATE on the database {postgres.name}, or a schema llkd."
        assert lacks in str(caught.value) and PASSWORD not in str(caught.value)
        assert only_finding(home) in str(caught.value)
        self.given(postgres, str(caught.value))
        store = Store()
        assert a_project(store).id == 1
        store.close()
        assert "database" not in {one.check for one in examine(home).findings}

    def test_one_role_owns_the_tables_and_another_works_with_them(
        self, postgres, role, home, monkeypatch
    ):
        guest = database.database_url(Home()).render_as_string(hide_password=False)
        monkeypatch.setenv("LLKD_DATABASE_URL", postgres.url(postgres.name))
        Store().close()
        monkeypatch.setenv("LLKD_DATABASE_URL", guest)
        finding = only_finding(home)
        assert finding.startswith("Its user guest lacks USAGE on the schema llkd. Who may")
        self.given(postgres, finding)
        finding = only_finding(home)
        assert (
            "lacks DELETE, INSERT, SELECT, UPDATE, USAGE on alembic_version, audit_ans" in finding
        )
        with pytest.raises(StoreError, match="is missing, and how it is given, says: llkd doctor"):
            Store()
        self.given(postgres, finding)
        store = Store()
        project = a_project(store)
        store.projects.delete(project.id)
        store.close()

    def test_tables_of_another_role_cannot_be_brought_up_to_date(
        self, postgres, role, home, monkeypatch
    ):
        guest = database.database_url(Home()).render_as_string(hide_password=False)
        monkeypatch.setenv("LLKD_DATABASE_URL", postgres.url(postgres.name))
        a_home_at("0009")
        for right in ("USAGE", "CREATE"):
            postgres.run(f"GRANT {right} ON SCHEMA public TO guest", postgres.name)
        for what in ("TABLES", "SEQUENCES"):
            postgres.run(f"GRANT ALL ON ALL {what} IN SCHEMA public TO guest", postgres.name)
        postgres.run("CREATE SCHEMA llkd AUTHORIZATION guest", postgres.name)
        monkeypatch.setenv("LLKD_DATABASE_URL", guest)
        with pytest.raises(StoreError, match="lacks to own alembic_version, audit_answers") as no:
            Store()
        self.given(postgres, str(no.value))
        store = Store()
        assert [project.name for project in store.projects.all()] == ["old"]
        store.close()


class TestSchema:
    def tables(self, postgres):
        query = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|inform)'"
        return set(postgres.run(query, postgres.name))

    def test_two_homes_lie_side_by_side_in_one_database(self, postgres, tmp_path, monkeypatch):
        address = postgres.url(postgres.name)
        others = {("public", "projects"), ("public", "theirs")}
        postgres.run("CREATE TABLE theirs (a int)", postgres.name)
        postgres.run("CREATE TABLE projects (theirs text)", postgres.name)
        stores = {}
        for schema_name in ("llkd", "Team a"):
            option = f"?options=-csearch_path%3D%22{schema_name.replace(' ', '%5C%20')}%22"
            monkeypatch.setenv(
                "LLKD_DATABASE_URL", address + (option if schema_name != "llkd" else "")
            )
            stores[schema_name] = Store(tmp_path / schema_name)
            assert a_project(stores[schema_name]).id == 1
        expected = {(s, t) for s in stores for t in (*schema.metadata.tables, "alembic_version")}
        assert self.tables(postgres) == expected | others
        monkeypatch.setenv("LLKD_DATABASE_URL", address)
        with pytest.raises(StoreError, match=r"is not the one that the home .*\(schema Team a\)"):
            Store(tmp_path / "Team a")
        for store in stores.values():
            store.close()

    def test_comments_say_what_each_column_holds(self, store, postgres):
        query = """SELECT c.relname, a.attname, col_description(c.oid, a.attnum),
            obj_description(c.oid) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = 'llkd'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
            AND c.relname <> 'alembic_version' AND NOT a.attisdropped"""
        rows = postgres.run(query, postgres.name)
        assert len(rows) == sum(len(table.c) for table in schema.metadata.tables.values())
        assert all(column and table for _, _, column, table in rows)

    def test_sql_reads_moments_and_documents(self, store, postgres):
        project = a_project(store)
        store.events.record(project.id, "t", {"when": 1, "run": 3})
        query = """SELECT created > now() - interval '1 minute', detail->>'run', pg_typeof(created)
            FROM llkd.events WHERE detail @> '{"when": 1}'"""
        ((recent, run, kind),) = postgres.run(query, postgres.name)
        assert (recent, run, kind) == (True, "3", "timestamp with time zone")

    @pytest.mark.parametrize(
        ("option", "name"),
        [
            ("", "llkd"),
            ("?options=-csearch_path%3Dteam", "team"),
            ("?options=-c%20statement_timeout%3D9%20-c%20search_path%3DTeam,public", "team"),
            ("?options=--search_path%3D%22Te%5C%20am%22", "Te am"),
            ("?options=-csearch_path%3D%22%24user%22,other", "other"),
            ("?options=-cstatement_timeout%3D9", "llkd"),
        ],
    )
    def test_the_schema_is_read_from_the_address(self, option, name):
        assert server_schema.schema_of(sa.make_url(f"postgresql://h/d{option}")) == name


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
