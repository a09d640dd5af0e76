"""Everything on the sample in one go."""

from __future__ import annotations

import time
from typing import Any

from llkd.config import TeacherConfig, TrainingConfig
from llkd.importing import import_sample
from llkd.jobs import JobContext
from llkd.pipeline.comparing import compare
from llkd.pipeline.labelling import label
from llkd.pipeline.probing import embed_and_probe
from llkd.pipeline.selecting import export
from llkd.store import Project, Store


def demo(
    store: Store, job: JobContext, *, training: TrainingConfig | None = None
) -> dict[str, Any]:
    """Import the sample, label, probe, train LLKD, all texts and the controls, export.

    A resumed demo goes on with its own project.
    """
    began = time.monotonic()
    project = _project(store, job)
    taught = label(store, project, TeacherConfig(), job)
    project = store.projects.get(project.name)
    embed_and_probe(store, project, job)
    # One seed keeps it short: the report then says that it shows nothing of the ways to train.
    compared = compare(store, project, training or TrainingConfig(), job, seeds=1)
    best = next(entry["run"] for entry in compared["runs"] if entry["strategy"] == "llkd")
    exported = export(
        store,
        project,
        store.home.exports / f"demo-{project.id}",
        formats=["csv", "jsonl", "parquet"],
        run=store.runs.get(best),
    )
    return {
        "project": project.name,
        "teacher": taught,
        "arms": compared["arms"],
        "runs": compared["runs"],
        "conclusion": compared["conclusion"],
        "export": exported,
        "seconds": round(time.monotonic() - began, 1),
    }


def _project(store: Store, job: JobContext) -> Project:
    known = job.facts.get("project")
    if known is not None:
        return store.projects.by_id(int(known))
    taken = {project.name for project in store.projects.all()}
    names = ["demo", *(f"demo {number}" for number in range(2, len(taken) + 3))]
    project = import_sample(store, next(name for name in names if name not in taken))
    job.remember(project=project.id)
    return project
