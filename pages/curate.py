"""Curate: every text on one plane, two thresholds, what they keep, and a person's corrections."""

from __future__ import annotations

import streamlit as st

from llkd import curation, jobs
from llkd.jobs.requests import ProbeRequest
from llkd.store import Project, Store
from ui.audit import panel as audit_panel
from ui.curate import (
    controls,
    filter_bar,
    head,
    panes,
    plane,
    replay,
    review,
    saved,
    url_list,
    view,
)
from ui.curate.first_labels import first_labels
from ui.curate.state import PLANE, PRESETS, CurateState
from ui.curate.table import table
from ui.curate.waiting import later_classes, waiting_texts
from ui.people import desk as people_desk
from ui.people import panel as people_panel
from ui.shell import job_cards, reads, skip_link
from ui.shell.errors import show_errors
from ui.shell.page import empty_state, open_page
from ui.shell.unbroken import press_once
from ui.shell.wording import TERMS, count, counted
from ui.teacher.report import active_labels, refinement


@st.fragment(key=PRESETS)
def _controls(store: Store, project: Project) -> None:
    """Where the student's uncertainty comes from, and thresholds at a click."""
    with show_errors():
        scene = CurateState(store, project)
        with st.container(horizontal=True, vertical_alignment="top", gap="small"):
            plane.source(scene)
            controls.presets(scene)


@st.fragment(key=PLANE)
def _plane(store: Store, project: Project) -> None:
    """The plane, redrawn when a line moves."""
    with show_errors():
        scene = CurateState(store, project)
        view.show_in_address(scene.view)
        panes.show_in_address(project)
        plane.draw(scene)


def _missing_need(store: Store, project: Project) -> None:
    """Without the quick estimate there is no student uncertainty: say so, and offer it."""
    job = job_cards.live_job(store, project.id, ("probe",))
    if job is not None:
        job_cards.watch(store, job, key="curate_probe")
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**Student uncertainty is not known yet.** {TERMS['information need']} A quick "
            "estimate takes seconds to minutes; until then only teacher confidence can choose.",
            width="stretch",
        )
        if press_once("Start the quick estimate", icon=":material/sensors:", key="probe"):
            with show_errors():
                jobs.start(store, ProbeRequest(project=project.name))
                st.rerun()


def _notes(store: Store, project: Project) -> None:
    """What a reader should know before trusting the plane."""
    scene = CurateState(store, project)
    url_list.read(scene)
    if not scene.need_known:
        _missing_need(store, project)
    frame = scene.plane.frame
    done = int((frame["teacher_label"] >= 0).sum())
    split = project.label_set is not None and bool(project.label_set.split_classes)
    if done < len(frame):
        labelled = f"{count(done)} of {counted(len(frame), 'text')}"
        st.info(
            (
                f"{labelled} have a teacher's label of a class that there is"
                if split
                else f"The teacher has labelled {labelled} so far"
            )
            + "; only those have a place on the plane.",
            icon=":material/info:",
        )
    refinement.missing(store, project, scene.plane)
    waiting_texts(store, project, "curate_waiting")
    later_classes(store, project, "curate_later")
    used = curation.active_labeling_run(store, project).calibration
    if scene.plane.calibration != used:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"This view uses the calibration {scene.plane.calibration!r}; "
                f"the project now uses {used!r}.",
                width="stretch",
            )
            if scene.view.calibration is not None and st.button(f"Use {used!r}", key="curate_cal"):
                view.use(project, view.changed(scene.view, calibration=None))
                st.rerun()


page = open_page("Curate", "")
project = page.needed_project()
skip_link.link("Skip to the texts", ".st-key-curate_one_by_one input")
with show_errors():
    passes = page.store.labeling_runs.all(project.id)
    if not passes or not reads.labelled_rows(
        page.store, curation.active_labeling_run(page.store, project)
    ):
        if project.label_set is None:
            empty_state("Name the classes first: then you, or a teacher, can give them.", "Data")
        first_labels(page.store, project)
        st.stop()
    if audit_panel.desk(page.store, project):
        st.stop()  # an audit is blind: the rest shows what the teacher says
    if people_desk.desk(page.store, project):
        st.stop()  # so is a second label
    active_labels.note(page.store, project, curation.active_labeling_run(page.store, project))
    head.head(page.store, project)
    audit_panel.panel(page.store, project)
    _notes(page.store, project)
    _controls(page.store, project)
    filter_bar.bar(page.store, project)
    left, right = st.columns([8, 5], gap="medium")
    with left:
        _plane(page.store, project)
    with right:
        review.pane(page.store, project)
    # Under the plane that it moves.
    replay.replay(page.store, project)
    saved.selections(page.store, project)
    people_panel.panel(page.store, project)
    table(page.store, project)
