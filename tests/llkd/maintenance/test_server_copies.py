"""A PostgreSQL database in a backup: every record of one moment, and its numbers go on."""

import shutil

import pytest
import sqlalchemy as sa

from llkd import maintenance
from llkd.cli import main
from llkd.config.selection_rule import read_rule
from llkd.errors import StoreError
from llkd.maintenance import server_copies
from llkd.store import Store, schema
from tests.support.postgres_server import PASSWORD
from tests.support.seeded_projects import seeded_project


@pytest.fixture
def kept(postgres, seeded, tmp_path, monkeypatch):
    """A seeded home on PostgreSQL, and the store of its backup."""
    store, project, run = seeded
    store.decisions.decide(project.id, range(5), "label", "roads", who="Ann \u00e9 <a@b>")
    store.decisions.undo(project.id)
    store.selections.save(
        project.id, "first cut", read_rule({"run": run.id}), {"kept": float("nan")}
    )
    store.jobs.create("t", "t", {"kind": "label"}, project.id)
    store.runs.describe(run.id, pinned=True, note="one\ntwo")
    gone = store.jobs.create("t", "t", None)
    with store.engine.begin() as connection:
        connection.execute(sa.delete(schema.jobs).where(schema.jobs.c.id == gone.id))
    monkeypatch.setattr(server_copies, "AT_ONCE", 2)

    def copied():
        made = maintenance.backup(store.home.root, tmp_path / "copy")
        monkeypatch.delenv("LLKD_DATABASE_URL")
        return made, Store(tmp_path / "copy")

    return store, gone, copied


def records(engine):
    with engine.connect() as connection:
        return {
            table.name: connection.execute(sa.select(table).order_by(*table.primary_key)).all()
            for table in schema.metadata.sorted_tables
        }


def test_every_record_is_in_it_and_no_number_is_given_again(kept):
    store, gone, copied = kept
    made, copy = copied()
    before, after = records(store.engine), records(copy.engine)
    assert (made["projects"], made["faults"], made["database"]) == (1, 0, "llkd.db")
    assert ":***@127.0.0.1" in made["server"] and PASSWORD not in str(made)
    for jobs_there in (before, after):
        job = jobs_there["jobs"].pop(0)
    assert (job.state, job.error) == ("died", "It was at work when this backup was made. Resume "
                                      "goes on from what was kept.")  # fmt: skip
    # NaN is unequal to itself, so the records are compared as they are written.
    assert repr(before) == repr(after) and len(after["human_labels"]) == 5
    assert copy.jobs.create("t", "t", None).id == gone.id + 1
    copy.close()


def test_what_is_written_meanwhile_is_not_half_in_it(kept, monkeypatch):
    store, _, copied = kept
    real = server_copies.copy_table

    def slowly(read, rows, table):
        real(read, rows, table)
        if table.name == "projects":
            other = Store(store.home.root)
            other.decisions.decide(1, [9], "exclude")
            other.close()

    monkeypatch.setattr(server_copies, "copy_table", slowly)
    _, copy = copied()
    assert len(store.decisions.current(1)) == 1 and copy.decisions.current(1).empty
    copy.close()


def test_what_the_command_says(kept, tmp_path, capsys):
    assert main(["backup", str(tmp_path / "copy")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "into the copy's own llkd.db: use the copy with --home and without" in said
    assert "run pg_dump as well" in said and PASSWORD not in said


def test_a_database_of_another_version_is_refused(kept, tmp_path):
    store, _, _ = kept
    with store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE llkd.alembic_version SET version_num = '0001'"))
    with pytest.raises(StoreError, match="has the schema 0001; this version copies"):
        maintenance.backup(store.home.root, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_database_that_was_emptied_is_a_fault(postgres, seeded):
    store, _, _ = seeded
    store.engine.dispose()
    postgres.run("DROP SCHEMA llkd CASCADE", postgres.name)
    (finding,) = maintenance.examine(store.home.root).faults
    assert finding.what == "It is empty." and finding.mend is None
    before = sorted(store.home.root.rglob("*"))
    assert maintenance.mend(store.home.root).faults[0].what == "It is empty."
    assert sorted(store.home.root.rglob("*")) == before


def test_a_dump_and_a_copy_of_the_folder_are_restored_together(postgres, seeded, monkeypatch):
    """The two commands of docs/server.md."""
    store, _, _ = seeded
    before = records(store.engine)
    shutil.copytree(store.home.root, store.home.root.with_name("llkd-home"))
    store.engine.dispose()
    dump = postgres.dump(postgres.name)
    postgres.drop(postgres.name)
    shutil.rmtree(store.home.root)
    restored = postgres.new_database()
    postgres.restore(restored, dump)
    monkeypatch.setenv("LLKD_DATABASE_URL", postgres.url(restored))
    back = Store(store.home.root.with_name("llkd-home"))
    assert records(back.engine) == before
    assert maintenance.examine(back.home.root, deep=True).findings == []
    assert back.projects.get("city").id + 1 == seeded_project(
        back.home.root, 10, name="next", labelled=False
    )[1].id  # fmt: skip
    back.close()
    postgres.drop(restored)
