"""Start training runs, and what a page asks before it starts those of a fair comparison."""

from __future__ import annotations

from typing import Any, NoReturn

import streamlit as st

from llkd import jobs
from llkd.config import TrainingConfig, build
from llkd.config.text_view import EVERY_TEXT
from llkd.curation import Plane
from llkd.evaluation import evaluation_set
from llkd.evaluation.evaluation_set import EvaluationSet
from llkd.jobs.requests import JobRequest, TrainRequest
from llkd.store import Project, Run, Store
from ui.curate import filtering, rows
from ui.shell import reads
from ui.shell.executors import chosen_executor
from ui.shell.page import go_to
from ui.train.tracking import tracking

EXECUTOR_KEY = "train_executor"

AUDIT = {
    "curate_shown": rows.ALL,
    "curate_one_by_one": True,
}
"""What Curate's list is set to for a random audit."""


def audit_on_curate(project: Project) -> NoReturn:
    """To Curate, with every text in random order, one by one."""
    filtering.use(project, EVERY_TEXT.changed(order="random"))
    for name, value in AUDIT.items():
        st.session_state[name] = value
    go_to("Curate")


def labels_as_now(store: Store, project: Project, run: Run) -> bool:
    """Whether a run started now would see the very labels that this one saw."""
    plane = reads.plane(store, project, calibration=run.labels["calibration"])
    by_people = int((plane.frame["human_label"] >= 0).sum())
    same_people = by_people == (run.labels.get("human_labels") or 0)
    return plane.labeling_run.id == run.labelling_id and same_people


def evaluation_set_now(store: Store, project: Project) -> EvaluationSet:
    """The evaluation set of a comparison that is started now."""
    plane = reads.plane(store, project)
    key = reads.plane_key(store, project)
    return _evaluation_set(key, store.decisions.version(project.id), store, project, plane)


@st.cache_resource(show_spinner=False, max_entries=8)
def _evaluation_set(
    key: tuple[Any, ...], people: str, _store: Store, _project: Project, _plane: Plane
) -> EvaluationSet:
    return evaluation_set.best_evaluation_set(
        _plane, reads.texts(_store, _project, ["gold", "split"])
    )


def under_way(store: Store, request: JobRequest) -> bool:
    """Whether a live job is asked to do this very thing already."""
    return any(jobs.known_request(store, job) == request for job in jobs.live_jobs(store))


def train_request(project: Project, config: TrainingConfig, run: Run | None = None) -> TrainRequest:
    """A training with this configuration; ``run`` lends its calibration to its controls."""
    calibration = None if run is None else run.labels["calibration"]
    return build(
        TrainRequest,
        project=project.name,
        training=config,
        calibration=calibration,
        executor=chosen_executor(EXECUTOR_KEY),
        **tracking(),
    )


def start_training(
    store: Store, project: Project, config: TrainingConfig, run: Run | None = None
) -> None:
    """Start a training job; ``run`` lends its calibration to its controls."""
    request = train_request(project, config, run)
    if under_way(store, request):
        st.toast("This very run is on its way already.", icon=":material/hourglass_top:")
        return
    jobs.start(store, request)
