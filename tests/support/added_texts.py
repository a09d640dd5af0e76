"""Texts added to projects of tests, and a process that adds some and stops at a wanted moment."""

import subprocess
import sys

import pandas as pd

from llkd.datasets import Reading, texts_from_lines
from llkd.datasets.adding import add_texts
from llkd.datasets.in_memory import texts_from_columns

STOPPED = """
import os, sys, time
from llkd.datasets import texts_from_lines
from llkd.datasets.adding import add_texts
from llkd.store import Store
from llkd.store.texts import project_texts
home, name, moment, lines = sys.argv[1:]
store = Store(home)
def stop():
    print("here", flush=True)
    time.sleep(60)
def before(module, function):
    real = getattr(module, function)
    def wrapped(*a, **k):
        stop()
        return real(*a, **k)
    setattr(module, function, wrapped)
def after(module, function):
    real = getattr(module, function)
    def wrapped(*a, **k):
        result = real(*a, **k)
        stop()
        return result
    setattr(module, function, wrapped)
if moment == "locked":
    before(project_texts.ProjectTexts, "_set_aside_added")
elif moment == "writing":
    before(project_texts, "write_texts")
elif moment == "written":
    after(project_texts, "write_texts")
elif moment == "in place":
    before(project_texts, "record_addition")
elif moment == "recorded":  # in the transaction, which is not committed yet
    after(project_texts, "record_addition")
else:
    after(project_texts.ProjectTexts, "append")
add_texts(store, store.projects.get(name), texts_from_lines(lines), source="more")
print("through", flush=True)
"""
MOMENTS = ("locked", "writing", "written", "in place", "recorded", "committed")


def stopped(home, name, moment, lines):
    """A process that adds lines to a project and waits at a moment, which it has reached."""
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(home), name, moment, lines],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "here\n"
    return process


def added_lines(store, project, lines, **reading):
    """The project with these lines."""
    return add_texts(
        store,
        project,
        texts_from_lines("\n".join(lines)),
        source="more",
        reading=Reading(**reading),
    )


def text_set(texts, gold=None, ids=None, name="more.csv", **reading):
    """Checked texts of a program, with gold and ids where they are given."""
    columns = {"text": list(texts)}
    if gold is not None:
        columns["label"] = list(gold)
    if ids is not None:
        columns["id"] = list(ids)
    wanted = Reading(text_column="text", label_column=None if gold is None else "label", **reading)
    return texts_from_columns(columns, name, wanted)


def added(store, project, texts, gold=None, ids=None, **reading):
    """The project with these texts."""
    wanted = Reading(**reading)
    return add_texts(
        store, project, text_set(texts, gold, ids, **reading), source="more.csv", reading=wanted
    )


def whole(store, project):
    """The texts of a project as they are stored, without where they came from."""
    frame = store.projects.texts(project)
    return frame[["row", "id", "text", "gold", "split"]]


def same_beginning(frame, longer):
    """Whether the rows of one frame stand unchanged at the beginning of another."""
    pd.testing.assert_frame_equal(frame, longer.iloc[: len(frame)])
    return True
