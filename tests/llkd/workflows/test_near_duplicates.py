"""An import that does not wait for near-duplicates: what is found later, and the hold-out."""

import random

import pytest

from llkd import jobs
from llkd.config import LabelSet
from llkd.datasets import merge, with_gold
from llkd.datasets.importing import import_texts, prepare
from llkd.datasets.near_search import NEAR_LATER
from llkd.datasets.texts import read_texts
from llkd.jobs.progress import SilentProgress
from llkd.jobs.requests import NearDuplicatesRequest
from llkd.store import Store
from llkd.workflows.near_duplicates import find_near_duplicates, start_search

LABELS = ("good", "bad")


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    monkeypatch.setattr(merge, "MANY_TEXTS", 100)


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def files(tmp_path):
    """300 texts, every third of which is nearly the one before it, and their labels."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghij", k=7)) for _ in range(900)]
    texts = []
    for k in range(300):
        texts.append(f"{texts[-1]}!" if k % 3 == 1 else " ".join(draw.choices(words, k=12)))
    plain, labelled, gold = (tmp_path / name for name in ("a.csv", "b.csv", "gold.csv"))
    rows = [(f"n{k}", text, LABELS[draw.random() < 0.5]) for k, text in enumerate(texts)]
    plain.write_text("id,text\n" + "".join(f"{i},{t}\n" for i, t, _ in rows))
    labelled.write_text("id,text,label\n" + "".join(f"{i},{t},{label}\n" for i, t, label in rows))
    gold.write_text("id,label\n" + "".join(f"{i},{label}\n" for i, _, label in rows))
    return plain, labelled, gold


def test_the_finding_comes_later_and_is_the_same(store, files):
    at_once = import_texts(store, "at once", read_texts(files[0]), source="a.csv")
    waiting = read_texts(files[0], near_later=True)
    assert waiting.near_later and waiting.near is None
    project = import_texts(store, "later", waiting, source="a.csv")
    assert project.digest == at_once.digest
    assert project.report[NEAR_LATER] and project.report["near_duplicates"] is None
    shown = []

    class Watched(SilentProgress):
        def progress(self, done, total, message="", *, always=False):
            shown.append((done, total))

    report = find_near_duplicates(store, project, Watched())
    assert (report["groups"], report["texts"]) == (100, 100)
    assert shown[-1] == (300, 300)
    reports = [store.projects.get(name).report for name in ("at once", "later")]
    for imported in reports:
        imported["files"], imported["statistics"] = None, None
    assert reports[0] == reports[1]
    again = find_near_duplicates(store, store.projects.get("later"), SilentProgress())
    assert again == {**report, "seconds": 0.0}


def test_a_hold_out_never_waits(files):
    """Both ways to bring gold: a column, and a second file that comes after the texts."""
    for path, gold in ((files[1], None), (files[0], files[2])):
        splits = []
        for later in (False, True):
            label = "label" if gold is None else None
            text_set = read_texts(path, near_later=later, label_column=label)
            assert text_set.near_later == (later and gold is not None)
            text_set = text_set if gold is None else with_gold(text_set, gold, id_column="id")
            prepared = prepare(text_set, holdout=0.3)
            assert NEAR_LATER not in prepared.report and prepared.report["held_out"] > 50
            split = prepared.texts["split"].tolist()
            assert all(split[k] == split[k + 1] for k in range(0, 300, 3))
            splits.append((split, prepared.report["near_duplicates"]))
        assert splits[0] == splits[1]


def test_what_is_left_out_or_ignored_never_waits(files):
    assert not read_texts(files[0], near_later=True, near="ignore").near_later
    dropped = read_texts(files[0], near_later=True, near="drop")
    assert dropped.kept_count == 200 and not dropped.near_later


def test_a_stopped_search_changes_nothing(store, files):
    classes = LabelSet.of(LABELS)
    text_set = read_texts(files[0], near_later=True)
    project = import_texts(store, "p", text_set, source="a.csv", label_set=classes)

    class Stopped(SilentProgress):
        def check(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_near_duplicates(store, project, Stopped())
    assert store.projects.get("p").report == project.report
    result = jobs.run_request(store, NearDuplicatesRequest(project="p"))
    assert result["texts"] == 100
    assert store.projects.get("p").report["near_duplicates"]["groups"] == 100
    assert start_search(store, store.projects.get("p")) is None
