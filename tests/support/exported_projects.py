"""A labelled, embedded project, and an export of it with its manifest."""

import json

import numpy as np
import pandas as pd

from llkd import workflows
from llkd.config import LabelSet, TeacherConfig
from llkd.config.selection_rule import rule_of_choices
from llkd.curation import embeddings_key
from llkd.store import Scores
from llkd.store.derived.embeddings import save_embeddings

NAMES = ["roads", "-waste"]
N, LABELLED = 120, 90


def answers(rows, seed=0, source="logprob"):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1, (N, 2)).astype(np.float32)[rows]
    n = len(rows)
    return Scores(
        rows, scores, np.full(n, -1), np.full(n, source, object), np.full(n, None, object)
    )


def made(store, name="city", scores=True, embedded=True):
    texts = pd.DataFrame(
        {
            "id": [f"M{k}" for k in range(N)],
            "text": [f"=text {k}" for k in range(N)],
            "gold": [NAMES[k % 2] if k % 3 else None for k in range(N)],
            "split": ["eval" if k >= 110 else "pool" for k in range(N)],
        }
    )
    project = store.projects.create(
        name, texts, source="/home/ann/x.csv", report={}, label_set=LabelSet.of(NAMES)
    )
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(teacher="local:/home/ann/model"),
        fingerprint="print",
        teacher={"kind": "local", "model": "model", "prompt": "Which? {text}"},
        calibration="batch",
    )
    if scores:
        store.labeling_runs.append(labeling_run, answers(np.arange(LABELLED)))
    store.projects.use_labelling(project.id, labeling_run.id)
    if embedded:
        values = np.random.default_rng(1).normal(0, 1, (N, 4))
        path = store.embeddings.path(project.id, embeddings_key({"name": "m"}, project))
        save_embeddings(path, values / np.linalg.norm(values, axis=1, keepdims=True))
    return store.projects.get(name)


def exported(store, project, folder, formats=("csv", "jsonl"), **options):
    choices = ("run", "teacher_threshold", "student_threshold", "calibration", "selection")
    rule = rule_of_choices(**{name: options.pop(name) for name in choices if name in options})
    workflows.export(store, project, folder, rule, formats=list(formats), **options)
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
