"""The stored result of a run: read as any version wrote it, and written as it was read."""

from __future__ import annotations

import json
import sqlite3

import pytest

from llkd.errors import ConfigError
from llkd.store import Store
from llkd.store.run_summary import EpochSummary, RunSummary

OF_0_3_0 = {
    "accuracy": 0.538, "macro_f1": 0.531, "ece": 0.1, "per_class_f1": {"a": 0.5, "b": 0.562},
    "selected_share": 0.174, "backpropagated": 406, "unique": 300, "steps": 75, "skipped_steps": 0,
    "selected_accuracy": None, "training_seconds": 21.9, "evaluation_seconds": 1.0,
    "logging_seconds": 2.0, "warnings": ["One."],
    "epochs": [
        {"epoch": 1, "steps": 25, "accuracy": 0.5, "macro_f1": 0.4},
        {"epoch": 2, "steps": 25, "accuracy": 0.538, "macro_f1": 0.531, "of_a_later_version": 7},
    ],
}  # fmt: skip


def test_a_summary_without_later_keys_is_read_and_given_back_as_it_was():
    summary = RunSummary.read(OF_0_3_0)
    assert (summary.accuracy, summary.backpropagated, summary.warnings) == (0.538, 406, ("One.",))
    assert summary.best_epoch is None and summary.updates is None and summary.kept_epoch is None
    assert summary.total_seconds == pytest.approx(24.9)
    assert summary.epochs[1].accuracy == 0.538 and summary.epochs[0].unique == 0
    assert json.loads(json.dumps(summary.document())) == OF_0_3_0


def test_the_epoch_that_was_kept_is_named_only_where_it_is_not_the_last():
    epochs = (EpochSummary(epoch=1), EpochSummary(epoch=2))
    assert RunSummary(epochs=epochs, best_epoch=1).kept_epoch == 1
    assert RunSummary(epochs=epochs, best_epoch=2).kept_epoch is None


@pytest.mark.parametrize("broken", [{"accuracy": "much"}, {"epochs": 3}, {"warnings": {"a": 1}}])
def test_a_value_that_is_no_figure_is_named(broken):
    with pytest.raises(ConfigError, match=next(iter(broken))):
        RunSummary.read({**OF_0_3_0, **broken})


def test_every_run_of_the_old_home_gives_back_its_summary_unchanged(old_home):
    with sqlite3.connect(old_home / "llkd.db") as database:
        stored = database.execute("select id, summary from runs where summary is not null")
        summaries = {number: json.loads(summary) for number, summary in stored}
    store = Store(old_home)
    try:
        runs = [run for project in store.projects.all() for run in store.runs.all(project.id)]
        read = {run.id: run.summary.document() for run in runs if run.summary is not None}
    finally:
        store.close()
    assert read == summaries and len(read) == 1
