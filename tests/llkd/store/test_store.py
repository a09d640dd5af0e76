"""The home: what is written is there whole, what is damaged is set aside, nothing is lost."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from llkd.config import SelectionConfig, TrainingConfig
from llkd.config.selection_rule import read_rule
from llkd.errors import ConfigError, NotFound, StoreError, UserError
from llkd.store import Store
from llkd.store.files.probabilities import read_probabilities, write_probabilities
from llkd.store.home import atomic_file, atomic_folder
from llkd.store.projects import checked_name
from llkd.store.run_summary import RunSummary
from tests.support.old_tables import set_version
from tests.support.store_records import a_labelling, a_project, scores, texts


@pytest.fixture
def store(home, database):
    opened = Store()
    yield opened
    opened.close()


class TestProjects:
    def test_round_trip(self, store):
        made = a_project(store)
        read = Store(store.home.root).projects.get("p")
        assert read == made
        assert read.label_set.names == ["a", "b"]
        frame = store.projects.texts(made.id)
        assert frame["text"].tolist() == texts()["text"].tolist()
        assert frame["row"].tolist() == [0, 1, 2, 3]
        assert frame["gold"].isna().tolist() == [False, True, False, True]

    def test_a_name_in_use_is_refused_and_nothing_changes(self, store):
        before = a_project(store)
        with pytest.raises(UserError, match="There is a project 'p' already"):
            store.projects.create("p", texts(2), source="g", report={})
        assert store.projects.get("p") == before
        assert len(store.projects.texts(before.id)) == 4

    def test_an_unknown_project_names_those_there_are(self, store):
        a_project(store, "reviews")
        with pytest.raises(NotFound, match="There is no project 'nope'. Projects here: reviews"):
            store.projects.get("nope")

    def test_a_failed_write_leaves_no_project(self, store, monkeypatch):
        def full(*_args, **_kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("llkd.store.files.text_files.pq.ParquetWriter", full)
        with pytest.raises(StoreError, match="No space left on device"):
            a_project(store)
        assert store.projects.all() == []

    @pytest.mark.parametrize("name", ["", "  ", "…", "a" * 101, "a\nb", "\x00"])
    def test_names_nobody_can_type_are_refused(self, name):
        with pytest.raises(UserError, match="A project name has 1 to 100 printable characters"):
            checked_name(name)

    @pytest.mark.parametrize("name", ["../../etc/passwd", "/abs", "a/b", "日本語", "it's 50 %"])
    def test_a_name_never_leaves_the_home(self, store, name):
        project = a_project(store, name)
        assert store.projects.get(name).name == name
        file = store.home.project(project.id) / "texts.parquet"
        assert file.exists()
        assert store.home.root in file.resolve().parents

    def test_a_name_is_found_however_its_accents_are_typed(self, store):
        made = a_project(store, "caf\u00e9")
        assert store.projects.get("cafe\u0301").id == made.id

    def test_a_number_is_never_given_twice(self, store):
        first = a_project(store, "one")
        job = store.jobs.create("t", "t", None, first.id)
        folder = store.home.job(job.id)
        folder.mkdir(parents=True)
        store.projects.delete(first.id)
        assert not folder.exists()
        second = a_project(store, "two")
        assert second.id > first.id
        assert store.jobs.create("t", "t", None, second.id).id > job.id

    def test_deleting_takes_everything_of_it_and_only_that(self, store):
        one, two = a_project(store, "one"), a_project(store, "two")
        labeling_run = a_labelling(store, one)
        store.labeling_runs.append(labeling_run, scores([0, 1]))
        store.decisions.decide(one.id, [0], "exclude")
        store.runs.create(one.id, labeling_run.id, TrainingConfig(), {})
        store.projects.delete(one.id)
        assert [p.name for p in store.projects.all()] == ["two"]
        assert not store.home.project(one.id).exists()
        assert len(store.projects.texts(two.id)) == 4


class TestScores:
    def test_parts_are_read_as_one_in_row_order_each_row_once(self, store):
        labeling_run = a_labelling(store, a_project(store))
        store.labeling_runs.append(labeling_run, scores([3, 1], 0.5))
        store.labeling_runs.append(labeling_run, scores([0, 1], 9.0))
        read = store.labeling_runs.scores(labeling_run)
        assert read.row.tolist() == [0, 1, 3]
        assert read.scores[1].tolist() == [0.5, 1.0], "the first answer stands"
        assert store.labeling_runs.done(labeling_run).tolist() == [0, 1, 3]

    def test_an_answer_that_could_not_be_used_is_replaced_by_a_later_one(self, store):
        labeling_run = a_labelling(store, a_project(store))
        missing = scores([0, 1, 2], float("nan"))
        store.labeling_runs.append(labeling_run, missing)
        assert store.labeling_runs.unusable(labeling_run).tolist() == [0, 1, 2]
        store.labeling_runs.append(labeling_run, scores([1], 0.5))
        named = replace(
            missing, answer=np.array([-1, -1, 1]), raw=np.array(["x", "y", "z"], object)
        )
        store.labeling_runs.append(labeling_run, named)
        for _ in range(2):
            read = store.labeling_runs.scores(labeling_run)
            assert read.row.tolist() == [0, 1, 2]
            assert read.raw[0] == "x", "of two that cannot be used the later"
            assert read.scores[1].tolist() == [0.5, 0.0], "one that can be used stands"
            assert read.answer.tolist() == [-1, -1, 1], "a class without scores can be used"
            assert store.labeling_runs.unusable(labeling_run).tolist() == [0]
            store.labeling_runs.compact(labeling_run)

    def test_compacting_changes_nothing_that_is_read(self, store):
        labeling_run = a_labelling(store, a_project(store))
        for rows in ([3], [1], [0, 2]):
            store.labeling_runs.append(labeling_run, scores(rows))
        before = store.labeling_runs.scores(labeling_run)
        store.labeling_runs.compact(labeling_run)
        after = store.labeling_runs.scores(labeling_run)
        for name in ("row", "scores", "answer", "source"):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
        folder = store.home.labeling_run(labeling_run.project_id, labeling_run.id)
        assert len(list(folder.glob("part-*.parquet"))) == 1

    def test_a_reader_misses_nothing_while_parts_are_merged(self, store):
        labeling_run = a_labelling(store, a_project(store))
        for row in range(20):
            store.labeling_runs.append(labeling_run, scores([row]))
        least, over = [], threading.Event()

        def read():
            own = Store(store.home.root)
            while not over.is_set():
                least.append(len(own.labeling_runs.done(labeling_run)))
            own.close()

        reader = threading.Thread(target=read)
        reader.start()
        for row in range(20, 60):
            store.labeling_runs.append(labeling_run, scores([row]))
            store.labeling_runs.compact(labeling_run)
        over.set()
        reader.join()
        assert len(least) > 5
        assert min(least) >= 20

    def test_the_same_teacher_goes_on_with_the_same_pass(self, store):
        project = a_project(store)
        assert a_labelling(store, project).id == a_labelling(store, project).id
        assert a_labelling(store, project, "other").id != a_labelling(store, project).id

    def test_a_damaged_part_is_set_aside_and_its_rows_are_asked_again(self, store):
        labeling_run = a_labelling(store, a_project(store))
        store.labeling_runs.append(labeling_run, scores([0, 1]))
        folder = store.home.labeling_run(labeling_run.project_id, labeling_run.id)
        good = next(folder.glob("part-*.parquet"))
        (folder / "part-99999999999999999999-x.parquet").write_bytes(good.read_bytes()[:100])
        assert store.labeling_runs.scores(labeling_run).row.tolist() == [0, 1]
        assert len(list(folder.glob("*.damaged"))) == 1

    def test_the_version_moves_with_every_part(self, store):
        labeling_run = a_labelling(store, a_project(store))
        seen = {store.labeling_runs.version(labeling_run)}
        for rows in ([0], [1]):
            store.labeling_runs.append(labeling_run, scores(rows))
            seen.add(store.labeling_runs.version(labeling_run))
        assert len(seen) == 3


class TestPeople:
    def test_what_is_sent_twice_is_done_once_also_after_an_undo(self, store):
        project = a_project(store)
        for _ in range(2):
            assert store.decisions.decide(project.id, [1], "label", "a", batch="f" * 32) == "f" * 32
        assert len(store.decisions.edits(project.id)) == 1
        store.decisions.undo(project.id, "f" * 32)
        store.decisions.decide(project.id, [1], "label", "a", batch="f" * 32)
        assert store.decisions.edits(project.id) == []
        for bad in ("", "f" * 33):
            with pytest.raises(ConfigError, match="1 to 32"):
                store.decisions.decide(project.id, [1], "flag", batch=bad)

    def test_each_finds_what_was_theirs_newest_first(self, store):
        project = a_project(store)
        decisions = store.decisions
        decisions.decide(project.id, [1, 2], "flag", who="Ana", batch="aa1")
        decisions.decide(project.id, [1], "label", "a", who="Ana", batch="aa2")
        decisions.decide(project.id, [3], "label", "b", who="Bo", batch="aa3")
        decisions.decide(project.id, [3], "exclude", who="Ana", batch="b_4")
        decisions.decide(project.id, [2], "exclude", who="Ana", batch="bx5")
        ana = decisions.batches(project.id, "Ana", most=9)
        assert [(b.id, b.action, b.label, b.rows) for b in ana] == [
            ("bx5", "exclude", None, (2,)),
            ("b_4", "exclude", None, (3,)),
            ("aa2", "label", "a", (1,)),
            ("aa1", "flag", None, (1, 2)),
        ]
        assert [b.id for b in decisions.batches(project.id, "Ana", "aa", 9)] == ["aa2", "aa1"]
        assert [b.id for b in decisions.batches(project.id, "Ana", "b_", 9)] == ["b_4"]
        decisions.undo(project.id, "bx5")
        assert [b.id for b in decisions.batches(project.id, "Ana")] == ["b_4"]
        assert decisions.batches(project.id, "Cy") == []
        held = decisions.current(project.id, rows=[1, 99])
        assert held.index.tolist() == [1] and held.loc[1, "human_label"] == "a"

    def test_the_latest_decision_holds_and_undo_brings_back_the_one_before(self, store):
        project = a_project(store)
        store.decisions.decide(project.id, [0, 1], "label", "a")
        store.decisions.decide(project.id, [1], "label", "b", who="ann")
        store.decisions.decide(project.id, [2], "exclude")
        now = store.decisions.current(project.id)
        assert now["human_label"].fillna("-").to_dict() == {0: "a", 1: "b", 2: "-"}
        assert now["excluded"].to_dict() == {0: False, 1: False, 2: True}
        assert now.loc[1, "who"] == "ann"
        assert store.decisions.undo(project.id) == 1
        assert store.decisions.undo(project.id) == 1
        assert store.decisions.current(project.id)["human_label"].to_dict() == {0: "a", 1: "a"}
        assert store.decisions.undo(project.id) == 2
        assert store.decisions.undo(project.id) == 0
        assert store.decisions.current(project.id).empty

    def test_every_change_moves_the_version(self, store):
        project = a_project(store)
        seen = [store.decisions.version(project.id)]
        store.decisions.decide(project.id, [0], "exclude")
        seen.append(store.decisions.version(project.id))
        store.decisions.undo(project.id)
        seen.append(store.decisions.version(project.id))
        assert len(set(seen)) == 3

    def test_a_flag_is_set_taken_away_and_changes_no_label(self, store):
        project = a_project(store)
        store.decisions.decide(project.id, [0], "label", "a")
        store.decisions.decide(project.id, [0, 2], "flag")
        store.decisions.decide(project.id, [2], "unflag")
        now = store.decisions.current(project.id)
        assert now["flagged"].to_dict() == {0: True, 2: False}
        assert now.loc[0, "human_label"] == "a"
        assert not now["excluded"].any()
        store.decisions.undo(project.id)
        assert store.decisions.current(project.id)["flagged"].to_dict() == {0: True, 2: True}

    def test_an_unknown_action_is_refused(self, store):
        with pytest.raises(ConfigError, match="An action is one of"):
            store.decisions.decide(a_project(store).id, [0], "burn")

    def test_saved_selections(self, store):
        project = a_project(store)
        store.selections.save(
            project.id, "best", read_rule({"teacher_threshold": 0.5}), {"kept": 2}
        )
        with pytest.raises(UserError, match="There is a selection 'best' already"):
            store.selections.save(project.id, "best", read_rule({}), {})
        assert store.selections.get(project.id, "best").counts == {"kept": 2}
        store.selections.delete(project.id, "best")
        with pytest.raises(NotFound, match="no saved selection 'best'"):
            store.selections.get(project.id, "best")

    def test_writers_at_the_same_time_lose_nothing(self, store):
        project = a_project(store)

        def write(start):
            own = Store(store.home.root)
            for row in range(start, start + 25):
                own.decisions.decide(project.id, [row], "label", "a")
            own.close()

        threads = [threading.Thread(target=write, args=(k * 25,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(store.decisions.current(project.id).index) == list(range(100))


class TestRuns:
    def test_settings_and_summary_come_back(self, store):
        project = a_project(store)
        config = TrainingConfig(selection=SelectionConfig(strategy="all"), seed=7)
        labeling_run = a_labelling(store, project)
        run = store.runs.create(project.id, labeling_run.id, config, {"calibration": "batch"})
        store.runs.finish(run.id, RunSummary(accuracy=0.5))
        read = store.runs.get(run.id, project.id)
        assert read.config == config
        assert read.summary == RunSummary(accuracy=0.5)
        kept = json.loads((run.folder / "config.json").read_text())
        assert kept["training"]["seed"] == 7

    def test_an_unknown_run_names_those_there_are(self, store):
        project = a_project(store)
        run = store.runs.create(project.id, a_labelling(store, project).id, TrainingConfig(), {})
        with pytest.raises(NotFound, match=rf"no run 99 in this project. Its runs: {run.id}"):
            store.runs.get(99, project.id)

    def test_probabilities_round_trip(self, tmp_path):
        values = np.random.default_rng(0).dirichlet([1, 1, 1], 5)
        write_probabilities(tmp_path / "p.parquet", np.arange(5), values)
        rows, read = read_probabilities(tmp_path / "p.parquet")
        assert rows.tolist() == [0, 1, 2, 3, 4]
        np.testing.assert_allclose(read, values, atol=1e-6)
        np.testing.assert_allclose(read.sum(axis=1), 1.0)


class TestHome:
    def test_an_atomic_file_is_the_old_one_until_it_is_whole(self, tmp_path):
        path = tmp_path / "f"
        path.write_text("old")
        with pytest.raises(RuntimeError), atomic_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError
        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == ["f"]

    def test_an_atomic_folder_replaces_the_old_one(self, tmp_path):
        for content in ("one", "two"):
            with atomic_folder(tmp_path / "d") as temporary:
                (temporary / "f").write_text(content)
        assert (tmp_path / "d" / "f").read_text() == "two"
        assert os.listdir(tmp_path) == ["d"]

    def test_a_home_that_is_a_file_is_said_plainly(self, tmp_path):
        (tmp_path / "h").write_text("")
        with pytest.raises(StoreError, match="cannot be written .* Choose another with --home"):
            Store(tmp_path / "h")

    def test_a_damaged_database_is_said_plainly(self, home):
        home.mkdir()
        (home / "llkd.db").write_bytes(b"this is no database" * 100)
        with pytest.raises(StoreError, match="cannot be opened"):
            Store()

    def test_another_database_is_honoured(self, home, tmp_path, monkeypatch):
        monkeypatch.setenv("LLKD_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
        opened = Store()
        a_project(opened)
        assert [p.name for p in Store().projects.all()] == ["p"]
        assert (tmp_path / "elsewhere.db").exists()
        assert not (home / "llkd.db").exists()

    @pytest.mark.parametrize("url", ["nonsense", "postgresql://me:secret@127.0.0.1:1/x"])
    def test_a_database_that_is_not_there_is_said_without_its_password(self, monkeypatch, url):
        monkeypatch.setenv("LLKD_DATABASE_URL", url)
        with pytest.raises(StoreError, match="cannot be opened") as caught:
            Store()
        assert "secret" not in str(caught.value)

    def test_a_newer_home_is_refused(self, store):
        set_version(store.engine, "9999")
        with pytest.raises(StoreError, match="made by a newer version"):
            Store(store.home.root)

    def test_sqlite_is_in_wal_mode(self, home):
        store = Store()
        store.close()
        with sqlite3.connect(store.home.database) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_processes_that_open_a_new_home_together_all_succeed(self, home):
        code = "from llkd.store import Store; Store().projects.all()"
        started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
        assert [process.wait(60) for process in started] == [0, 0, 0, 0]
