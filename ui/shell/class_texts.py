"""Texts that a change of the classes leaves to be read or asked about, kept between page runs."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd import curation, jobs
from llkd.config import Label, TeacherConfig
from llkd.curation import LikelyTexts, SplitTexts, TeacherLabels
from llkd.jobs.requests import LabelRequest
from llkd.store import LabelingRun, Project, Store
from ui.shell import job_cards, reads
from ui.shell.errors import show_errors
from ui.shell.unbroken import press_once


def split_lists(store: Store, project: Project) -> list[SplitTexts]:
    """The lists of classes that were split (:func:`llkd.curation.split_texts`)."""
    if project.label_set is None or not project.label_set.split_classes:
        return []
    labeling_run = store.labeling_runs.in_use(project.id, project.labelling_id)
    labels = None if labeling_run is None else reads.teacher_labels(store, labeling_run)
    return _split(_stamp(store, project, labeling_run), store, project, labels)


def likely_texts(store: Store, project: Project, label: Label) -> LikelyTexts | None:
    """The texts that could be of a class (:func:`llkd.curation.likely_texts`)."""
    labeling_run = curation.similarity_run(store, project, label)
    if labeling_run is None:
        return None
    labels = reads.teacher_labels(store, labeling_run, "batch")
    stamp = (*_stamp(store, project, labeling_run), label.identity)
    return _likely(stamp, store, project, label, labels)


def look_for_them(store: Store, project: Project, key: str) -> None:
    """A button that has label similarity look for texts of classes that came later."""
    if job_cards.live_job(store, project.id, ("label",)) is not None:
        st.caption("A teacher is at work; its labels may say more.")
        return
    if press_once("Look for its texts", icon=":material/search:", key=key):
        with show_errors():
            request = LabelRequest(
                project=project.name,
                teacher=TeacherConfig(teacher="similarity"),
                beside=True,
                probe=False,
            )
            jobs.start(store, request)
            st.rerun()


def _stamp(store: Store, project: Project, labeling_run: LabelingRun | None) -> tuple[Any, ...]:
    """What such lists depend on."""
    return (
        reads.home_of(store),
        project.id,
        project.digest,
        "" if labeling_run is None else reads.labels_version(store, labeling_run),
        "" if labeling_run is None else reads.calibration_key(store, labeling_run),
        reads.classes_version(project.label_set),
        store.decisions.version(project.id),
    )


@st.cache_resource(show_spinner=False, max_entries=8)
def _split(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _labels: TeacherLabels | None
) -> list[SplitTexts]:
    return curation.split_texts(_store, _project, _labels)


@st.cache_resource(show_spinner=False, max_entries=8)
def _likely(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _label: Label, _labels: TeacherLabels
) -> LikelyTexts | None:
    return curation.likely_texts(_store, _project, _label, _labels)
