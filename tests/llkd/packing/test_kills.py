"""Killed at any moment, packing, unpacking and duplicating leave nothing half."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llkd import maintenance, packing
from llkd.errors import StoreError, UserError
from llkd.jobs.progress import SilentProgress
from llkd.store import Store
from llkd.store.packing import adoption
from tests.support.packed_projects import assert_same, full_project, look, packed, unpacked
from tests.support.seeded_projects import living_job, seeded_project

CHILD = """
import os, sys, time
from importlib import import_module
from llkd import packing
from llkd.jobs.progress import SilentProgress
from llkd.store import Store
home, act, where, number, file = sys.argv[1:]
module, _, name = where.partition(":")
module = import_module(module)
owner, _, name = name.rpartition(".")
owner = getattr(module, owner) if owner else module
real, calls = getattr(owner, name), [0]
def stopped(*arguments, **named):
    calls[0] += 1
    if calls[0] != abs(int(number)):
        return real(*arguments, **named)
    if int(number) < 0:
        real(*arguments, **named)  # and is killed after it
    print("here", flush=True)
    time.sleep(60)
setattr(owner, name, stopped)
store = Store(home)
if act == "unpack":
    packing.unpack(store, file, SilentProgress())
else:
    project = store.projects.get("city")
    if act == "pack":
        packing.pack(store, project, file, SilentProgress())
    else:
        packing.duplicate(store, project, "city 2", SilentProgress())
"""


def killed(home, act, where, number, file):
    """Do it in a process of its own, which is killed at the given call of a function."""
    words = [sys.executable, "-c", CHILD, str(home), act, where, str(number), str(file)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    store, project = full_project(folder / "home")
    packed(store, project, folder / "city.llkd")
    before = look(store, project)
    store.close()
    return folder / "city.llkd", before


UNPACK = [
    ("llkd.packing.unpacker:_check_database", 1),
    ("llkd.packing.unpacker:adopt", 1),
    ("llkd.store.packing.adoption:renumber_folder", 1),
    ("llkd.store.packing.adoption:os.replace", -1),
]


@pytest.mark.parametrize(("where", "number"), UNPACK, ids=[w.partition(":")[2] for w, _ in UNPACK])
def test_a_killed_unpack_leaves_no_project(home, source, where, number):
    file, before = source
    seeded_project(home, n=6, name="other", labelled=False, probed=False)[0].close()
    killed(home, "unpack", where, number, file)
    store = Store(home)
    assert store.projects.names() == ["other"]
    project = unpacked(store, file)
    assert_same(before, look(store, project))
    names = sorted(path.name for path in store.home.projects.iterdir())
    assert names == sorted(str(each.id) for each in store.projects.all()), "what was half is gone"
    assert not (store.home.root / "quarantine").exists()
    assert not [f for f in maintenance.examine(home).faults if f.check in ("orphan", "leftover")]
    store.close()


def test_killed_after_it_was_committed_it_is_there(home, source):
    file, before = source
    Store(home).close()
    killed(home, "unpack", "llkd.store.packing.adoption:Path.unlink", 1, file)
    store = Store(home)
    assert_same(before, look(store, store.projects.get("city")))
    adoption.clear_half_projects(store)
    assert_same(before, look(store, store.projects.get("city")))
    store.close()


@pytest.mark.parametrize(
    ("where", "number"),
    [("llkd.packing.duplicates:copy_database", 1), ("llkd.store.packing.adoption:os.replace", -1)],
    ids=["copying", "placed"],
)
def test_a_killed_duplicate_leaves_the_first_alone(home, tmp_path, where, number):
    store, project = full_project(home)
    before = look(store, project)
    store.close()
    killed(home, "duplicate", where, number, "")
    store = Store(home)
    assert store.projects.names() == ["city"]
    assert_same(before, look(store, project))
    packing.duplicate(store, project, "city 2", SilentProgress())
    assert_same(before, look(store, store.projects.get("city 2")))
    assert len(list(store.home.projects.iterdir())) == 2
    store.close()


@pytest.mark.parametrize("number", [9, 30])
def test_a_killed_pack_leaves_no_file(home, tmp_path, number):
    store, project = full_project(home)
    target = tmp_path / "out" / "city.llkd"
    killed(home, "pack", "llkd.packing.archive:PackWriter.add", number, target)
    assert not target.exists()
    packed(store, project, target)
    assert [path.name for path in target.parent.iterdir()] == ["city.llkd"]
    store.close()


def test_a_full_disk_changes_nothing(home, source, monkeypatch):
    store = Store(home)
    real = Path.open

    def full(path, mode="r", *arguments):
        if "x" in mode and path.suffix == ".safetensors":
            raise OSError(28, "No space left on device")
        return real(path, mode, *arguments)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StoreError, match=r"No space left on device\)\. Nothing was changed\."):
        unpacked(store, source[0])
    assert store.projects.all() == [] and list(store.home.projects.iterdir()) == []
    store.close()


def test_a_project_at_work_is_neither_packed_nor_duplicated(home, tmp_path):
    store, project = seeded_project(home, n=6)
    with living_job(store, project) as job:
        for act in (
            lambda: packed(store, project, tmp_path / "city.llkd"),
            lambda: packing.duplicate(store, project, "city 2", SilentProgress()),
        ):
            with pytest.raises(UserError, match=rf"Job {job.id} .* is working on 'city'"):
                act()
    (tmp_path / "city.llkd").write_text("mine")
    with pytest.raises(UserError, match="is there already. Choose another --out."):
        packed(store, project, tmp_path / "city.llkd")
    assert (tmp_path / "city.llkd").read_text() == "mine"
    store.close()


def test_a_damaged_project_is_not_packed(home, tmp_path):
    store, project = seeded_project(home)
    next(store.labeling_runs.files(store.labeling_runs.all(project.id)[0]).folder.glob("*.parquet")
         ).write_bytes(b"PAR1")  # fmt: skip
    with pytest.raises(StoreError, match="A part of the labels is damaged.*llkd doctor"):
        packed(store, project, tmp_path / "city.llkd")
    assert list(tmp_path.glob("*.llkd")) == []
    store.close()
