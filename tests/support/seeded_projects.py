"""Projects and jobs made by writing to the store directly."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from llkd import curation
from llkd.config import LabelSet, TeacherConfig, build
from llkd.jobs.locks import take_lock
from llkd.jobs.requests import LabelRequest, TrainRequest
from llkd.store import Project, Scores, Store
from llkd.store.derived.embeddings import save_embeddings

NAMES = ["roads", "waste", "water"]
WORDS = ["pothole on the hill", "bins not emptied", "leak under the bridge"]


def seeded_project(
    home: Path,
    n: int = 60,
    *,
    name: str = "city",
    labelled: bool | float = True,
    probed: bool = True,
    gold: bool = True,
    holdout: float = 0.25,
    names: list[str] | None = None,
    words: list[str] = WORDS,
    seed: int = 0,
) -> tuple[Store, Project]:
    """A project of ``n`` short texts, its teacher right on about 3 of 4.

    ``labelled`` may be a share: then the teacher pass stopped there. ``probed`` writes embeddings
    from which the probe is fitted on the first read.
    """
    rng = np.random.default_rng(seed)
    classes = names or NAMES
    truth = rng.integers(0, len(classes), n)
    texts = pd.DataFrame(
        {
            "id": [f"M{k:04d}" for k in range(n)],
            "text": [f"{words[t % len(words)]}, message number {k}" for k, t in enumerate(truth)],
            "gold": [classes[t] for t in truth] if gold else [None] * n,
            "split": np.where(np.arange(n) < round(n * holdout), "eval", "pool")
            if gold
            else "pool",
        }
    )
    store = Store(home)
    held = int((texts["split"] == "eval").sum())
    report = {
        "rows": n + 2,
        "kept": n,
        "dropped": {"blank": 2},
        "labels": classes,
        "warnings": [],
        "gold": n if gold else 0,
        "held_out": held,
    }
    project = store.projects.create(
        name, texts, source="seed.csv", report=report, label_set=LabelSet.of(classes)
    )
    if labelled:
        rows = np.arange(n if labelled is True else round(n * labelled))
        add_labelling(store, project, truth, rows, rng)
    project = store.projects.get(name)
    if probed:
        add_embeddings(store, project, truth, rng)
    return store, project


def add_labelling(store, project, truth, rows, rng):
    """A teacher pass with log-probabilities that lean to the first class, as real ones do."""
    classes = len(project.label_set.labels)
    scores = rng.normal(0.0, 0.9, (len(rows), classes))
    scores[np.arange(len(rows)), truth[rows]] += 1.6
    scores[:, 0] += 0.8
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=project.label_set,
        config=TeacherConfig(),
        fingerprint=f"seed-{project.id}",
        teacher={"kind": "embedded", "name": "SmolLM2-135M-Instruct"},
        calibration="batch",
    )
    store.labeling_runs.append(
        labeling_run,
        Scores(
            rows,
            (scores - np.log(np.exp(scores).sum(1, keepdims=True))).astype(np.float32),
            np.full(len(rows), -1),
            np.array(["logprob"] * len(rows), dtype=object),
            np.array([None] * len(rows), dtype=object),
        ),
    )
    free = np.log(np.full((3, classes), 1.0 / classes))
    free[:, 0] += 0.4
    store.labeling_runs.set_content_free(labeling_run.id, free)
    store.labeling_runs.add_cost(labeling_run.id, 50 * len(rows), 0, 2.0)
    store.projects.use_labelling(project.id, labeling_run.id)
    return store.labeling_runs.get(labeling_run.id)


def add_embeddings(store, project, truth, rng, dimensions=8):
    """Embeddings in which the classes lie apart, so that the probe has something to find."""
    centres = rng.normal(0.0, 1.0, (int(truth.max()) + 1, dimensions))
    values = centres[truth] + rng.normal(0.0, 0.8, (len(truth), dimensions))
    model = {"name": "seed"}
    path = store.embeddings.path(project.id, curation.embeddings_key(model, project))
    save_embeddings(path, values)


def label_request(teacher, **settings):
    """Labelling the seeded project."""
    return build(LabelRequest, project="city", teacher=teacher, **settings)


def train_request(training, **settings):
    """Training on the seeded project."""
    return build(TrainRequest, project="city", training=training, **settings)


def asked_for(store, job, request):
    """Make this what a job is asked to do."""
    store.jobs.update(job.id, request=request.model_dump(mode="json"))


@contextmanager
def living_job(store, project, kind="label", *, state="running", done=30, total=60, **facts):
    """A job whose process seems alive: its lock is held here until the end of the block."""
    job = store.jobs.create(kind, f"Label {project.name}", None, project.id, "auto")
    lock = take_lock(store, job.id)
    now = time.time()
    store.jobs.update(
        job.id, state=state, done=done, total=total, started=now - 10, heartbeat=now, message=""
    )
    store.jobs.remember(job.id, began_at=0, pace_from=now - 10, **facts)
    try:
        yield store.jobs.get(job.id)
    finally:
        os.close(lock)


def ended_job(store, project, state, kind="label", *, error=None, log="", done=20, total=60):
    """A job that has ended as ``state``, with what its log says."""
    job = store.jobs.create(kind, f"Label {project.name}", None, project.id, "auto")
    folder = store.home.job(job.id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.txt").write_text(log, encoding="utf-8")
    now = time.time()
    store.jobs.update(
        job.id, state=state, done=done, total=total, started=now - 60, finished=now, error=error
    )
    return store.jobs.get(job.id)
