"""Train: choose a strategy and a student, start, watch, stop and resume."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from llkd import curation, jobs
from llkd.config import TrainingConfig, build
from llkd.evaluation import predictions
from llkd.jobs.requests import JobRequest
from llkd.selection.registry import EVERYTHING, METHOD, label_of
from llkd.store import Job, Project, Run, Store
from ui.runs import progress
from ui.runs.choice import choose_run
from ui.shell import job_cards, reads
from ui.shell.errors import show_errors
from ui.shell.executors import executor_fields
from ui.shell.page import Page, empty_state, next_step, open_page
from ui.shell.wording import count, counted, plain
from ui.train import address, comparison, kept_texts, start
from ui.train.form import checked, training_form

ENDED_EARLY = ("failed", "died", "cancelled")
SHOWN_ENDED = 3
KINDS = ("train", "compare")


def _settings(
    store: Store, project: Project, finished: Sequence[Run], top: DeltaGenerator
) -> Callable[[], TrainingConfig]:
    """The form and its buttons; what comes back checks the settings that stand there.

    ``top`` gets the start of a training on what was kept on Curate.
    """

    def start_button() -> bool:
        return st.button(
            "Start training", type="primary", icon=":material/play_arrow:", key="train_start"
        )

    address.read(store, project)
    with st.container(border=True):
        values = training_form(store, project, finished)
        saved = values["selection"].get("saved")
        address.write(saved)
        executor_fields(start.EXECUTOR_KEY)
        with st.container(horizontal=True, vertical_alignment="center"):
            if saved is None:
                begin = start_button()
            else:
                with top, st.container(horizontal=True, vertical_alignment="center"):
                    kept_texts.sentence(store, project, saved)
                    begin = start_button()
            both = st.button(
                f"Start {label_of(METHOD)} and {label_of(EVERYTHING)} with these settings",
                key="train_pair",
                help="The two runs that a comparison begins with: the method, and every text.",
            )
        if begin:
            start.start_training(store, project, checked(values))
            st.rerun()
        if both:
            config = checked(values)
            for strategy in (METHOD, EVERYTHING):
                selection = {**config.selection.model_dump(), "strategy": strategy, "share": None}
                same = config.model_dump()
                arm = build(TrainingConfig, {**same, "selection": selection, "reference_run": None})
                start.start_training(store, project, arm)
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
                progress.progress_charts(store, project, run, f"live_{run.id}")

        job_cards.watch(store, job, key="train", body=charts_of)
    shown: list[JobRequest | None] = []
    for job in store.jobs.all(project.id):
        # Newest first: a job that was started again since has nothing more to say.
        if job.kind not in KINDS:
            continue
        request = jobs.known_request(store, job)
        if request is not None and request in shown:
            continue
        shown.append(request)
        if job.state in ENDED_EARLY and len(shown) <= SHOWN_ENDED:
            job_cards.job_card(store, job, key="train")


def _past(store: Store, project: Project, runs: Sequence[Run]) -> None:
    """A finished run, looked at again."""
    finished_runs = [run for run in reversed(runs) if run.summary is not None]
    if not finished_runs:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = choose_run(f"Finished runs ({len(finished_runs)})", finished_runs, key="train_look")
        next_step("Results", "Compare the results", primary=False)
    st.caption(progress.figures(run))
    if run.labels.get("advice"):
        st.caption(f":material/lightbulb: {plain(run.labels['advice']['sentence'])}")
    progress.progress_charts(store, project, run, f"past_{run.id}")


def _page(page: Page) -> None:
    project, store = page.needed_project(), page.store
    if not store.labeling_runs.all(project.id) or not reads.labelled_rows(
        store, curation.active_labeling_run(store, project)
    ):
        busy = job_cards.live_job(store, project.id, ("label",)) is not None
        empty_state(
            "The teacher is at work. Training starts from its labels."
            if busy
            else "Training starts from the teacher's labels, and there are none yet.",
            "Teacher",
        )
    top = st.container()
    pool = reads.plane(store, project).frame
    labelled = int((pool["label"] >= 0).sum())
    st.caption(
        f"{count(labelled)} of {counted(len(pool), 'text')} carry a label and can be trained on. "
        "LLKD saves training time, not questions to the teacher."
    )
    runs = store.runs.all(project.id)
    settings = None
    with show_errors():
        settings = _settings(store, project, predictions.finished_runs(store, project), top)
    with show_errors():
        _watch(store, project)
    if settings is not None:
        with show_errors():
            comparison.start(store, project, runs, settings)
    with show_errors():
        comparison.missing_controls(store, project, runs)
    with show_errors():
        _past(store, project, runs)


with show_errors():
    _page(
        open_page(
            "Train",
            "Train a small, fast student on what is worth learning, and watch it learn.",
        )
    )
