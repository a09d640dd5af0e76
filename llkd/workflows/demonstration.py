"""Everything on the sample in one go."""

from __future__ import annotations

import time
from typing import Any

from llkd.config import TrainingConfig
from llkd.config.selection_rule import TrainedOnRule
from llkd.datasets.importing import import_sample
from llkd.embedding.pool import embed_and_probe
from llkd.jobs.progress import Progress
from llkd.jobs.requests import usual_labelling
from llkd.selection.registry import METHOD
from llkd.store import Project, Store
from llkd.workflows.comparison import compare
from llkd.workflows.labeling import label
from llkd.workflows.selection import export


def demo(store: Store, job: Progress, *, training: TrainingConfig | None = None) -> dict[str, Any]:
    """Import the sample, label, probe, train LLKD, all texts and the controls, export.

    A resumed demo goes on with its own project.
    """
    began = time.monotonic()
    project = _project(store, job)
    usual = usual_labelling(project.name, project.rows)
    labelled = label(store, project, usual.teacher, job, calibration=usual.calibration)
    project = store.projects.get(project.name)
    embed_and_probe(store, project, job)
    # One seed keeps it short: the report then says that it shows nothing of the ways to train.
    report = compare(store, project, training or TrainingConfig(), job, seeds=1)
    best = next(entry.run for entry in report.runs if entry.strategy == METHOD)
    compared = report.document()
    exported = export(
        store,
        project,
        store.home.exports / f"demo-{project.id}",
        TrainedOnRule(run=best),
        formats=["csv", "jsonl", "parquet"],
    )
    return {
        "project": project.name,
        "teacher": labelled,
        "arms": compared["arms"],
        "runs": compared["runs"],
        "conclusion": compared["conclusion"],
        "export": exported,
        "seconds": round(time.monotonic() - began, 1),
    }


def _project(store: Store, job: Progress) -> Project:
    project_id = job.facts.get("project")
    if project_id is not None:
        return store.projects.by_id(int(project_id))
    used = {project.name for project in store.projects.all()}
    names = ["demo", *(f"demo {number}" for number in range(2, len(used) + 3))]
    project = import_sample(store, next(name for name in names if name not in used))
    job.remember(project=project.id)
    return project
