"""Every kind of damage is found, said, and mended where that loses nothing."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from llkd import jobs, maintenance
from llkd.cli import main
from llkd.errors import StoreError, UserError
from llkd.maintenance import sqlite_files
from llkd.store import Answer, Scores, Store
from llkd.store.home import atomic_file
from tests.support.old_tables import set_version
from tests.support.seeded_projects import living_job, seeded_project


def faults(home, **options):
    """Severity, check and place of every finding."""
    found = maintenance.examine(home, **options).findings
    return [(one.severity, one.check, one.where) for one in found]


def the_part(store, project):
    labeling_run = store.labeling_runs.all(project.id)[0]
    (part,) = store.home.labeling_run(project.id, labeling_run.id).glob("part-*.parquet")
    return labeling_run, part


def damage_an_index(path, index):
    """Take an entry out of an index by hand, as a failing disk might."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    page = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = ?", (index,)
    ).fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size + 3)
        cells = int.from_bytes(file.read(2), "big")
        assert cells > 1
        file.seek((page - 1) * size + 3)
        file.write((cells - 1).to_bytes(2, "big"))


@pytest.mark.usefixtures("database")
def test_a_whole_home_has_no_fault(seeded, capsys):
    store, _, _ = seeded
    assert maintenance.examine(store.home.root, deep=True).findings == []
    assert main(["doctor"]) == 0
    report = maintenance.examine(store.home.root)
    assert capsys.readouterr().out == f"No fault found in 1 project, {report.files} files.\n"
    assert report.files > 8


@pytest.mark.usefixtures("database")
def test_looking_changes_nothing(seeded):
    store, project, _ = seeded
    _, part = the_part(store, project)
    part.write_bytes(b"")
    (store.home.projects / "77").mkdir()
    before = sorted(str(path) for path in store.home.root.rglob("*"))
    assert faults(store.home.root)
    assert sorted(str(path) for path in store.home.root.rglob("*")) == before


def test_a_home_that_is_not_there_is_the_users_mistake(tmp_path, capsys):
    with pytest.raises(UserError, match="There is no home at"):
        maintenance.examine(tmp_path / "nothing")
    assert main(["doctor", "--home", str(tmp_path / "nothing"), "--json"]) == 2
    assert "There is no home" in json.loads(capsys.readouterr().out)["error"]
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty, as a power cut or a full disk leaves a file"),
        (b"PAR1" + bytes(500), "A part of the labels is damaged"),
        (None, "A part of the labels is damaged"),  # its first half
    ],
)
def test_a_damaged_part_is_moved_aside_and_only_its_texts_are_open_again(seeded, content, said):
    store, project, _ = seeded
    labeling_run, part = the_part(store, project)
    whole = part.read_bytes()
    store.labeling_runs.append(
        labeling_run,
        Scores(
            np.array([3]), np.zeros((1, 3), np.float32), np.array([1]),
            np.array(["votes"], object), np.array(["x"], object),
        ),
    )  # fmt: skip
    part.write_bytes(whole[: len(whole) // 2] if content is None else content)
    (finding,) = maintenance.examine(store.home.root).faults
    assert (finding.check, finding.severity) == ("labels", "error")
    assert said in finding.what
    assert "labelling again asks about its texts only" in finding.means
    report = maintenance.mend(store.home.root)
    assert report.faults == [] and len(report.mended) == 1
    kept = report.quarantine / part.relative_to(store.home.root)
    assert kept.read_bytes() == (whole[: len(whole) // 2] if content is None else content)
    assert "damaged" in (report.quarantine / "NOTE.txt").read_text()
    assert store.labeling_runs.done(labeling_run).tolist() == [3]


def test_damage_inside_a_part_is_found_by_a_deep_look(seeded):
    store, project, _ = seeded
    _, part = the_part(store, project)
    data = bytearray(part.read_bytes())
    group = pq.ParquetFile(part).metadata.row_group(0)
    column = next(
        group.column(k)
        for k in range(group.num_columns)
        if group.column(k).path_in_schema.startswith("scores")
    )
    start = column.dictionary_page_offset or column.data_page_offset
    data[start + 30 : start + column.total_compressed_size] = bytes(
        column.total_compressed_size - 30
    )
    part.write_bytes(data)
    assert faults(store.home.root) == []
    found = maintenance.examine(store.home.root, deep=True).faults
    assert [one.check for one in found] == ["labels"]


@pytest.mark.usefixtures("database")
def test_rows_beyond_the_project_are_taken_out(seeded):
    store, project, _ = seeded
    labeling_run, part = the_part(store, project)
    stranger = Scores(
        np.array([5, 400]), np.zeros((2, 3), np.float32), np.array([1, 1]),
        np.array(["votes"] * 2, object), np.array([None, "x"], object),
    )  # fmt: skip
    store.labeling_runs.append(labeling_run, stranger)
    (finding,) = maintenance.examine(store.home.root).faults
    assert "rows beyond the project's 40" in finding.what
    report = maintenance.mend(store.home.root)
    assert report.faults == []
    assert store.labeling_runs.done(labeling_run).tolist() == list(range(40))
    assert len(list(report.quarantine.rglob("part-*"))) == 1


def test_rows_that_stand_twice_are_a_note_and_no_fault(seeded, capsys):
    store, project, _ = seeded
    labeling_run, part = the_part(store, project)
    shutil.copy(part, part.with_name("part-99999999999999999999-copy.parquet"))
    assert [(s, c) for s, c, _ in faults(store.home.root)] == [("note", "labels")]
    assert main(["doctor"]) == 0
    assert "40 rows stand in several parts" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["missing", "cut", "other texts", "other rows"])
def test_the_texts_are_compared_with_what_was_imported(seeded, how, capsys):
    store, project, _ = seeded
    path = store.home.project(project.id) / "texts.parquet"
    table = pq.read_table(path)
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:300])
    elif how == "other texts":
        frame = table.to_pandas()
        frame.loc[7, "text"] = "another"
        frame.to_parquet(path)
    else:
        pq.write_table(table.slice(0, 30), path)
    (finding,) = maintenance.examine(store.home.root).faults
    assert finding.check == "texts" and finding.mending is None
    assert "from a backup" in finding.means
    assert main(["doctor", "--mend"]) == 1
    out = capsys.readouterr().out
    assert "1 fault in 1 project" in out and "Mending:" not in out


def test_a_damaged_index_is_rebuilt_and_the_old_file_kept(seeded):
    store, project, _ = seeded
    for row in range(30):
        store.decisions.decide(project.id, [row], "label", "roads")
    before = store.decisions.current(project.id)
    store.close()
    damage_an_index(store.home.database, "human_labels_by_row")
    (finding,) = maintenance.examine(store.home.root).faults
    assert "human_labels_by_row" in finding.what and "Close the app" in finding.means
    report = maintenance.mend(store.home.root)
    assert report.faults == [] and report.projects == 1
    assert (report.quarantine / "llkd.db").stat().st_size > 0
    again = Store(store.home.root)
    assert again.decisions.current(project.id).equals(before)
    # A number is never given twice, also in the new file.
    again.decisions.decide(project.id, [31], "exclude")
    with again.engine.connect() as connection:
        last = connection.exec_driver_sql("SELECT max(id) FROM human_labels").scalar()
    assert last == 31
    again.close()


def test_a_database_that_is_open_elsewhere_is_not_mended(seeded):
    store, project, _ = seeded
    for row in range(30):
        store.decisions.decide(project.id, [row], "label", "roads")
    store.close()
    damage_an_index(store.home.database, "human_labels_by_row")
    holder = subprocess.Popen(
        [sys.executable, "-c",
         "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
         "c.execute('SELECT count(*) FROM projects').fetchone(); print('open', flush=True);"
         "sys.stdin.read()", str(store.home.database)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "open\n"
    before = store.home.database.read_bytes()
    report = maintenance.mend(store.home.root)
    assert report.mended == []
    assert "open in another process. Close the app" in report.faults[0].left
    assert store.home.database.read_bytes() == before
    holder.communicate("")
    assert maintenance.mend(store.home.root).faults == []


def test_a_database_whose_rows_cannot_be_read_is_left_as_it_is(seeded, capsys):
    store, _, _ = seeded
    store.close()
    path = store.home.database
    sqlite_files.alone(path)
    connection = sqlite3.connect(path)
    page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name='events'").fetchone()
    connection.close()
    data = bytearray(path.read_bytes())
    data[(page[0] - 1) * 4096 : page[0] * 4096] = os.urandom(4096)
    path.write_bytes(data)
    report = maintenance.mend(store.home.root)
    assert report.mended == [] and report.quarantine is None
    assert "from a backup" in report.faults[0].left
    assert path.read_bytes() == bytes(data)
    assert not list(store.home.root.glob(".*"))


def test_a_file_that_is_no_database(home, capsys):
    seeded_project(home, 20, labelled=False)[0].close()
    (home / "llkd.db").write_bytes(b"this is no database" * 500)
    for log in home.glob("llkd.db-*"):
        log.unlink()
    assert main(["doctor"]) == 1
    assert "not a database" in capsys.readouterr().out
    assert main(["projects"]) == 1
    said = capsys.readouterr().err
    assert "cannot be opened" in said and "llkd doctor" in said and said.count("\n") == 1


def test_answers_that_cannot_be_read_start_anew(seeded):
    store, _, _ = seeded
    store.answers.save("k", ["a"], [Answer(np.zeros(2, np.float32), -1, "logprob", None)])
    store.close()
    path = store.home.answers
    sqlite_files.alone(path)
    path.write_bytes(b"SQLite format 3\0" + os.urandom(9000))
    assert [(s, c) for s, c, _ in faults(store.home.root)] == [("error", "answers")]
    report = maintenance.mend(store.home.root)
    assert report.faults == [] and (report.quarantine / "cache" / "answers.db").exists()
    again = Store(store.home.root)
    assert again.answers.find("k", ["a"]) == {}
    again.answers.save("k", ["a"], [Answer(np.zeros(2, np.float32), -1, "logprob", None)])
    again.close()


def test_a_damaged_account_is_never_forgotten(seeded):
    """Without it a budget could be spent twice: it stays until a person decides."""
    store, project, _ = seeded
    labeling_run, _ = the_part(store, project)
    path = store.labeling_runs.account(labeling_run)
    path.write_bytes(b"SQLite format 3\0" + os.urandom(9000))
    report = maintenance.mend(store.home.root)
    (finding,) = report.faults
    assert finding.check == "account" and "budget" in finding.means and finding.left
    assert path.exists()


def test_a_run_with_damaged_files(seeded):
    store, project, run = seeded
    (run.folder / "config.json").write_text("{")
    (run.folder / "signals-epoch-0001.parquet").write_bytes(b"")
    (run.student_folder / "model.safetensors").write_bytes(b"12345")
    half = run.folder / "checkpoint-00000-00000003"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"")
    found = {one.where.split("/")[-1]: one for one in maintenance.examine(store.home.root).faults}
    assert set(found) == {"config.json", "signals-epoch-0001.parquet", "student", half.name}
    assert "cut off in its header" in found["student"].what
    with pytest.raises(StoreError, match="signals-epoch-0001.parquet is damaged.*doctor --mend"):
        store.runs.signals(run)
    report = maintenance.mend(store.home.root)
    assert [one.where.split("/")[-1] for one in report.faults] == ["student"]
    assert "train again with the same seed" in report.faults[0].means
    settings = json.loads((run.folder / "config.json").read_text())
    assert settings["training"] == run.config.model_dump(mode="json")
    assert not half.exists() and len(list(report.quarantine.rglob("checkpoint-*"))) == 1


def test_a_run_without_its_folder_is_said(seeded):
    store, _, run = seeded
    shutil.rmtree(run.folder)
    (finding,) = maintenance.examine(store.home.root).faults
    assert "The folder of run 1: LLKD is missing" in finding.what


def test_embeddings_that_are_damaged_are_made_again(seeded):
    store, project, _ = seeded
    (path,) = (store.home.project(project.id) / "embeddings").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-7])
    (finding,) = maintenance.examine(store.home.root).faults
    assert "llkd probe 'city'" in finding.mending
    assert maintenance.mend(store.home.root).faults == []


@pytest.mark.usefixtures("database")
def test_folders_of_nothing_are_moved_and_not_deleted(seeded):
    store, project, run = seeded
    lost = [
        store.home.project(99) / "labels" / "5",
        store.home.run(project.id, 88),
        store.home.labeling_run(project.id, 77),
        store.home.job(66),
    ]
    for folder in lost:
        folder.mkdir(parents=True)
        (folder / "something").write_text("kept")
    where = sorted(one.where for one in maintenance.examine(store.home.root).faults)
    assert where == ["jobs/66", "projects/1/labels/77", "projects/1/runs/88", "projects/99"]
    report = maintenance.mend(store.home.root)
    assert report.faults == []
    kept = [path.read_text() for path in report.quarantine.rglob("something")]
    assert kept == ["kept"] * 4
    assert run.folder.is_dir()


@pytest.mark.usefixtures("database")
def test_an_import_under_way_is_no_orphan(home):
    """Its folder is there before its record shows; the doctor waits and looks again."""
    seeded_project(home, 20, labelled=False)[0].close()
    child = subprocess.Popen(
        [sys.executable, "-c", f"""
import time
from llkd.store import home as h
from llkd.store import Store
from tests.support import seeded_projects
real = h.os.replace
def slow(*names):
    real(*names)
    print("renamed", flush=True)
    time.sleep(2)
h.os.replace = slow
seeded_projects.seeded_project({str(home)!r}, 20, name="second", labelled=False)
"""],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout.readline() == "renamed\n"
    assert (home / "projects" / "2" / "texts.parquet").exists()
    assert faults(home) == []
    assert child.wait(60) == 0


def test_half_files_of_the_dead_are_deleted_and_of_the_living_are_not(seeded):
    store, project, run = seeded
    dead = run.folder / ".steps-000009.parquet.ab12cd34.tmp"
    dead.write_bytes(b"half")
    folder = run.folder / ".checkpoint-00000-00000005.ab12cd34.tmp"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"half")
    with atomic_file(run.folder / "targets.parquet") as living:
        living.write_bytes(b"half")
        where = sorted(
            one.where.split("/")[-1] for one in maintenance.examine(store.home.root).faults
        )
        assert where == [folder.name, dead.name]
        assert maintenance.mend(store.home.root).faults == []
        assert living.exists() and not dead.exists() and not folder.exists()
        living.write_bytes((run.folder / "targets.parquet").read_bytes())


def test_an_export_under_way_is_left_alone_and_a_killed_one_is_not(seeded):
    from llkd.exporting.curated import staged_folder

    store, _, _ = seeded
    out = store.home.exports / "1"
    with staged_folder(out) as living:
        assert maintenance.examine(store.home.root).findings == []
        with staged_folder(out):
            assert living.is_dir()  # a second export into the same folder takes nothing away
        assert maintenance.mend(store.home.root).mended == [] and living.is_dir()
    dead = out / ".export.ab12cd34.tmp"
    dead.mkdir(parents=True)
    (dead / "curated.csv").write_text("half")
    assert faults(store.home.root) == [("warning", "leftover", f"exports/1/{dead.name}")]
    assert maintenance.mend(store.home.root).faults == [] and not dead.exists()


def test_a_folder_whose_replacing_was_cut_short_gets_its_name_back(seeded):
    """A kill between taking the old folder's name and giving it to the new one."""
    store, _, run = seeded
    old = run.folder / ".student.ab12cd34.old"
    old.mkdir()
    run.student_folder.rename(old / "old")
    found = {one.check: one for one in maintenance.examine(store.home.root).faults}
    assert "under another name" in found["leftover"].what
    report = maintenance.mend(store.home.root)
    assert report.faults == [] and not old.exists()
    assert (run.student_folder / "model.safetensors").exists()


@pytest.mark.usefixtures("database")
def test_a_job_without_a_process_is_settled_and_a_living_one_is_not(seeded):
    store, project, _ = seeded
    dead = store.jobs.create("label", "Label city", None, project.id)
    with living_job(store, project) as living:
        assert [where for _, _, where in faults(store.home.root)] == [f"job {dead.id}"]
        assert maintenance.mend(store.home.root).faults == []
        assert store.jobs.get(dead.id).state == "died"
        assert store.jobs.get(living.id).state == "running"


@pytest.mark.usefixtures("database")
def test_nothing_is_mended_that_a_living_job_works_on(seeded):
    store, project, _ = seeded
    _, part = the_part(store, project)
    part.write_bytes(b"")
    with living_job(store, project) as job:
        report = maintenance.mend(store.home.root)
        assert report.mended == [] and part.exists()
        assert report.faults[0].left.startswith(f"Job {job.id} is at work")
    jobs.refreshed(store, job.id)
    assert maintenance.mend(store.home.root).faults == []


def test_the_price_table_and_the_remembered_sums(seeded):
    store, _, _ = seeded
    store.home.prices.write_text("[{]")
    memory = store.home.root / "cache" / "models" / "sha256.json"
    memory.parent.mkdir(parents=True)
    memory.write_text("")
    assert sorted(c for _, c, _ in faults(store.home.root)) == ["models", "prices"]
    assert maintenance.mend(store.home.root).faults == []
    assert store.prices.all() == []


def test_weights_that_changed_by_themselves_are_found_by_a_deep_look(seeded, tmp_path):
    from llkd.models import sources

    store, _, _ = seeded
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"one")
    sources.file_sha256(weights, store.home.root)
    assert faults(store.home.root, deep=True) == []
    state = weights.stat()
    weights.write_bytes(b"two")
    os.utime(weights, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert faults(store.home.root) == []
    assert faults(store.home.root, deep=True) == [("error", "models", str(weights))]


def test_converted_weights_that_are_damaged_are_made_again(seeded):
    store, _, _ = seeded
    folder = store.home.root / "cache" / "models" / "Teacher-0123"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"\x10" + bytes(7) + b"{}")
    (finding,) = maintenance.examine(store.home.root).faults
    assert finding.check == "models" and "made again at the next use" in finding.mending
    assert maintenance.mend(store.home.root).faults == [] and not folder.exists()


def test_a_disk_that_is_nearly_full(seeded, monkeypatch):
    store, _, _ = seeded
    usage = shutil.disk_usage(store.home.root)._replace(free=300 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    (finding,) = maintenance.examine(store.home.root).faults
    assert finding.what == "300 MiB are free on its disk."


@pytest.mark.usefixtures("database")
def test_records_from_the_future_are_a_note(seeded, monkeypatch):
    store, project, _ = seeded
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real() + 7200)
        store.decisions.decide(project.id, [1], "exclude")
    (finding,) = maintenance.examine(store.home.root).findings
    assert finding.severity == "note" and "the clock was set back" in finding.what


@pytest.mark.usefixtures("database")
def test_a_home_of_an_older_version_is_brought_up_to_date(seeded, monkeypatch):
    store, _, _ = seeded
    from llkd.maintenance import databases

    set_version(store.engine, "9999")
    (finding,) = maintenance.examine(store.home.root).faults
    assert "newer version" in finding.means and finding.mending is None
    monkeypatch.setattr(databases, "HEAD", "99999")
    (finding,) = maintenance.examine(store.home.root).faults
    assert finding.mending == "Brings it up to date."


def test_the_document(seeded, capsys):
    store, project, _ = seeded
    _, part = the_part(store, project)
    part.write_bytes(b"")
    assert main(["doctor", "--mend", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["faults"] == 0 and document["projects"] == 1
    assert document["mended"][0]["where"] == str(part.relative_to(store.home.root))
    assert document["quarantine"].startswith(str(store.home.root / "quarantine"))
