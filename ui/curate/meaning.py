"""Search by a typed meaning: how near each text is, and what to do where nobody knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from llkd import curation, jobs
from llkd.curation import Plane
from llkd.curation.query_process import query_vector
from llkd.errors import LLKDError
from llkd.jobs.requests import ProbeRequest
from llkd.store import Project, Store
from ui.shell import job_cards
from ui.shell.errors import show_errors
from ui.shell.reads import home_of
from ui.shell.unbroken import press_once
from ui.shell.wording import plain

_FAILED = "_curate_meaning_failed"


def scores(store: Store, project: Project, plane: Plane, meaning: str) -> np.ndarray | None:
    """How near each row of the plane is to a meaning ``[n]``; None where it cannot be known.

    Why not is said by :func:`missing`; it is not tried again until something else is typed or the
    embeddings are others.
    """
    embeddings = curation.newest_embeddings(store, project)
    stamp = (project.id, project.digest, embeddings and embeddings.name, meaning.strip())
    failed: tuple[Any, str] | None = st.session_state.get(_FAILED)
    if failed is not None and failed[0] == stamp:
        return None
    try:
        by_row = _scores(home_of(store), stamp, store, project)
    except LLKDError as error:
        st.session_state[_FAILED] = (stamp, str(error))
        return None
    return np.asarray(by_row[plane.frame["row"].to_numpy()])


@st.cache_resource(show_spinner="Looking for texts of that meaning …", max_entries=8)
def _scores(home: str, stamp: tuple[Any, ...], _store: Store, _project: Project) -> np.ndarray:
    student = curation.student_of_embeddings(_store, _project)
    vector = query_vector(home, student, str(stamp[-1]))
    return curation.meaning_scores(_store, _project, vector)


def missing(store: Store, project: Project, meaning: str) -> None:
    """Say why a typed meaning lists nothing, and offer to make what it takes."""
    failed: tuple[Any, str] | None = st.session_state.get(_FAILED)
    if failed is None or not meaning.strip() or failed[0][-1] != meaning.strip():
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(plain(failed[1]), width="stretch")
        busy = job_cards.live_job(store, project.id, ("probe",)) is not None
        if not busy and press_once(
            "Make the embeddings", icon=":material/sensors:", key="curate_meaning_probe"
        ):
            with show_errors():
                st.session_state.pop(_FAILED, None)
                jobs.start(store, ProbeRequest(project=project.name))
                st.rerun()
