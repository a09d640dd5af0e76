"""Texts that are added lie behind those that are there, whole or not at all, also under kills."""

import signal

import numpy as np
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from llkd import jobs
from llkd.datasets import texts_from_lines
from llkd.datasets.adding import add_texts
from llkd.datasets.importing import import_texts
from llkd.errors import NotFound, StoreError, UserError
from llkd.maintenance import examine, mend
from llkd.store import Store, schema
from tests.support.added_texts import MOMENTS, added, added_lines, same_beginning, stopped, whole
from tests.support.seeded_projects import living_job

LINES = ["the first text of all", "a second text, about rain", "a third one, about snow"]
MORE = ["fog comes in from the sea", "hail broke the greenhouse"]


@pytest.fixture
def project(store):
    return import_texts(store, "p", texts_from_lines("\n".join(LINES)), source="lines")


@pytest.mark.usefixtures("database")
def test_rows_ids_and_texts_stay_and_the_new_ones_follow(store, project):
    before = whole(store, project)
    larger = added_lines(store, project, MORE)
    assert (larger.rows, larger.stages) == (5, (3, 5))
    assert same_beginning(before, whole(store, larger))
    assert whole(store, larger)["text"].tolist() == LINES + MORE
    assert whole(store, larger)["row"].tolist() == [0, 1, 2, 3, 4]
    assert store.projects.by_id(project.id) == store.projects.get("p") == larger
    # Whoever began with three texts still sees three.
    assert same_beginning(before, whole(store, project)) and len(whole(store, project)) == 3
    largest = added_lines(store, larger, ["thunder over the hills tonight"])
    assert largest.stages == (3, 5, 6)
    assert [stage.rows for stage in largest.every_stage()] == [6, 5, 3]
    assert [stage.digest for stage in largest.every_stage()] == [
        largest.digest, larger.digest, project.digest,
    ]  # fmt: skip
    assert largest.origin == project.digest and len({*map(str, largest.every_stage())}) == 3
    assert largest.holding(np.array([4])) == store_stage(largest, 1)
    assert largest.holding(np.array([], dtype=np.int64)).rows == 3 == largest.holding(3).rows


def store_stage(project, number):
    return project.stage(number)


def test_the_same_steps_make_the_same_digest_and_other_steps_another(store, project):
    twin = import_texts(store, "q", texts_from_lines("\n".join(LINES)), source="lines")
    assert added_lines(store, project, MORE).digest == added_lines(store, twin, MORE).digest
    at_once = import_texts(store, "r", texts_from_lines("\n".join(LINES + MORE)), source="lines")
    assert at_once.digest != store.projects.get("p").digest
    [event] = [e for e in store.events.all(project.id) if e["kind"] == "add"]
    assert (event["detail"]["first"], event["detail"]["kept"]) == (3, 2)


def test_without_new_texts_nothing_changes(store, project):
    assert added_lines(store, project, LINES) == project
    assert store.home.all_added_texts(project.id) == []


@pytest.mark.usefixtures("database")
def test_a_job_at_work_and_others_that_added_meanwhile_are_in_the_way(store, project):
    with living_job(store, project) as job:
        with pytest.raises(UserError, match=rf"Job {job.id} is working on 'p'.*llkd cancel"):
            added_lines(store, project, MORE)
    assert jobs.live_jobs(store) == []  # its process is gone
    larger = added_lines(store, project, MORE[:1])
    with pytest.raises(UserError, match="was changed meanwhile: others added texts"):
        added_lines(store, project, MORE[1:])
    assert store.projects.get("p") == larger
    assert len(store.home.all_added_texts(project.id)) == 1


@pytest.mark.usefixtures("database")
def test_the_search_for_near_duplicates_of_the_import_is_in_nobodys_way(store, project):
    with living_job(store, project, "near-duplicates"):
        larger = added_lines(store, project, MORE)
        assert larger.rows == project.rows + 2
        # What it finds is of the import, and takes nothing from what was added meanwhile.
        store.projects.add_to_report(
            project.id, {"near_duplicates": {"texts": 0}}, without="none", warnings=()
        )
    now = store.projects.get("p")
    assert (now.rows, now.digest, now.additions) == (larger.rows, larger.digest, larger.additions)
    assert now.report["near_duplicates"] == {"texts": 0}


def full(*_args, **_kwargs):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "where", ["store.texts.project_texts.write_texts", "store.home.os.replace"]
)
def test_a_full_disk_leaves_everything_as_it_was(store, project, monkeypatch, where):
    with monkeypatch.context() as patch:
        patch.setattr(f"llkd.{where}", full)
        with pytest.raises(StoreError, match="No space left on device"):
            added_lines(store, project, MORE)
    assert store.projects.get("p") == project and store.home.all_added_texts(project.id) == []
    assert added_lines(store, project, MORE).rows == 5


@pytest.mark.usefixtures("database")
def test_a_refused_commit_leaves_everything_as_it_was(store, project):
    def refuse(_connection):
        raise sa.exc.OperationalError("COMMIT", {}, Exception("database or disk is full"))

    sa.event.listen(store.engine, "commit", refuse)
    with pytest.raises(StoreError, match=r"The texts cannot be stored.*Nothing was changed"):
        added_lines(store, project, MORE)
    sa.event.remove(store.engine, "commit", refuse)
    assert store.projects.get("p") == project and store.home.all_added_texts(project.id) == []
    assert [event["kind"] for event in store.events.all(project.id)] == ["import"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_leaves_all_of_it_or_nothing(home, store, project, moment):
    before = whole(store, project)
    process = stopped(home, "p", moment, "\n".join(MORE))
    process.send_signal(signal.SIGKILL)
    process.wait()
    now = store.projects.get("p")
    assert now.rows == (5 if moment == "committed" else 3)
    assert same_beginning(before, whole(store, now)) and len(whole(store, now)) == now.rows
    again = added_lines(store, now, MORE)  # what is there already is not added twice
    assert again.rows == 5 and whole(store, again)["text"].tolist() == LINES + MORE
    assert same_beginning(before, whole(store, again))
    assert store.home.all_added_texts(project.id) == store.projects.text_files(again)[1:]
    assert [f for f in examine(store.home).findings if f.severity == "error"] == []


def test_two_that_add_at_once_wait_for_one_another(home, store, project):
    process = stopped(home, "p", "recorded", "\n".join(MORE))
    with pytest.raises(UserError, match="being added to this project by another process"):
        with_short_wait(store, project)
    process.kill()
    process.wait()
    assert added_lines(store, project, ["wind"]).rows == 4


def with_short_wait(store, project):
    from llkd.store.texts import project_texts

    seconds = project_texts.WAIT_SECONDS
    project_texts.WAIT_SECONDS = 0.1
    try:
        return added_lines(store, project, ["wind"])
    finally:
        project_texts.WAIT_SECONDS = seconds


def test_a_damaged_or_missing_part_says_so_and_the_doctor_names_it(store, project):
    larger = added_lines(store, project, MORE)
    file = store.projects.text_files(larger)[1]
    stored = file.read_bytes()
    other = pq.read_table(file).to_pandas().assign(text=["x", "y"])
    other.to_parquet(file)
    assert any("are not those imported" in f.what for f in examine(store.home).findings)
    file.write_bytes(stored[:100])
    with pytest.raises(StoreError, match="is damaged"):
        whole(store, larger)
    file.unlink()
    with pytest.raises(NotFound, match="are missing"):
        whole(store, larger)
    with pytest.raises(NotFound, match="are missing"):
        store.projects.require_texts(project.id)
    assert any("missing" in f.what for f in examine(store.home).findings)
    assert len(whole(store, larger.stage(0))) == 3  # what was there before can still be read


def test_a_record_that_does_not_lead_to_the_texts_is_named_as_damaged(store, project):
    added_lines(store, project, MORE)
    with store.engine.begin() as connection:
        connection.execute(sa.update(schema.projects).values(rows=4))
    with pytest.raises(StoreError, match="do not lead to the texts that the record counts"):
        store.projects.get("p")


def test_texts_that_an_older_database_does_not_know_are_set_aside(home, store, project):
    store.close()
    older = (home / "llkd.db").read_bytes()
    store = Store(home)
    later = added_lines(store, store.projects.get("p"), MORE)
    store.close()
    for file in home.glob("llkd.db*"):
        file.unlink()
    (home / "llkd.db").write_bytes(older)
    store = Store(home)
    [leftover] = [f for f in examine(store.home).findings if "not named" in f.what]
    assert leftover.mend is not None
    again = added_lines(store, store.projects.get("p"), ["wind from the east"])
    assert whole(store, again)["text"].tolist() == [*LINES, "wind from the east"]
    [aside] = home.glob("quarantine/*")
    assert list(aside.rglob("*.parquet"))[0].name == store.projects.text_files(later)[1].name
    store.close()


def test_the_doctor_sets_texts_aside_that_no_record_names(home, store, project):
    process = stopped(home, "p", "in place", "\n".join(MORE))
    process.kill()
    process.wait()
    assert len(store.home.all_added_texts(project.id)) == 1
    mend(store.home)
    assert store.home.all_added_texts(project.id) == []
    assert len(whole(store, store.projects.get("p"))) == 3


def test_gold_of_added_texts_counts_for_their_class(store, project):
    texts = ["rain in the north", "rain in the south", "sun in the west"]
    larger = added(store, project, texts, gold=["wet", "wet", "dry"])
    assert larger.label_set.names == ["wet", "dry"]
    assert {key: c.gold for key, c in store.classes.carried(project.id).items()} == {
        "wet": 2, "dry": 1,
    }  # fmt: skip


def test_a_project_that_got_classes_meanwhile_is_read_anew(store, project):
    from llkd.config import LabelSet
    from llkd.datasets.adding import prepare_addition, store_addition
    from tests.support.added_texts import text_set

    prepared = prepare_addition(
        store, project, text_set(["rain in the north", "sun in the west"], ["wet", "dry"])
    )
    store.projects.set_label_set(project.id, LabelSet.of(["a", "b"]))
    with pytest.raises(UserError, match="set its classes"):
        store_addition(store, prepared, "more")
    assert store.projects.get("p").rows == 3
    again = add_texts(
        store, store.projects.get("p"), text_set(["sun in the west"], ["dry"]), source="more"
    )
    assert again.label_set.names == ["a", "b"] and whole(store, again)["gold"].isna().all()
