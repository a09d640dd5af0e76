"""From SQLite to PostgreSQL and back by packing: every record of the project byte for byte."""

import json
import zipfile

import pytest

from llkd.store import Store
from tests.support.packed_projects import full_project, packed, unpacked

HOSTILE = {
    "zebra": [float("nan"), float("-inf"), -0.0, 1e16, 1e300, 5e-324, 0.1 + 0.2, 2**63, 1.0],
    "a": {"b": 1, "~order": [0], "\0": "x\0y", "~": {"not finite": "nan"}},
    "": "half of a pair: \ud800",
    "né": None,
}


def packed_records(file):
    """Records by table as the file holds them, without what a home's log says of unpacking."""
    with zipfile.ZipFile(file) as archive:
        texts = {
            name: archive.read(name).decode().splitlines()
            for name in archive.namelist()
            if name.startswith("records/")
        }
    events = texts["records/events.jsonl"]
    texts["records/events.jsonl"] = [
        event.partition(",")[2] for event in events if json.loads(event)["kind"] != "unpack"
    ]  # another home's log has other numbers
    return texts


@pytest.mark.parametrize("first", ["sqlite", "postgresql"])
def test_every_record_is_the_same_there_and_back(postgres, home, tmp_path, monkeypatch, first):
    address = postgres.url(postgres.name)

    def into(kind, name):
        if kind == "postgresql":
            monkeypatch.setenv("LLKD_DATABASE_URL", address)
        else:
            monkeypatch.delenv("LLKD_DATABASE_URL")
        return tmp_path / name

    second = "sqlite" if first == "postgresql" else "postgresql"
    store, project = full_project(into(first, "here"))
    store.projects.use_labelling(project.id, store.labeling_runs.all(project.id)[0].id)
    store.events.record(project.id, "t", HOSTILE)
    job = store.jobs.create("label", "t", None, project.id)
    store.jobs.update(job.id, state="failed", finished=1700000000.1234567, error="e")
    store.runs.describe(store.runs.all(project.id)[0].id, note="one\ntwo \U0001f600")
    packed(store, project, tmp_path / "one.llkd")
    store.close()
    there = Store(into(second, "there"))
    moved = unpacked(there, tmp_path / "one.llkd")
    packed(there, moved, tmp_path / "two.llkd")
    there.close()
    before, after = (packed_records(tmp_path / f"{name}.llkd") for name in ("one", "two"))
    assert before == after
    assert {"records/runs.jsonl", "records/jobs.jsonl", "records/events.jsonl"} <= set(before)
    assert any('"zebra":[NaN,-Infinity,-0.0,1e+16' in e for e in before["records/events.jsonl"])
