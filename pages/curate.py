"""Curate: every text on one plane, two thresholds, what they keep, and a person's corrections."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from llkd import commands, curation, jobs
from llkd.store import Project, Store
from ui import jobs_view, reads, skip, view
from ui.curate import controls, listed_again, plane, replay, saved
from ui.curate.scene import PLANE, Scene
from ui.curate.table import table
from ui.errors import told
from ui.page import empty_state, open_page
from ui.wording import TERMS, count, counted


@st.fragment(key=PLANE)
def plane_and_controls(store: Store, project: Project) -> None:
    """The plane with its thresholds and counts, and ways to set them; redrawn when one moves."""
    with told():
        scene = Scene(store, project)
        view.show_in_address(scene.view)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            plane.source(scene)
            controls.presets(scene)
        plane.draw(scene)
        # Under the plane that it moves.
        replay.replay(store, project)
        saved.selections(scene)


def _missing_need(store: Store, project: Project) -> None:
    """Without a probe there is no information need: say so, and offer it."""
    job = jobs_view.live_job(store, project.id, ("probe",))
    if job is not None:
        jobs_view.watch(store, job, key="curate_probe")
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**Information need is not known yet.** {TERMS['information need']} A probe measures "
            "it in seconds to minutes; until then only teacher confidence can choose.",
            width="stretch",
        )
        if st.button("Start the probe", type="primary", icon=":material/sensors:", key="probe"):
            with told():
                jobs.start(
                    store,
                    commands.probe(project.name),
                    kind="probe",
                    title=f"Probe {project.name}",
                    project_id=project.id,
                )
                st.rerun()


def _notes(store: Store, project: Project) -> None:
    """What a reader should know before trusting the plane."""
    scene = Scene(store, project)
    listed_again.read(scene)
    if not scene.need_known:
        _missing_need(store, project)
    frame = scene.plane.frame
    done = int((frame["teacher_label"] >= 0).sum())
    if done < len(frame):
        st.info(
            f"The teacher has labelled {count(done)} of {counted(len(frame), 'text')} so far; only "
            "those have a place on the plane.",
            icon=":material/info:",
        )
    used = curation.current_labelling(store, project).calibration
    if scene.plane.calibration != used:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"This view reads the teacher with the calibration {scene.plane.calibration!r}; "
                f"the project now uses {used!r}.",
                width="stretch",
            )
            if scene.view.calibration is not None and st.button(f"Use {used!r}", key="curate_cal"):
                view.put(project, replace(scene.view, calibration=None))
                st.rerun()


page = open_page(
    "Curate",
    "Choose which texts are worth training on: those the teacher is sure of and the student is "
    "not. Drag the two lines; what lies right of the one and above the other is kept.",
)
project = page.needed_project()
skip.link("Skip to the texts", ".st-key-curate_one_by_one input")
with told():
    passes = page.store.labellings.all(project.id)
    if not passes or not reads.labelled_rows(
        page.store, curation.current_labelling(page.store, project)
    ):
        waiting = jobs_view.live_job(page.store, project.id, ("label",)) is not None
        empty_state(
            "The teacher is at work; its first labels will appear here."
            if waiting
            else "These texts have no teacher labels yet. The teacher gives them.",
            "Teacher",
        )
    _notes(page.store, project)
    plane_and_controls(page.store, project)
    table(page.store, project)
