"""Ctrl-C ends a call as it ends any Python program, and what was done is kept."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import llkd
from tests.support.toy_library import QUICK

ROOT = Path(__file__).resolve().parents[3]
BEGIN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal
import numpy as np, llkd
from tests.support.toy_library import QUICK, Toy
toy = Toy(192)
"""
LABELLING = """
def slow(batch):
    if len(toy.asked) >= 64:
        print("waiting", flush=True)
        time.sleep(30)
    return toy.teacher(batch)

texts = toy.read()
before = signal.getsignal(signal.SIGINT)
try:
    llkd.label(texts, slow, name="slow", progress=True)
except KeyboardInterrupt:
    print("interrupted", len(texts.labels()), before == signal.getsignal(signal.SIGINT))
time.sleep = lambda seconds: None
print("went on", len(llkd.label(texts, slow, name="slow", progress=False)), len(toy.asked))
"""
TRAINING = """
labels = toy.label()
settings = {"student": sys.argv[1], **QUICK, "epochs": 400, "checkpoint_seconds": 0.0}
store, number = labels.texts.workspace.store, labels.texts.project_id
import threading
def tell():
    while not any(len(store.runs.epochs(run)) > 2 for run in store.runs.all(number)):
        time.sleep(0.05)
    print("waiting", flush=True)
threading.Thread(target=tell, daemon=True).start()
try:
    llkd.train(labels, "all", progress=True, **settings)
except KeyboardInterrupt:
    (run,) = store.runs.all(number)
    print("interrupted", run.summary is None)
began = len(store.runs.epochs(run))
import llkd.training as training
real, steps = training.train, []
def train(*given, on_progress, **more):
    def note(progress):
        steps.append(progress.step)
        if len(steps) > 20:
            raise KeyboardInterrupt
        on_progress(progress)
    return real(*given, on_progress=note, **more)
training.train = train
try:
    llkd.train(labels, "all", progress=False, **settings)
except KeyboardInterrupt:
    pass
print("went on", len(store.runs.all(number)), steps[0] > 10, began)
"""


def interrupted(code, *arguments):
    """Its lines; Ctrl-C comes once it has said that it waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.strip() == "waiting" and "interrupted" not in " ".join(lines):
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, process.stderr.read()
    return lines


def test_while_labelling():
    lines = interrupted(LABELLING)
    assert "interrupted 64 True" in lines  # batches of 64: the first one was answered
    # Answered texts are not asked again; the batch that was being asked is.
    assert lines[-1] == "went on 192 192"


def test_while_training_the_next_call_goes_on_from_the_checkpoint(encoder):
    lines = interrupted(TRAINING, encoder)
    assert "interrupted True" in lines
    assert lines[-1].startswith("went on 1 True")


def test_bars_are_shown_or_not(toy, encoder, capfd):
    texts = toy.read()
    capfd.readouterr()
    labels = llkd.label(texts, toy.teacher, progress=False)
    llkd.train(labels, "all", student=encoder, **QUICK, progress=False)
    assert capfd.readouterr() == ("", "")
    llkd.label(texts, lambda batch: toy.teacher(batch))
    out, shown = capfd.readouterr()
    assert out == "" and "/96" in shown


def test_no_thread_but_the_main_one_is_needed(toy):
    """A signal handler could only be set in the main thread: a notebook may call from another."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        labels = pool.submit(lambda: toy.label()).result(60)
    assert len(labels) == len(toy.texts)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_no_signal_handler_is_taken_over(toy, encoder, name):
    before = signal.getsignal(getattr(signal, name))
    seen = []

    def teacher(batch):
        seen.append(signal.getsignal(getattr(signal, name)))
        return toy.teacher(batch)

    llkd.label(toy.read(), teacher, progress=False)
    assert set(seen) == {before} and signal.getsignal(getattr(signal, name)) == before
