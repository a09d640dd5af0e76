"""An import that fails changes nothing, however it fails; what a killed one left is removed."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import sqlalchemy as sa

from llkd.datasets import texts_from_lines
from llkd.datasets.importing import import_texts
from llkd.datasets.readers import temp_buffer
from llkd.errors import DataError, StoreError
from llkd.store import Store
from llkd.store.files import text_files

TEXTS = texts_from_lines("one text\nanother text\na third text\n")
KILLED = """
import os, sys, time
from llkd.datasets import texts_from_lines
from llkd.datasets.importing import import_texts
from llkd.store import Store, projects
from llkd.store.files import text_files
store = Store(sys.argv[1])
def stop(*_):
    print("here", flush=True)
    time.sleep(60)
if sys.argv[2] == "writing":
    text_files.write_texts = stop
else:
    real = os.replace
    def moved(*paths):
        real(*paths)
        stop()
    projects.os.replace = moved
import_texts(store, "p", texts_from_lines("one text"), source="x")
"""


@pytest.fixture
def store(home):
    return Store(home)


def nothing_is_left(store):
    assert store.projects.all() == []
    assert list(store.home.projects.iterdir()) == []


def full(*_args, **_kwargs):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["pq.ParquetWriter", "_sync", "Path.mkdir"])
def test_disk_full_while_the_texts_are_written(store, monkeypatch, where):
    with monkeypatch.context() as patch:
        patch.setattr(f"llkd.store.files.text_files.{where}", full)
        with pytest.raises(StoreError, match=r"No space left on device\). Nothing was changed\."):
            import_texts(store, "p", TEXTS, source="x")
    nothing_is_left(store)
    assert import_texts(store, "p", TEXTS, source="x").rows == 3


@pytest.mark.usefixtures("database")
def test_the_last_step_fails(store, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("llkd.store.projects.os.replace", full)
        with pytest.raises(StoreError, match="Nothing was changed"):
            import_texts(store, "p", TEXTS, source="x")
    nothing_is_left(store)


@pytest.mark.usefixtures("database")
def test_the_database_refuses_the_commit(store):
    def refuse(_connection):
        raise sa.exc.OperationalError("COMMIT", {}, Exception("database or disk is full"))

    sa.event.listen(store.engine, "commit", refuse)
    with pytest.raises(StoreError, match=r"database or disk is full\). Nothing was changed\."):
        import_texts(store, "p", TEXTS, source="x")
    sa.event.remove(store.engine, "commit", refuse)
    nothing_is_left(store)
    assert import_texts(store, "p", TEXTS, source="x").rows == 3


@pytest.mark.parametrize("when", ["writing", "committing"])
def test_a_killed_import_leaves_no_project(home, database, when):
    Store(home).close()
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(home), when], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    store = Store(home)
    assert store.projects.all() == []
    left = list(store.home.projects.iterdir())
    assert left
    project = import_texts(store, "p", TEXTS, source="x")
    assert project.rows == 3 and len(store.projects.texts(project.id)) == 3
    # PostgreSQL gives no number twice, also not one that was never stored: its folder is in
    # nobody's way, and goes an hour later.
    dead = {"1"} if (database, when) == ("postgresql", "committing") else set()
    names = {entry.name for entry in store.home.projects.iterdir()}
    assert names == {str(project.id)} | dead and str(project.id) not in dead


def test_an_import_beside_another_leaves_its_folder_alone(store):
    table = text_files.as_table(TEXTS.texts.assign(split="pool"))
    with text_files.staged(store.home, table, None) as folder:
        import_texts(store, "p", TEXTS, source="x")
        assert (folder / "texts.parquet").exists()
    assert [entry.name for entry in store.home.projects.iterdir()] == ["1"]


@pytest.mark.usefixtures("database")
def test_folders_that_no_project_has_are_removed_after_an_hour(store):
    fresh, old = store.home.project(77), store.home.project(78)
    for folder in (fresh, old):
        folder.mkdir()
    an_hour_ago = time.time() - 3700
    os.utime(old, (an_hour_ago, an_hour_ago))
    project = import_texts(store, "p", TEXTS, source="x")
    assert fresh.exists() and not old.exists()
    assert store.home.project(project.id).exists()


@pytest.mark.parametrize("hours", [0, 2])
def test_work_that_an_older_database_does_not_know_is_set_aside(home, hours):
    """Its number is given again, or its folder is old: neither takes what somebody has made."""
    store = Store(home)
    import_texts(store, "first", TEXTS, source="x")
    store.close()
    older = (home / "llkd.db").read_bytes()
    store = Store(home)
    later = store.home.project(import_texts(store, "later", TEXTS, source="x").id)
    (later / "runs" / "1").mkdir(parents=True)
    (later / "runs" / "1" / "head.safetensors").write_bytes(b"trained for a night")
    store.close()
    for file in home.glob("llkd.db*"):
        file.unlink()
    (home / "llkd.db").write_bytes(older)
    then = time.time() - hours * 3600
    os.utime(later, (then, then))
    store = Store(home)
    assert import_texts(store, "new", TEXTS, source="x").id == int(later.name)
    [aside] = home.glob("quarantine/*")
    kept = aside / "projects" / later.name / "runs" / "1" / "head.safetensors"
    assert kept.read_bytes() == b"trained for a night"
    assert "does not know this project" in (aside / "NOTE.txt").read_text()
    assert {path.name for path in later.iterdir()} == {"texts.parquet"}
    store.close()


def test_what_cannot_be_set_aside_stays_where_it_is(store, monkeypatch):
    place = store.home.project(1)
    (place / "runs").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr("llkd.store.files.quarantine.os.replace", full)
        with pytest.raises(StoreError, match="Cannot move .*No space left on device"):
            import_texts(store, "p", TEXTS, source="x")
    assert (place / "runs").is_dir() and store.projects.all() == []


def test_no_room_for_a_scratch_file(tmp_path, monkeypatch):
    monkeypatch.setattr(temp_buffer, "MEMORY_BYTES", 10)
    monkeypatch.setattr(temp_buffer, "write_all", full)
    with pytest.raises(DataError, match=r"cannot be written \(No space left on device\). Free "):
        temp_buffer.TempBuffer().write(b"more than ten bytes")


def test_texts_are_stored_in_parts_as_they_are(store, monkeypatch):
    monkeypatch.setattr(text_files, "GROUP_BYTES", 200)
    monkeypatch.setattr(text_files, "BATCH_ROWS", 7)
    texts = pd.DataFrame(
        {
            "id": [str(k) for k in range(100)],
            "text": [f"text {k} \u00fc" for k in range(100)],
            "gold": pd.Series([None, "a"] * 50, dtype=object),
            "split": ["pool"] * 100,
            "source": ["a.csv"] * 60 + ["b.csv"] * 40,
        }
    )
    calls = []
    report = {"rows": 100}
    project = store.projects.create(
        "p", texts, source="x", report=report, between=lambda: calls.append(1)
    )
    stored = store.projects.texts(project.id)
    assert stored["row"].tolist() == list(range(100))
    for column in texts.columns:
        assert stored[column].astype(object).where(stored[column].notna(), None).tolist() == (
            texts[column].tolist()
        )
    assert len(calls) > 10
    assert project.digest == text_files.digest(texts)
