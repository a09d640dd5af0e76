"""Small records written to a store: a project, a labelling run, its scores, a run."""

import numpy as np
import pandas as pd

from llkd.config import LabelSet, TeacherConfig, TrainingConfig, build
from llkd.store import Scores


def texts(n=4):
    return pd.DataFrame(
        {
            "id": [f"t{i}" for i in range(n)],
            "text": [f"text {i} ünï\u2028code" for i in range(n)],
            "gold": ["a", None, "b", None][:n] + [None] * max(0, n - 4),
            "split": ["eval", "pool", "pool", "pool"][:n] + ["pool"] * max(0, n - 4),
        }
    )


def a_project(store, name="p", n=4):
    return store.projects.create(
        name, texts(n), source="f.csv", report={"rows": n}, label_set=LabelSet.of(["a", "b"])
    )


def a_labelling(store, project, fingerprint="x"):
    return store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(),
        fingerprint=fingerprint,
        teacher={"model": "m"},
        calibration="batch",
    )


def scores(rows, value=0.0):
    m = len(rows)
    return Scores(
        np.array(rows),
        np.column_stack([np.full(m, value), np.arange(m, dtype=float)]),
        np.full(m, -1),
        np.array(["logprob"] * m, dtype=object),
        np.array([None] * m, dtype=object),
    )


def a_run(store, name="p", **settings):
    names = [one.name for one in store.projects.all()]
    if name not in names:
        store.projects.create(
            name, texts(), source="f.csv", report={}, label_set=LabelSet.of(["a", "b"])
        )
    project = store.projects.get(name)
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(),
        fingerprint="x",
        teacher={"model": "m"},
        calibration="batch",
    )
    job = settings.pop("job_id", None)
    config = build(TrainingConfig, settings)
    return store.runs.create(project.id, labeling_run.id, config, {"classes": ["a", "b"]}, job)
