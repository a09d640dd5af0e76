"""Start training runs, and what a page asks before it starts those of a fair comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from llkd import commands, curation, jobs
from llkd.config import TrainingConfig
from llkd.curation import Jury, Plane
from llkd.store import Job, Project, Run, Store
from ui import reads


def labels_as_now(store: Store, project: Project, run: Run) -> bool:
    """Whether a run started now would see the very labels that this one saw."""
    plane = reads.plane(store, project, calibration=run.labels["calibration"])
    by_people = int((plane.frame["human_label"] >= 0).sum())
    same_people = by_people == (run.labels.get("human_labels") or 0)
    return plane.labelling.id == run.labelling_id and same_people


def jury(store: Store, project: Project) -> Jury:
    """Who would judge a comparison that is started now."""
    plane = reads.plane(store, project)
    key = reads.plane_key(store, project)
    return _jury(key, store.people.version(project.id), store, project, plane)


@st.cache_resource(show_spinner=False, max_entries=8)
def _jury(
    key: tuple[Any, ...], people: str, _store: Store, _project: Project, _plane: Plane
) -> Jury:
    return curation.best_jury(_plane, reads.texts(_store, _project, ["gold", "split"]))


def waiting(live: Sequence[Job], arguments: Sequence[str]) -> bool:
    """Whether a live job is this very command already."""
    return any(list(job.arguments) == list(arguments) for job in live)


def start_training(
    store: Store, project: Project, config: TrainingConfig, run: Run | None = None
) -> None:
    """Start a training job; ``run`` lends its calibration to its controls."""
    calibration = None if run is None else run.labels["calibration"]
    arguments = commands.train(project.name, config, calibration=calibration)
    if waiting(jobs.live_jobs(store), arguments):
        st.toast("This very run is on its way already.", icon=":material/hourglass_top:")
        return
    title = f"Train {project.name}: {config.selection.strategy}, seed {config.seed}"
    jobs.start(store, arguments, kind="train", title=title, project_id=project.id)
