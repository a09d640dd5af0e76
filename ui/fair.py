"""What a page asks before it starts the runs of a fair comparison."""

from __future__ import annotations

from collections.abc import Sequence

from llkd.store import Job, Project, Run, Store
from ui import reads


def labels_as_now(store: Store, project: Project, run: Run) -> bool:
    """Whether a run started now would see the very labels that this one saw."""
    plane = reads.plane(store, project, calibration=run.labels["calibration"])
    by_people = int((plane.frame["human_label"] >= 0).sum())
    same_people = by_people == (run.labels.get("human_labels") or 0)
    return plane.labelling.id == run.labelling_id and same_people


def waiting(live: Sequence[Job], arguments: Sequence[str]) -> bool:
    """Whether a live job is this very command already."""
    return any(list(job.arguments) == list(arguments) for job in live)
