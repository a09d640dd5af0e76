"""Workflows without a job: they tell a Progress, leave no record, and end with Ctrl-C."""

import io
import signal
import sys

import numpy as np
import pandas as pd
import pytest

from llkd import workflows
from llkd.config import LabelSet, TeacherConfig
from llkd.errors import JobCancelled
from llkd.jobs import ProgressBars, SilentProgress
from llkd.jobs.progress import within
from llkd.store import Store
from llkd.teachers.base import ScoredBatch

ROWS = 12


class Teacher:
    """Answers text by text, and counts; Ctrl-C comes before the text number ``interrupted``."""

    cut = 0

    def __init__(self, interrupted=None):
        self.interrupted, self.answered = interrupted, 0

    def describe(self):
        return {"kind": "local", "model": "m"}

    def prompt(self, text):
        return f"? {text}"

    def score(self, texts):
        for k in range(len(texts)):
            if self.answered == self.interrupted:
                signal.raise_signal(signal.SIGINT)
            self.answered += 1
            scores = np.log([[0.8, 0.2]]).astype(np.float32)
            yield ScoredBatch(np.array([k]), scores, np.array([-1]), "logprob", ["x"])

    def content_free(self):
        return None


@pytest.fixture
def store(home):
    opened = Store()
    names = [f"t{k}" for k in range(ROWS)]
    texts = pd.DataFrame({"id": names, "text": [f"text {k}" for k in range(ROWS)]})
    texts = texts.assign(gold=None, split="pool")
    report = {"rows": ROWS, "kept": ROWS, "dropped": {}, "labels": [], "warnings": []}
    opened.projects.create(
        "desk", texts, source="t.csv", report=report, label_set=LabelSet.of(["a", "b"])
    )
    yield opened
    opened.close()


def label(store, progress, teacher):
    project = store.projects.get("desk")
    return workflows.label(store, project, TeacherConfig(), progress, teacher=teacher)


def test_labelling_without_a_job_names_none_and_leaves_no_record(store):
    result = label(store, SilentProgress(), Teacher())
    assert result["labelled"] == ROWS
    assert "job" not in result
    assert store.jobs.all() == []


def test_a_dry_run_without_a_job_leaves_nothing_of_one(store, home):
    project = store.projects.get("desk")
    result = workflows.dry_run(store, project, TeacherConfig(), SilentProgress(), teacher=Teacher())
    assert len(result["examples"]) == 5
    assert store.jobs.all() == []
    assert [path for path in (home / "jobs").rglob("*") if path.is_file()] == []


@pytest.fixture
def python_hears_ctrl_c():
    """A shell that runs its command in the background lets it ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("python_hears_ctrl_c")
def test_ctrl_c_is_a_keyboard_interrupt_and_what_was_done_is_kept(store, capsys):
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt), ProgressBars() as bars:
        label(store, bars, Teacher(interrupted=7))
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert label(store, SilentProgress(), again := Teacher())["labelled"] == ROWS
    assert again.answered == ROWS - 7
    assert f"/{ROWS}" in capsys.readouterr().err


def test_bars_show_the_whole_of_parts_and_close(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with ProgressBars() as bars:
        for part in range(2):
            bars.begin_part(part, 2, f"run {part + 1} of 2")
            bars.begin(0, 5)
            bars.progress(5, 5, "Training")
        bars.check()
    assert "run 2 of 2, Training: 100%" in stream.getvalue()
    assert "10/10" in stream.getvalue()
    assert stream.getvalue().endswith("\n")


def test_parts_are_counted_as_a_whole():
    assert within(None, 3, 9, "Looking") == (3, 9, "Looking")
    assert within((2, 4, "run 3"), 3, 10, "Looking") == (23, 40, "run 3, Looking")
    assert within((2, 4, "run 3"), 3, None, "") == (3, None, "run 3")


def test_a_progress_of_ones_own_stops_the_work(store):
    class Impatient(SilentProgress):
        def check(self):
            raise JobCancelled("Enough.")

    with pytest.raises(JobCancelled, match="Enough"):
        label(store, Impatient(), Teacher())
