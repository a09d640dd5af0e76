"""When other labels came into use than a person saw last: one sentence, before they are used."""

from __future__ import annotations

import streamlit as st

from llkd.store import LabelingRun, Project, Store
from llkd.teachers.registry import kind_of
from ui.shell import job_cards
from ui.shell.wording import plain
from ui.teacher.report import overview, usage


def acknowledge(project: Project, number: int) -> None:
    """The person knows that the labels of this labelling run are in use."""
    st.session_state[_key(project)] = number


def note(store: Store, project: Project, labeling_run: LabelingRun) -> None:
    """Say that other labels are in use than this person saw last, or that others are on their way.

    It stays until it is closed, as the plane has moved for a reason that is not on it.
    """
    before = st.session_state.setdefault(_key(project), labeling_run.id)
    if before != labeling_run.id:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/info: {plain(_sentence(store, project, labeling_run))}")
            st.button(
                "Close",
                key=f"labels_in_use_{project.id}",
                on_click=acknowledge,
                args=(project, labeling_run.id),
            )
    elif not kind_of(labeling_run.config).pools and _committee_at_work(store, project):
        st.caption(
            f":material/hourglass_top: These are the labels of "
            f"{plain(overview.teacher_name(labeling_run))}. The committee is still at work; its "
            "labels take their place when it is done, and this page will say so. An audit that is "
            "under way then keeps these in use, and speaks of these alone: better wait with it."
        )


def _sentence(store: Store, project: Project, labeling_run: LabelingRun) -> str:
    """What the labelling job said of it, else whose labels these are."""
    job = usage.job_of(store, project, labeling_run)
    notices = [] if job is None else job.context.get("notices") or []
    sentences = [str(sentence) for sentence in notices if "in use now" in str(sentence)]
    name = overview.teacher_name(labeling_run)
    return next(iter(sentences), f"The labels in use now are those of {name}.")


def _committee_at_work(store: Store, project: Project) -> bool:
    job = job_cards.live_job(store, project.id, ("label",))
    teacher = {} if job is None or job.request is None else job.request.get("teacher", {})
    return teacher.get("teacher") == "committee"


def _key(project: Project) -> str:
    return f"labels_seen_{project.id}"
