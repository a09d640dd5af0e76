"""The inbox of a served student: once each, bounded, whole after a kill, exported to an import."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from llkd.cli import main
from llkd.datasets import read_texts
from llkd.errors import StoreError
from llkd.maintenance.backups import backup
from llkd.maintenance.doctor import examine
from llkd.store import Store
from llkd.store import inbox as inbox_module
from llkd.store.engine.write_ahead import write_ahead
from llkd.store.inbox import Inbox, InboxCounts, InboxEntry, inbox_of
from tests.support.audited_projects import audited_project


def entry(text, label="sports", **values):
    scores = None if label is None else np.array([-0.1, -2.0, -3.0], dtype=np.float32)
    return InboxEntry(
        **{
            "text": text,
            "reason": "below threshold",
            "run": 3,
            "student_label": "politics",
            "confidence": 0.41,
            "teacher": None if label is None else "f" * 64,
            "teacher_label": label,
            "scores": scores,
            "classes": ("sports", "politics", "science"),
            **values,
        }
    )


@pytest.fixture
def inbox(tmp_path):
    opened = Inbox(tmp_path / "served" / "inbox.db", most_texts=4, most_bytes=10_000)
    yield opened
    opened.close()


def test_a_text_is_kept_once_with_all_that_is_known_of_it(inbox):
    assert inbox.counts() == InboxCounts()
    assert not inbox.path.exists()  # looking makes nothing
    assert inbox.record(entry("one \ud800 half, a \0 and ünicode"))
    assert not inbox.record(entry("one \ud800 half, a \0 and ünicode"))
    (kept,) = inbox.entries()
    assert kept.text == "one \ud800 half, a \0 and ünicode"
    assert (kept.times, kept.teacher_label, kept.student_label) == (2, "sports", "politics")
    assert kept.scores.tolist() == entry("x").scores.tolist()
    assert kept.classes == ("sports", "politics", "science")
    assert abs(kept.first - time.time()) < 600 and kept.last >= kept.first
    assert inbox.counts().repeats == 1


def test_a_text_that_comes_again_gets_the_answer_that_it_lacked_and_never_loses_one(inbox):
    inbox.record(entry("a", label=None))
    inbox.record(entry("a"))
    inbox.record(entry("a", label=None))
    inbox.record(entry("a", label="science"))
    (kept,) = inbox.entries()
    assert kept.teacher_label == "sports" and kept.scores is not None and kept.times == 4


def test_a_full_inbox_takes_no_more_and_counts_what_it_left_out(inbox):
    assert [inbox.record(entry(f"text {k}")) for k in range(6)] == [True] * 4 + [False] * 2
    assert (inbox.counts().texts, inbox.counts().left_out) == (4, 2)
    assert not inbox.record(entry("text 0"))  # known ones still count
    numbers = [kept.number for kept in inbox.entries()]
    assert inbox.remove(numbers[:2]) == 2
    assert inbox.record(entry("text 9"))
    assert [kept.text for kept in inbox.entries()] == ["text 2", "text 3", "text 9"]
    assert not inbox.record(entry("y" * 20_000))  # too long for what is left


def test_who_looks_waits_for_nobody_who_writes(inbox):
    inbox.record(entry("a"))
    with closing(sqlite3.connect(inbox.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert inbox.counts().texts == 1
        assert [kept.text for kept in inbox.entries()] == ["a"]
        other.execute("ROLLBACK")
    assert inbox.record(entry("b"))


def test_what_is_removed_takes_its_repeats_along(inbox):
    for text in ("a", "a", "a", "b", "b", "c", "d", "e"):
        inbox.record(entry(text))
    assert (inbox.counts().repeats, inbox.counts().left_out) == (3, 1)
    inbox.remove([kept.number for kept in inbox.entries()][:1])
    assert (inbox.counts().texts, inbox.counts().repeats, inbox.counts().left_out) == (3, 1, 0)


def test_a_full_disk_is_named_and_nothing_is_lost_once_there_is_room(inbox, monkeypatch):
    def small_disk(connection):
        write_ahead(connection)
        connection.execute("PRAGMA max_page_count=20")

    monkeypatch.setattr(inbox_module, "write_ahead", small_disk)
    inbox.most = (10, 1 << 30)
    inbox.record(entry("a"))
    for _ in range(2):
        with pytest.raises(StoreError, match="disk is full.*Free some space"):
            inbox.record(entry("long " * 40_000))
    assert inbox.record(entry("b"))
    inbox.close()
    monkeypatch.undo()
    assert inbox.record(entry("long " * 40_000))
    assert inbox.counts().texts == 3


def test_a_coming_that_was_counted_gets_its_answer_and_counts_once(inbox):
    inbox.record(entry("a", label=None))
    assert not inbox.record(entry("a"), counted=True)
    (kept,) = inbox.entries()
    assert (kept.times, kept.teacher_label, inbox.counts().repeats) == (1, "sports", 0)


def test_threads_and_processes_share_it(inbox):
    other = Inbox(inbox.path, most_texts=100_000)

    def write(target, start):
        for k in range(start, start + 40):
            target.record(entry(f"text {k % 60}"))

    inbox.most = (100_000, 1 << 30)
    threads = [threading.Thread(target=write, args=(i, 20 * k))
               for k, i in enumerate((inbox, other, inbox))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inbox.counts().texts == 60
    assert sum(kept.times for kept in inbox.entries()) == 120
    other.close()


WRITER = """
import sys
from pathlib import Path
from llkd.store.inbox import Inbox, InboxEntry
inbox = Inbox(Path(sys.argv[1]))
k = 0
while True:
    inbox.record(InboxEntry(f"text {k}", "below threshold", 1, "a", 0.5))
    print(k, flush=True)
    k += 1
"""


def test_what_was_recorded_is_there_after_kills_and_nothing_is_half(tmp_path):
    path = tmp_path / "served" / "inbox.db"
    for round_number in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        last = -1
        for line in process.stdout:
            last = int(line)
            if last >= 20 * (round_number + 1):
                os.kill(process.pid, signal.SIGKILL)
                break
        last = max([last, *(int(line) for line in process.stdout.read().split())])
        process.wait()
        process.stdout.close()
        inbox = Inbox(path)
        texts = [kept.text for kept in inbox.entries()]
        assert texts == [f"text {k}" for k in range(len(texts))]
        assert len(texts) >= last + 1
        assert inbox.counts().texts == len(texts)
        inbox.close()


def test_a_damaged_inbox_says_so_and_the_doctor_finds_it(store, tmp_path):
    project, _ = audited_project(store, n=20)
    inbox = inbox_of(store.home, project.id)
    for k in range(300):
        inbox.record(entry(f"a rather long text number {k} " * 10))
    inbox.close()
    backup(store.home.root, tmp_path / "copy")
    assert inbox_of(Store(tmp_path / "copy").home, project.id).counts().texts == 300
    assert not [f for f in examine(store.home).findings if f.check == "inbox"]
    content = bytearray(inbox.path.read_bytes())
    content[4096 * 3 :] = b"\xff" * (len(content) - 4096 * 3)
    inbox.path.write_bytes(content)
    for log in inbox.path.parent.glob("inbox.db-*"):
        log.unlink()
    assert [f for f in examine(store.home).findings if f.check == "inbox"]
    with pytest.raises(StoreError, match="The inbox"):
        list(inbox_of(store.home, project.id).entries())


def run(capsys, *words):
    code = main(list(words))
    out = capsys.readouterr()
    return code, out.out, out.err


def test_from_the_command_line_to_the_next_import(store, capsys, tmp_path):
    project, _ = audited_project(store, n=20, held_out=8)
    file = tmp_path / "new.csv"
    code, out, _ = run(capsys, "inbox", "desk")
    assert code == 0 and out.startswith("0 texts in the inbox.")
    code, _, err = run(capsys, "inbox", "desk", "--out", str(file))
    assert code == 2 and "is empty" in err
    inbox = inbox_of(store.home, project.id)
    inbox.record(entry("=1+1 is no formula; =2"))
    inbox.record(entry("nobody answered \x1b[31m this", label=None))
    inbox.record(entry("TEXT 3,  a word or two"))  # one of the project's
    inbox.record(entry("gone", label="a class that is no more"))
    inbox.close()
    code, out, _ = run(capsys, "inbox", "desk")
    assert "4 texts in the inbox" in out and "\x1b" not in out and "41.0 %" in out
    code, _, err = run(capsys, "inbox", "desk", "--clear")
    assert code == 2 and "name a file with --out" in err
    code, out, _ = run(capsys, "inbox", "desk", "--out", str(file), "--clear")
    assert "3 texts written" in out and "1 of them with the teacher's label" in out
    assert "1 read the same as a text of the project" in out and "forgot 4 texts" in out
    read = read_texts(file, text_column="text", id_column="id")
    assert read.texts["text"].tolist()[0] == "=1+1 is no formula; =2"  # and back, unchanged
    assert read.texts["id"].tolist() == ["served-1", "served-2", "served-4"]
    assert inbox_of(store.home, project.id).counts().texts == 0
    for ending in ("jsonl", "parquet"):
        inbox.record(entry("another"))
        path = tmp_path / f"new.{ending}"
        assert run(capsys, "inbox", "desk", "--out", str(path), "--clear")[0] == 0
        assert read_texts(path, text_column="text").texts["text"].tolist() == ["another"]


def test_deleting_a_project_deletes_its_inbox(store):
    project, _ = audited_project(store, n=20)
    inbox = inbox_of(store.home, project.id)
    inbox.record(entry("a"))
    inbox.close()
    store.projects.delete(project.id)
    assert not inbox.path.exists()
