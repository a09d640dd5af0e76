"""The home: what is written is there whole, what is damaged is set aside, nothing is lost."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from llkd.config import LabelSet, SelectionConfig, TeacherConfig, TrainingConfig
from llkd.errors import ConfigError, NotFound, StoreError, UserError
from llkd.store import Scores, Store, schema
from llkd.store.home import atomic_file, atomic_folder
from llkd.store.projects import checked_name
from llkd.store.runs import read_probabilities, write_probabilities


@pytest.fixture
def store(home, database):
    opened = Store()
    yield opened
    opened.close()


def texts(n=4):
    return pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(n)],
            "text": [f"text {i} ünï\u2028code" for i in range(n)],
            "gold": ["a", None, "b", None][:n] + [None] * max(0, n - 4),
            "split": ["eval", "pool", "pool", "pool"][:n] + ["pool"] * max(0, n - 4),
        }
    )


def a_project(store, name="p", n=4):
    return store.projects.create(
        name, texts(n), source="f.csv", report={"rows": n}, label_set=LabelSet.of(["a", "b"])
    )


def a_labelling(store, project, fingerprint="x"):
    return store.labellings.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(),
        fingerprint=fingerprint,
        teacher={"model": "m"},
        calibration="batch",
    )


def scores(rows, value=0.0):
    m = len(rows)
    return Scores(
        np.array(rows),
        np.column_stack([np.full(m, value), np.arange(m, dtype=float)]),
        np.full(m, -1),
        np.array(["logprob"] * m, dtype=object),
        np.array([None] * m, dtype=object),
    )


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

        monkeypatch.setattr("llkd.store.text_files.pq.ParquetWriter", full)
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
        job = store.jobs.create("t", "t", [], first.id)
        folder = store.home.job(job.id)
        folder.mkdir(parents=True)
        store.projects.delete(first.id)
        assert not folder.exists()
        second = a_project(store, "two")
        assert second.id > first.id
        assert store.jobs.create("t", "t", [], second.id).id > job.id

    def test_deleting_takes_everything_of_it_and_only_that(self, store):
        one, two = a_project(store, "one"), a_project(store, "two")
        labelling = a_labelling(store, one)
        store.labellings.append(labelling, scores([0, 1]))
        store.people.decide(one.id, [0], "exclude")
        store.runs.create(one.id, labelling.id, TrainingConfig(), {})
        store.projects.delete(one.id)
        assert [p.name for p in store.projects.all()] == ["two"]
        assert not store.home.project(one.id).exists()
        assert len(store.projects.texts(two.id)) == 4


class TestScores:
    def test_parts_are_read_as_one_in_row_order_each_row_once(self, store):
        labelling = a_labelling(store, a_project(store))
        store.labellings.append(labelling, scores([3, 1], 0.5))
        store.labellings.append(labelling, scores([0, 1], 9.0))
        read = store.labellings.scores(labelling)
        assert read.row.tolist() == [0, 1, 3]
        assert read.scores[1].tolist() == [0.5, 1.0], "the first answer stands"
        assert store.labellings.done(labelling).tolist() == [0, 1, 3]

    def test_an_answer_that_could_not_be_used_is_replaced_by_a_later_one(self, store):
        labelling = a_labelling(store, a_project(store))
        missing = scores([0, 1, 2], float("nan"))
        store.labellings.append(labelling, missing)
        assert store.labellings.unusable(labelling).tolist() == [0, 1, 2]
        store.labellings.append(labelling, scores([1], 0.5))
        named = replace(
            missing, answer=np.array([-1, -1, 1]), raw=np.array(["x", "y", "z"], object)
        )
        store.labellings.append(labelling, named)
        for _ in range(2):
            read = store.labellings.scores(labelling)
            assert read.row.tolist() == [0, 1, 2]
            assert read.raw[0] == "x", "of two that cannot be used the later"
            assert read.scores[1].tolist() == [0.5, 0.0], "one that can be used stands"
            assert read.answer.tolist() == [-1, -1, 1], "a class without scores can be used"
            assert store.labellings.unusable(labelling).tolist() == [0]
            store.labellings.compact(labelling)

    def test_compacting_changes_nothing_that_is_read(self, store):
        labelling = a_labelling(store, a_project(store))
        for rows in ([3], [1], [0, 2]):
            store.labellings.append(labelling, scores(rows))
        before = store.labellings.scores(labelling)
        store.labellings.compact(labelling)
        after = store.labellings.scores(labelling)
        for name in ("row", "scores", "answer", "source"):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
        folder = store.home.labelling(labelling.project_id, labelling.id)
        assert len(list(folder.glob("part-*.parquet"))) == 1

    def test_a_reader_misses_nothing_while_parts_are_merged(self, store):
        labelling = a_labelling(store, a_project(store))
        for row in range(20):
            store.labellings.append(labelling, scores([row]))
        least, over = [], threading.Event()

        def read():
            own = Store(store.home.root)
            while not over.is_set():
                least.append(len(own.labellings.done(labelling)))
            own.close()

        reader = threading.Thread(target=read)
        reader.start()
        for row in range(20, 60):
            store.labellings.append(labelling, scores([row]))
            store.labellings.compact(labelling)
        over.set()
        reader.join()
        assert len(least) > 5
        assert min(least) >= 20

    def test_the_same_teacher_goes_on_with_the_same_pass(self, store):
        project = a_project(store)
        assert a_labelling(store, project).id == a_labelling(store, project).id
        assert a_labelling(store, project, "other").id != a_labelling(store, project).id

    def test_a_damaged_part_is_set_aside_and_its_rows_are_asked_again(self, store):
        labelling = a_labelling(store, a_project(store))
        store.labellings.append(labelling, scores([0, 1]))
        folder = store.home.labelling(labelling.project_id, labelling.id)
        good = next(folder.glob("part-*.parquet"))
        (folder / "part-99999999999999999999-x.parquet").write_bytes(good.read_bytes()[:100])
        assert store.labellings.scores(labelling).row.tolist() == [0, 1]
        assert len(list(folder.glob("*.damaged"))) == 1

    def test_the_version_moves_with_every_part(self, store):
        labelling = a_labelling(store, a_project(store))
        seen = {store.labellings.version(labelling)}
        for rows in ([0], [1]):
            store.labellings.append(labelling, scores(rows))
            seen.add(store.labellings.version(labelling))
        assert len(seen) == 3


class TestPeople:
    def test_what_is_sent_twice_is_done_once_also_after_an_undo(self, store):
        project = a_project(store)
        for _ in range(2):
            assert store.people.decide(project.id, [1], "label", "a", batch="f" * 32) == "f" * 32
        assert len(store.people.edits(project.id)) == 1
        store.people.undo(project.id, "f" * 32)
        store.people.decide(project.id, [1], "label", "a", batch="f" * 32)
        assert store.people.edits(project.id) == []
        for bad in ("", "f" * 33):
            with pytest.raises(ConfigError, match="1 to 32"):
                store.people.decide(project.id, [1], "flag", batch=bad)

    def test_each_finds_what_was_theirs_newest_first(self, store):
        project = a_project(store)
        people = store.people
        people.decide(project.id, [1, 2], "flag", who="Ana", batch="aa1")
        people.decide(project.id, [1], "label", "a", who="Ana", batch="aa2")
        people.decide(project.id, [3], "label", "b", who="Bo", batch="aa3")
        people.decide(project.id, [3], "exclude", who="Ana", batch="b_4")
        people.decide(project.id, [2], "exclude", who="Ana", batch="bx5")
        ana = people.batches(project.id, "Ana", most=9)
        assert [(b.id, b.action, b.label, b.rows) for b in ana] == [
            ("bx5", "exclude", None, (2,)),
            ("b_4", "exclude", None, (3,)),
            ("aa2", "label", "a", (1,)),
            ("aa1", "flag", None, (1, 2)),
        ]
        assert [b.id for b in people.batches(project.id, "Ana", "aa", 9)] == ["aa2", "aa1"]
        assert [b.id for b in people.batches(project.id, "Ana", "b_", 9)] == ["b_4"]
        people.undo(project.id, "bx5")
        assert [b.id for b in people.batches(project.id, "Ana")] == ["b_4"]
        assert people.batches(project.id, "Cy") == []
        held = people.decisions(project.id, rows=[1, 99])
        assert held.index.tolist() == [1] and held.loc[1, "human_label"] == "a"

    def test_the_latest_decision_holds_and_undo_brings_back_the_one_before(self, store):
        project = a_project(store)
        store.people.decide(project.id, [0, 1], "label", "a")
        store.people.decide(project.id, [1], "label", "b", who="ann")
        store.people.decide(project.id, [2], "exclude")
        now = store.people.decisions(project.id)
        assert now["human_label"].fillna("-").to_dict() == {0: "a", 1: "b", 2: "-"}
        assert now["excluded"].to_dict() == {0: False, 1: False, 2: True}
        assert now.loc[1, "who"] == "ann"
        assert store.people.undo(project.id) == 1
        assert store.people.undo(project.id) == 1
        assert store.people.decisions(project.id)["human_label"].to_dict() == {0: "a", 1: "a"}
        assert store.people.undo(project.id) == 2
        assert store.people.undo(project.id) == 0
        assert store.people.decisions(project.id).empty

    def test_every_change_moves_the_version(self, store):
        project = a_project(store)
        seen = [store.people.version(project.id)]
        store.people.decide(project.id, [0], "exclude")
        seen.append(store.people.version(project.id))
        store.people.undo(project.id)
        seen.append(store.people.version(project.id))
        assert len(set(seen)) == 3

    def test_a_flag_is_set_taken_away_and_changes_no_label(self, store):
        project = a_project(store)
        store.people.decide(project.id, [0], "label", "a")
        store.people.decide(project.id, [0, 2], "flag")
        store.people.decide(project.id, [2], "unflag")
        now = store.people.decisions(project.id)
        assert now["flagged"].to_dict() == {0: True, 2: False}
        assert now.loc[0, "human_label"] == "a"
        assert not now["excluded"].any()
        store.people.undo(project.id)
        assert store.people.decisions(project.id)["flagged"].to_dict() == {0: True, 2: True}

    def test_an_unknown_action_is_refused(self, store):
        with pytest.raises(ConfigError, match="An action is one of"):
            store.people.decide(a_project(store).id, [0], "burn")

    def test_saved_selections(self, store):
        project = a_project(store)
        store.people.save_selection(project.id, "best", {"teacher_threshold": 0.5}, {"kept": 2})
        with pytest.raises(UserError, match="There is a selection 'best' already"):
            store.people.save_selection(project.id, "best", {}, {})
        assert store.people.selection(project.id, "best")["counts"] == {"kept": 2}
        store.people.delete_selection(project.id, "best")
        with pytest.raises(NotFound, match="no saved selection 'best'"):
            store.people.selection(project.id, "best")

    def test_writers_at_the_same_time_lose_nothing(self, store):
        project = a_project(store)

        def write(start):
            own = Store(store.home.root)
            for row in range(start, start + 25):
                own.people.decide(project.id, [row], "label", "a")
            own.close()

        threads = [threading.Thread(target=write, args=(k * 25,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(store.people.decisions(project.id).index) == list(range(100))


class TestRuns:
    def test_settings_and_summary_come_back(self, store):
        project = a_project(store)
        config = TrainingConfig(selection=SelectionConfig(strategy="all"), seed=7)
        labelling = a_labelling(store, project)
        run = store.runs.create(project.id, labelling.id, config, {"calibration": "batch"})
        store.runs.finish(run.id, {"accuracy": 0.5})
        read = store.runs.get(run.id, project.id)
        assert read.config == config
        assert read.summary == {"accuracy": 0.5}
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
        with store.engine.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StoreError, match="made by a newer version"):
            Store(store.home.root)

    def test_sqlite_is_in_wal_mode(self, home):
        store = Store()
        store.close()
        with sqlite3.connect(store.home.database) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_the_migrations_make_exactly_the_schema(self, store):
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        from llkd.store.schema import metadata

        with store.engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []

    def test_processes_that_open_a_new_home_together_all_succeed(self, home):
        code = "from llkd.store import Store; Store().projects.all()"
        started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
        assert [process.wait(60) for process in started] == [0, 0, 0, 0]


@pytest.mark.usefixtures("database")
def test_passes_whose_settings_are_refused_today_open_and_their_secrets_are_gone(home):
    opened = Store()
    project = a_project(opened)
    labelling = a_labelling(opened, project)
    config = {
        "teacher": "api:m",
        "base_url": "http://me:hidden@host:8000/v1?key=hidden",
        "instruction": "Read {text} well.",
    }
    with opened.engine.begin() as database:  # as the version before left it
        database.execute(sa.update(schema.labellings).values(config=config))
        for column in ("cached", "cut", "fits", "rounds"):
            database.exec_driver_sql(f"ALTER TABLE labellings DROP COLUMN {column}")
        for column in ("title", "note", "pinned"):
            database.exec_driver_sql(f"ALTER TABLE runs DROP COLUMN {column}")
        database.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    opened.close()
    again = Store()
    found = again.labellings.get(labelling.id).config
    with again.engine.connect() as database:
        kept = database.exec_driver_sql("SELECT CAST(config AS TEXT) FROM labellings").scalar()
    again.close()
    assert "hidden" not in kept
    assert found.base_url == "http://host:8000/v1"
    assert found.instruction == "Read the text well."
    assert b"hidden" not in b"".join(one.read_bytes() for one in home.glob("*.db*"))
