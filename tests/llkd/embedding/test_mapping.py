"""The map of a project: every text once, kept whole, and later texts placed while none moves."""

import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from llkd import curation, maintenance, packing, workflows
from llkd.cli import main
from llkd.embedding.mapping import make_map, place_added
from llkd.errors import JobCancelled, StoreError, UserError
from llkd.jobs.progress import SilentProgress
from llkd.jobs.requests import MapRequest
from llkd.store import Store
from llkd.store.derived.embeddings import save_embeddings
from tests.support.added_texts import added
from tests.support.map_points import project_of
from tests.support.seeded_projects import seeded_project
from tests.support.tiny_student import make_encoder, toy_texts


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return make_encoder(tmp_path_factory.mktemp("encoder"))


def mapped(store, project, encoder, **options):
    return make_map(store, project, SilentProgress(), student=encoder, **options)


def now(store, project):
    return store.projects.by_id(project.id)


def test_every_text_stands_on_the_map_once(home, encoder):
    texts, _ = toy_texts(90)
    store, project = project_of(home, texts)
    assert curation.load_map(store, project) is None
    assert "llkd map toy" in curation.map_notice(store, project)
    with pytest.raises(UserError, match="no map yet"):
        curation.needed_map(store, project)
    document = mapped(store, project, encoder)
    assert (document["texts"], document["placed"], document["fresh"]) == (90, 90, True)
    pool_map = curation.load_map(store, project)
    assert pool_map.rows == pool_map.texts == pool_map.fitted == 90 and pool_map.missing == 0
    assert np.isfinite(pool_map.coordinates).all()
    assert np.abs(pool_map.coordinates).max() <= 1
    assert sum(topic.texts for topic in pool_map.topics) == 90
    assert np.bincount(pool_map.topic).tolist() == [topic.texts for topic in pool_map.topics]
    for topic in pool_map.topics:
        assert topic.examples and all(pool_map.topic[row] == topic.number
                                      for row in topic.examples)  # fmt: skip
        here = pool_map.coordinates[pool_map.topic == topic.number]
        assert [topic.x, topic.y] in here.tolist()
    assert curation.map_notice(store, project) is None
    again = mapped(store, project, encoder)
    assert (again["placed"], again["fresh"]) == (0, False)
    mapped(store, project, encoder, again=True)
    np.testing.assert_array_equal(
        curation.load_map(store, project).coordinates, pool_map.coordinates
    )
    mapped(store, project, encoder, again=True, seed=1)
    assert not np.array_equal(curation.load_map(store, project).coordinates, pool_map.coordinates)


@pytest.mark.parametrize(
    "texts",
    [["goal"], ["goal", "bank"], ["goal", "bank", "team", "price", "new"], ["goal"] * 30,
     ["", " ", "\x00"], [f"w{k} goal" for k in range(20)]],
    ids=["1", "2", "5", "identical", "empty", "20"],
)  # fmt: skip
def test_small_and_odd_pools(home, encoder, texts):
    store, project = project_of(home, texts)
    document = mapped(store, project, encoder)
    assert document["texts"] == len(texts)
    pool_map = curation.load_map(store, project)
    assert np.isfinite(pool_map.coordinates).all()
    assert sum(topic.texts for topic in pool_map.topics) == len(texts)
    names = [topic.name for topic in pool_map.topics]
    assert len(set(names)) == len(names) and all(names)
    for wanted in (1, 2, 10, 1000):
        assert curation.load_map(store, project, wanted).topic.shape == (len(texts),)


def test_later_texts_are_placed_and_none_moves(home, encoder):
    texts, truth = toy_texts(120)
    store, project = project_of(home, texts[:80])
    mapped(store, project, encoder)
    before = curation.load_map(store, project)
    larger = added(store, project, texts[80:100])
    half = curation.load_map(store, larger)
    assert (half.rows, half.missing) == (80, 20)
    assert "20 texts that came later stand nowhere" in curation.map_notice(store, larger)
    assert any("80 of 100 texts stand on the map" in line
               for line in curation.coverage(store, larger).sentences())  # fmt: skip
    document = mapped(store, larger, encoder)
    assert (document["placed"], document["fresh"], document["texts"]) == (20, False, 100)
    after = curation.load_map(store, larger)
    np.testing.assert_array_equal(after.coordinates[:80], before.coordinates)
    np.testing.assert_array_equal(after.topic[:80], before.topic)
    assert curation.map_notice(store, larger) is None
    # In two steps each stands where it would stand if all had come at once.
    largest = added(store, larger, texts[100:])
    mapped(store, largest, encoder)
    stepwise = curation.load_map(store, largest).coordinates
    other, whole = project_of(home / "other", texts[:80])
    mapped(other, whole, encoder)
    at_once = added(other, whole, texts[80:])
    mapped(other, at_once, encoder)
    np.testing.assert_allclose(curation.load_map(other, at_once).coordinates, stepwise, atol=1e-5)


def test_of_a_large_pool_a_part_makes_the_map_and_all_stand_on_it(home, encoder):
    texts, _ = toy_texts(120)
    store, project = project_of(home, texts)
    document = mapped(store, project, encoder, most_fitted=50)
    assert (document["texts"], document["fitted"], document["placed"]) == (120, 50, 120)
    pool_map = curation.load_map(store, project)
    assert pool_map.coordinates.shape == (120, 2) and np.isfinite(pool_map.coordinates).all()
    fitted = store.maps.read(project.id).fitted
    assert len(np.unique(fitted)) == 50
    same = [row for row in range(120) if texts[row] in {texts[k] for k in fitted.tolist()}]
    assert len(same) >= 50
    first = pool_map.coordinates
    mapped(store, project, encoder, most_fitted=50, again=True)
    np.testing.assert_array_equal(curation.load_map(store, project).coordinates, first)


def test_a_probe_places_texts_that_came_later(home, encoder):
    store, project = seeded_project(home, n=40, probed=False)
    mapped(store, project, encoder)
    larger = added(store, project, ["goal match", "bank price"])
    assert place_added(store, larger, SilentProgress()) == 0, "they have no embeddings yet"
    workflows.embed_and_probe(store, larger, SilentProgress(), student=encoder)
    assert place_added(store, larger, SilentProgress()) == 2
    assert curation.load_map(store, larger).missing == 0
    assert place_added(store, larger, SilentProgress()) == 0


def test_another_student_makes_another_map(home, encoder, tmp_path):
    texts, _ = toy_texts(40)
    store, project = project_of(home, texts)
    mapped(store, project, encoder)
    other = make_encoder(tmp_path / "other", seed=5)
    document = mapped(store, project, other)
    assert document["fresh"] and document["student"] == other
    assert not make_map(store, project, SilentProgress())["fresh"], "the one that it is of"


def test_a_damaged_map_is_said_and_made_again(home, encoder, capsys):
    texts, _ = toy_texts(40)
    store, project = project_of(home, texts)
    mapped(store, project, encoder)
    path = store.maps.path(project.id)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(StoreError, match="llkd map PROJECT --again"):
        curation.load_map(store, project)
    assert "damaged" in curation.map_notice(store, project)
    report = maintenance.examine(home)
    assert [(one.check, one.severity) for one in report.faults] == [("derived", "error")]
    assert maintenance.mend(home).faults == []
    assert curation.load_map(store, project) is None
    mapped(store, project, encoder)
    path.write_bytes(b"")
    assert mapped(store, project, encoder)["fresh"], "a damaged one is made anew"
    stored = store.maps.read(project.id)
    for wrong in (
        {"coordinates": np.full((40, 2), np.nan)},
        {"group": stored.group + 1000},
        {"coordinates": stored.coordinates[:-1]},
        {"examples": stored.examples + 1000},
    ):
        store.maps.write(project.id, replace(stored, **wrong))
        assert maintenance.examine(home).faults, wrong
        with pytest.raises(StoreError, match="damaged"):
            store.maps.read(project.id)


def test_a_map_of_other_texts_is_not_shown(home, encoder):
    store, project = project_of(home, toy_texts(40)[0])
    mapped(store, project, encoder)
    store.maps.write(project.id, replace(store.maps.read(project.id), texts="0" * 64))
    assert curation.load_map(store, project) is None
    assert "other texts" in curation.map_notice(store, project)
    assert mapped(store, project, encoder)["fresh"]


def test_backup_pack_and_duplicate_take_the_map_along(home, encoder, tmp_path):
    store, project = project_of(home, toy_texts(40)[0])
    mapped(store, project, encoder)
    there = curation.load_map(store, project)
    packing.pack(store, project, tmp_path / "toy.llkd", SilentProgress())
    packing.duplicate(store, project, "toy 2", SilentProgress())
    maintenance.backup(home, tmp_path / "copy")
    other = Store(tmp_path / "elsewhere")
    packing.unpack(other, tmp_path / "toy.llkd", SilentProgress(), name="taken in")
    places = [
        (store, "toy 2"),
        (Store(tmp_path / "copy", own_database=True), "toy"),
        (other, "taken in"),
    ]
    for place, name in places:
        copy = curation.load_map(place, place.projects.get(name))
        np.testing.assert_array_equal(copy.coordinates, there.coordinates)
        assert copy.topics == there.topics


KILLED = """
import sys, time
from llkd.embedding import mapping
from llkd.jobs.progress import SilentProgress
from llkd.store import Store
from llkd.store.derived import maps
home, student, moment = sys.argv[1:]
store = Store(home)
def stopped(*a, **k):
    print("here", flush=True)
    time.sleep(60)
if moment == "laid out":
    mapping.find_groups = stopped
elif moment == "before writing":
    maps.Maps.write = stopped
else:
    import llkd.store.home
    llkd.store.home.os.replace = stopped
mapping.make_map(store, store.projects.get("toy"), SilentProgress(), student=student, again=True, seed=9)
"""


@pytest.mark.parametrize("moment", ["laid out", "before writing", "half written"])
def test_a_killed_map_leaves_the_one_of_before(home, encoder, moment):
    store, project = project_of(home, toy_texts(40)[0])
    mapped(store, project, encoder)
    before = curation.load_map(store, project).coordinates
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(home), encoder, moment],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    np.testing.assert_array_equal(curation.load_map(store, project).coordinates, before)
    assert [one.check for one in maintenance.mend(home).findings] == []
    assert mapped(store, project, encoder, again=True, seed=9)["fresh"]


def test_a_map_that_is_stopped_leaves_the_one_of_before(home, encoder):
    store, project = project_of(home, toy_texts(60)[0])
    mapped(store, project, encoder)
    before = curation.load_map(store, project).coordinates

    class Stopping(SilentProgress):
        def check(self):
            raise JobCancelled("Stopped.")

    with pytest.raises(JobCancelled):
        make_map(store, project, Stopping(), student=encoder, again=True, seed=2)
    np.testing.assert_array_equal(curation.load_map(store, project).coordinates, before)


def test_embeddings_that_somebody_else_made_are_used(home):
    """Of the student in use, without a model."""
    store, project = project_of(home, [f"text {k}" for k in range(30)])
    values = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    save_embeddings(curation.embeddings_path(store, project, "embedded"), values)
    assert make_map(store, project, SilentProgress())["student"] == "embedded"


def test_the_command_maps_and_says_what_came_of_it(home, encoder, capsys):
    store, project = project_of(home, toy_texts(60)[0])
    assert main(["map", "toy", "--student", encoder]) == 0
    out = capsys.readouterr().out
    assert "60 texts mapped" in out and "typical words" in out
    assert main(["map", "toy"]) == 0
    assert "Every text stands on the map already" in capsys.readouterr().out
    assert main(["map", "toy", "--seed", "-1"]) == 2
    assert main(["map", "nowhere"]) == 2
    requests = [job.request for job in store.jobs.all(project.id)]
    assert MapRequest(project="toy", student=encoder).model_dump(mode="json") in requests
