"""A copy made while jobs run is whole, can be worked in, and holds nothing twice."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from llkd import jobs, maintenance
from llkd.cli import main
from llkd.errors import StoreError, UserError
from llkd.maintenance import backups as making
from llkd.store import Store
from tests.support.job_processes import (
    a_project,
    end_jobs,
    ended,
    labelled_rows,
    start_labelling,
    wait_for,
)
from tests.support.pages import opened, words
from tests.support.seeded_projects import living_job, seeded_project
from tests.support.slow_server import SlowServer


def content(folder):
    """Every file below a folder but those of databases and processes, with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".db" not in path.name and path.name not in ("lock", "beat")
        and "locks" not in path.relative_to(folder).parts
    }  # fmt: skip


@pytest.mark.usefixtures("database")
def test_a_copy_is_the_home(seeded, tmp_path, monkeypatch, capsys):
    store, project, run = seeded
    store.decisions.decide(project.id, [1, 2], "label", "roads")
    assert main(["backup", str(tmp_path / "copy"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["projects"], document["faults"]) == (1, 0)
    original = content(store.home.root)
    original.pop("another_database.json", None)  # the copy's database is its own
    assert content(tmp_path / "copy") == original
    assert main(["backup", str(tmp_path / "second")]) == 0
    out = capsys.readouterr().out
    assert "copied to:" in out and "Checked: no fault in 1 project. Use it with --home." in out
    monkeypatch.delenv("LLKD_DATABASE_URL", raising=False)
    copy = Store(tmp_path / "copy")
    assert copy.decisions.current(project.id).equals(store.decisions.current(project.id))
    assert copy.runs.get(run.id).summary == run.summary
    copy.close()


def test_a_plain_folder_copy_of_a_closed_home_is_a_backup_too(seeded, tmp_path, monkeypatch):
    store, project, _ = seeded
    store.decisions.decide(project.id, [5], "label", "water")
    store.close()
    shutil.copytree(store.home.root, tmp_path / "copy")
    assert maintenance.examine(tmp_path / "copy", deep=True).findings == []
    monkeypatch.setenv("LLKD_HOME", str(tmp_path / "copy"))
    page = opened("curate")
    assert "30 of 30" in words(page) or "30" in words(page)
    assert not page.exception and not page.error


def test_places_that_are_refused(seeded, tmp_path, capsys):
    store, _, _ = seeded
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").write_text("")
    for target, said in (
        (store.home.root, "is lost with it"),
        (store.home.root / "inside" / "it", "is lost with it"),
        (full, "holds something already"),
        (full / "x", "holds something already"),
    ):
        with pytest.raises(UserError, match=said):
            maintenance.backup(store.home.root, target)
    assert main(["backup", str(full)]) == 2
    with pytest.raises(UserError, match="no home"):
        maintenance.backup(tmp_path / "nowhere", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_while_a_job_labels_the_copy_can_be_resumed_and_holds_nothing_twice(home, tmp_path):
    store = Store(home)
    with SlowServer(seconds=0.05) as server:
        project = a_project(store, 120)
        job = start_labelling(store, project, server)
        wait_for(lambda: len(labelled_rows(store, project)) >= 20)
        made = maintenance.backup(home, tmp_path / "copy")
        assert jobs.refreshed(store, job.id).state == "running"
        assert made["faults"] == 0

        copy = Store(tmp_path / "copy")
        (there,) = copy.jobs.all()
        assert there.state == "died" and "when this backup was made" in there.error
        kept = labelled_rows(copy, project)
        assert 20 <= len(kept) < 120
        # The original goes on, undisturbed, to its end.
        assert ended(store, job.id).state == "finished"
        texts = store.projects.texts(project.id)["text"]
        asked = {text: server.asked[text] for text in texts.iloc[kept]}
        assert set(asked.values()) == {1}
        jobs.resume(copy, there.id)
        done = ended(copy, there.id)
        assert done.state == "finished", jobs.log_tail(copy, there.id)
        assert labelled_rows(copy, project) == list(range(120))
        assert {text: server.asked[text] for text in asked} == asked
        labeling_run = copy.labeling_runs.all(project.id)[0]
        folder = copy.home.labeling_run(project.id, labeling_run.id)
        rows = [row for part in folder.glob("part-*.parquet") for row in
                pq.read_table(part)["row"].to_pylist()]  # fmt: skip
        assert sorted(rows) == list(range(120))
        assert maintenance.examine(tmp_path / "copy", deep=True).findings == []
        copy.close()
    end_jobs(home)
    store.close()


def test_a_part_that_is_merged_away_meanwhile(seeded, tmp_path, monkeypatch):
    store, project, _ = seeded
    labeling_run = store.labeling_runs.all(project.id)[0]
    scores = store.labeling_runs.scores(labeling_run)
    store.labeling_runs.append(labeling_run, scores)
    real, seen = making.copy_file, []

    def slow(path, target):
        if path.name.startswith("part-") and not seen:
            seen.append(path)
            store.labeling_runs.compact(labeling_run)
        real(path, target)

    monkeypatch.setattr(making, "copy_file", slow)
    assert maintenance.backup(store.home.root, tmp_path / "copy")["findings"] == []
    folder = store.home.labeling_run(project.id, labeling_run.id)
    names = [path.name for path in folder.glob("part-*")]
    copied = tmp_path / "copy" / folder.relative_to(store.home.root)
    assert [path.name for path in copied.glob("part-*")] == names and len(names) == 1


def test_of_a_run_the_checkpoint_is_never_ahead_of_its_parts(seeded, tmp_path, monkeypatch):
    """A checkpoint and a part written between the two looks: the copy has the part as well."""
    store, _, run = seeded
    first = run.folder / "checkpoint-00000-00000001"
    first.mkdir()
    (first / "state.json").write_text('{"parts": 1}')
    real = making.copy_file

    def racing(path, target):
        real(path, target)
        if path.name == "state.json" and first.exists():
            shutil.copy(run.folder / "steps-000001.parquet", run.folder / "steps-000002.parquet")
            first.rename(run.folder / "checkpoint-00000-00000002")

    monkeypatch.setattr(making, "copy_file", racing)
    maintenance.backup(store.home.root, tmp_path / "copy")
    copied = tmp_path / "copy" / run.folder.relative_to(store.home.root)
    assert [path.name for path in copied.glob("checkpoint-*")] == [first.name]
    assert len(list(copied.glob("steps-*"))) == 2


def test_a_disk_that_is_full_leaves_nothing_behind(seeded, tmp_path, monkeypatch):
    store, _, _ = seeded

    def full(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making, "copy_file", full)
    with pytest.raises(StoreError, match=r"could not be written. The disk is full"):
        maintenance.backup(store.home.root, tmp_path / "copies" / "copy")
    assert list((tmp_path / "copies").iterdir()) == []


@pytest.mark.usefixtures("database")
def test_damage_in_the_home_is_said_of_the_copy(seeded, tmp_path, capsys):
    store, project, _ = seeded
    (store.home.project(project.id) / "texts.parquet").write_bytes(b"")
    assert main(["backup", str(tmp_path / "copy")]) == 1
    out = capsys.readouterr().out
    assert "The copy has 1 fault; the home has them too." in out
    assert (tmp_path / "copy" / "llkd.db").exists()


def test_another_sqlite_file_is_copied_into_the_backup(home, tmp_path, monkeypatch):
    monkeypatch.setenv("LLKD_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    store, _ = seeded_project(home, 20, labelled=False)
    made = maintenance.backup(home, tmp_path / "copy")
    assert (made["projects"], made["faults"]) == (1, 0)
    monkeypatch.delenv("LLKD_DATABASE_URL")
    copy = Store(tmp_path / "copy")
    assert [one.name for one in copy.projects.all()] == ["city"]
    copy.close()
    store.close()


def test_without_its_database_nothing_is_called_a_backup(seeded, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LLKD_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/x")
    assert main(["backup", str(tmp_path / "copy")]) == 1
    said = capsys.readouterr().err
    assert "postgresql://me:***@127.0.0.1:1/x cannot be opened: " in said and "secret" not in said
    assert not (tmp_path / "copy").exists()


def test_a_snapshot_is_of_one_moment(seeded, tmp_path):
    """An open transaction of another process is not half in it."""
    store, project, _ = seeded
    with living_job(store, project), store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE projects SET name = 'half'")
        maintenance.backup(store.home.root, tmp_path / "copy")
        connection.exec_driver_sql("UPDATE projects SET name = 'city'")
    copied = sqlite3.connect(tmp_path / "copy" / "llkd.db")
    assert copied.execute("SELECT name FROM projects").fetchall() == [("city",)]
    assert copied.execute("SELECT state FROM jobs").fetchall() == [("died",)]
    copied.close()


def test_what_a_killed_backup_left_goes_with_the_next(seeded, tmp_path, capsys):
    """Killed at several moments; a backup that is still being made is left alone."""
    store, _, _ = seeded
    place = tmp_path / "disk"
    place.mkdir()
    (place / ".mine.x.tmp").mkdir()  # of somebody else
    for moment in ("_copy_database", "_copy_files", "examine"):
        script = (
            "import os, signal\n"
            "from llkd.maintenance import backups\n"
            f"backups.{moment} = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
            f"backups.backup(None, {str(place / 'monday')!r})\n"
        )
        killed = subprocess.run([sys.executable, "-c", script])
        assert killed.returncode == -signal.SIGKILL
    half = [path for path in place.glob(".monday.*.tmp")]
    assert len(half) >= 1
    with making.atomic_folder(place / "running") as living:
        (living / making.UNDER_WAY).touch()
        assert main(["backup", str(place / "tuesday")]) == 0
        assert living.is_dir()
    said = capsys.readouterr().out
    assert "MiB that a backup which was killed had left" in said
    assert sorted(path.name for path in place.iterdir()) == [".mine.x.tmp", "running", "tuesday"]
    assert not (place / "tuesday" / making.UNDER_WAY).exists()


@pytest.mark.parametrize(
    ("free", "severity", "words"),
    [(0, "error", "Its disk is full."), (500 << 20, "warning", "500 MiB are free on its disk.")],
)
def test_room_is_told_as_it_is(seeded, home, monkeypatch, free, severity, words):
    usage = shutil.disk_usage(home)._replace(free=free)
    monkeypatch.setattr("llkd.maintenance.machine.shutil.disk_usage", lambda path: usage)
    told = [one for one in maintenance.examine(home).findings if one.check == "room"]
    assert [(one.severity, one.what) for one in told] == [(severity, words)]
