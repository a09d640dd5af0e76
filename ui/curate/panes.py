"""Which of its two pictures Curate shows, and what is marked on the one while the other is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from llkd.store import Project
from ui.curate import state
from ui.decision_plane import Brush, Look, Packed, Region

ADDRESS = "pane"
"""The part of the address that names the picture; without it, it is the plane."""
SIGNALS, MEANING = "plane", "map"
TITLES = {SIGNALS: "Plane", MEANING: "Map of meaning"}
_PANES = "_curate_pane_"


def in_use(project: Project) -> str:
    """The picture of this session: what was chosen last, else what the address says.

    The address speaks of the project it was opened with, and of none that is chosen afterwards.
    """
    pane: str | None = st.session_state.get(_key(project))
    if pane is None:
        is_first = not any(str(name).startswith(_PANES) for name in st.session_state)
        pane = st.query_params.get(ADDRESS, SIGNALS) if is_first else SIGNALS
        pane = pane if pane in TITLES else SIGNALS
        st.session_state[_key(project)] = pane
    return pane


def use(project: Project, pane: str) -> None:
    """Show this picture."""
    st.session_state[_key(project)] = pane


def show_in_address(project: Project) -> None:
    """Let the address say which picture is seen, so that a link or a reloaded page shows it."""
    if in_use(project) == SIGNALS:
        st.query_params.pop(ADDRESS, None)
    elif st.query_params.get(ADDRESS) != in_use(project):
        st.query_params[ADDRESS] = in_use(project)


def switch(project: Project) -> None:
    """The choice between the two pictures."""
    key = f"curate_pane_{project.id}"
    st.session_state[key] = in_use(project)
    st.segmented_control(
        "Show the texts on",
        list(TITLES),
        format_func=TITLES.__getitem__,
        key=key,
        on_change=_switched,
        args=(project, key),
        required=True,
        label_visibility="collapsed",
        help="The plane: by teacher confidence and student uncertainty. The map: texts that mean "
        "much the same lie near each other. Colours and what is marked are the same on both.",
    )


def look(project: Project) -> Look:
    """How the picture is looked at: its own zoom, and what both share."""
    shared = state.look(project)
    if in_use(project) == SIGNALS:
        return shared
    return replace(shared, zoom=st.session_state.get(_zoom(project)))


def look_at(project: Project, changed: Look) -> None:
    """Remember how the picture is looked at."""
    if in_use(project) == MEANING:
        st.session_state[_zoom(project)] = changed.zoom
        changed = replace(changed, zoom=state.look(project).zoom)
    state.look_at(project, changed)


def outline(project: Project, drawn_on: str) -> Region | None:
    """The lasso, where it was drawn on this picture: the plane (empty) or the map of that name."""
    marked = state.region(project)
    return marked if marked is not None and marked.drawn_on == drawn_on else None


def brush(project: Project, drawn_on: str, plane: Packed) -> Brush | None:
    """What was marked on the other picture; ``plane`` are the rows as they lie on the plane."""
    marked = state.region(project)
    if marked is None or marked.drawn_on == drawn_on:
        return None
    rows = np.zeros(plane.rows, bool)
    rows[marked.rows(plane)] = True
    where = "the map" if not drawn_on else "the map of before" if marked.drawn_on else "the plane"
    return Brush(rows, f"marked on {where}")


def _switched(project: Project, key: str) -> None:
    use(project, st.session_state[key])
    state.rerun(state.PLANE)


def _zoom(project: Project) -> str:
    return f"_curate_map_zoom_{project.id}"


def _key(project: Project) -> str:
    return f"{_PANES}{project.id}"
