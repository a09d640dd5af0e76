"""What pages show of a run is computed below them: curves, agreement and both reports."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from llkd.evaluation.learning_curve import learning_curve
from llkd.evaluation.pool_predictions import pool_predictions, teacher_agreement_on_pool
from llkd.evaluation.quality_report import evaluated_student
from llkd.store.run_summary import EpochSummary, RunSummary
from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run


def test_a_learning_curve_adds_up_samples_and_seconds_of_measured_epochs():
    steps = pd.DataFrame(
        {"epoch": [1, 1, 2, 3], "selected": [3, 4, 5, 6], "seconds": [1.0, 0.5, 0.25, 0.25]}
    )
    epochs = tuple(
        EpochSummary(epoch=epoch, accuracy=accuracy, macro_f1=accuracy)
        for epoch, accuracy in ((1, 0.5), (2, None), (3, 0.7))
    )
    points = learning_curve(RunSummary(epochs=epochs), steps)
    assert [(p["epoch"], p["samples"], p["seconds"], p["accuracy"]) for p in points] == [
        (1, 7, 1.5, 0.5), (3, 18, 2.0, 0.7),
    ]  # fmt: skip
    assert learning_curve(RunSummary(epochs=epochs), steps[:0]) == []
    assert learning_curve(RunSummary(), steps) == []


def test_an_evaluated_student_has_the_figures_of_its_labels_and_their_intervals():
    gold = np.array([0, 1, 1, 0, 1, -1])
    probabilities = np.eye(2)[[0, 1, 0, 0, 1, 1]] * 0.8 + 0.1
    report = evaluated_student(gold, probabilities, ["a", "b"])
    assert (report["judged"], report["accuracy"]) == (5, 0.8)
    low, high = report["macro_f1_interval"]
    assert low <= report["macro_f1"] <= high


def test_pool_predictions_and_agreement_are_those_of_the_logged_signals(home):
    store, project = seeded_project(home, n=60)
    run = add_run(store, project)
    pool = pool_predictions(store, run)
    rows, probabilities = store.runs.signals(run)
    assert pool.rows.tolist() == rows.tolist()
    assert pool.answer.tolist() == probabilities.argmax(axis=1).tolist()
    target_rows, targets = store.runs.targets(run)
    taught = dict(zip(target_rows.tolist(), targets.argmax(axis=1).tolist(), strict=True))
    assert pool.label.tolist() == [taught[row] for row in rows.tolist()]
    teacher = np.where(np.arange(len(rows)) < 10, pool.answer, -1)
    teacher[:4] = (pool.answer[:4] + 1) % probabilities.shape[1]
    frame = pd.DataFrame({"row": rows, "teacher_label": teacher})
    assert teacher_agreement_on_pool(store, run, frame) == (pytest.approx(0.6), 10)
    assert teacher_agreement_on_pool(store, run, frame.assign(teacher_label=-1)) is None
