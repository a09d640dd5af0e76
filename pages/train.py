"""Train: choose a strategy and a student, start, watch, stop and resume."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llkd import curation, fairness, jobs
from llkd.config import TrainingConfig, build
from llkd.store import Job, Project, Run, Store
from ui import comparison, fair, jobs_view, reads, run_view
from ui.errors import told
from ui.page import Page, empty_state, next_step, open_page
from ui.run_choice import choose_run
from ui.training_form import checked, training_form
from ui.wording import count, counted

ENDED_EARLY = ("failed", "died", "cancelled")
SHOWN_ENDED = 3
KINDS = ("train", "compare")


def _settings(
    store: Store, project: Project, finished: Sequence[Run]
) -> Callable[[], TrainingConfig]:
    """The form and its buttons; what comes back checks the settings that stand there."""
    with st.container(border=True):
        values = training_form(store, project, finished)
        with st.container(horizontal=True, vertical_alignment="center"):
            begin = st.button(
                "Start training", type="primary", icon=":material/play_arrow:", key="train_start"
            )
            both = st.button(
                "Start llkd and all with these settings",
                key="train_pair",
                help="The two runs that a comparison begins with: the method, and every text.",
            )
        if begin:
            fair.start_training(store, project, checked(values))
            st.rerun()
        if both:
            config = checked(values)
            for strategy in ("llkd", "all"):
                chosen = {**config.selection.model_dump(), "strategy": strategy, "share": None}
                same = config.model_dump()
                arm = build(TrainingConfig, {**same, "selection": chosen, "reference_run": None})
                fair.start_training(store, project, arm)
            st.rerun()
    return lambda: checked(values)


def _run_of(store: Store, project: Project, job: Job) -> Run | None:
    """The run that a job works on; a comparison's newest."""
    mine = [run for run in store.runs.all(project.id) if run.job_id == job.id]
    return mine[-1] if mine else None


def _watch(store: Store, project: Project) -> None:
    """Live jobs in their order, the running one with its charts; then those that ended badly."""
    live = [j for j in jobs.live_jobs(store) if j.project_id == project.id and j.kind in KINDS]
    for job in live:

        def charts_of(now: Job) -> None:
            run = _run_of(store, project, now)
            if now.state == "running" and run is not None:
                run_view.progress_charts(store, project, run, f"live_{run.id}")

        jobs_view.watch(store, job, unit="steps", key="train", body=charts_of)
    again: list[list[str]] = []
    for job in store.jobs.all(project.id):
        # Newest first: a job that was started again since has nothing more to say.
        if job.kind not in KINDS or job.arguments in again:
            continue
        again.append(job.arguments)
        if job.state in ENDED_EARLY and len(again) <= SHOWN_ENDED:
            jobs_view.job_card(store, job, unit="steps", key="train")


def _past(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """A finished run, looked at again."""
    done = [run for run in reversed(runs) if run.summary is not None]
    if not done:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = choose_run(f"Finished runs ({len(done)})", done, key="train_look")
        next_step("Results", "Compare the results", primary=False)
    st.caption(run_view.figures(run))
    run_view.progress_charts(store, project, run, f"past_{run.id}")


def _page(page: Page) -> None:
    project, store = page.needed_project(), page.store
    if not store.labellings.all(project.id) or not reads.labelled_rows(
        store, curation.current_labelling(store, project)
    ):
        busy = jobs_view.live_job(store, project.id, ("label",)) is not None
        empty_state(
            "The teacher is at work. Training starts from its labels."
            if busy
            else "Training starts from the teacher's labels, and there are none yet.",
            "Teacher",
        )
    pool = reads.plane(store, project).frame
    labelled = int((pool["label"] >= 0).sum())
    st.caption(
        f"{count(labelled)} of {counted(len(pool), 'text')} carry a label and can be trained on. "
        "LLKD saves training time, not questions to the teacher."
    )
    runs = store.runs.all(project.id)
    settings = None
    with told():
        settings = _settings(store, project, fairness.finished(store, project))
    with told():
        _watch(store, project)
    if settings is not None:
        with told():
            comparison.start(store, project, runs, settings)
    with told():
        comparison.missing_controls(store, project, runs)
    with told():
        _past(store, project, runs)


with told():
    _page(
        open_page(
            "Train",
            "Train a small, fast student on what is worth learning, and watch it learn.",
        )
    )
