"""Opening one text in the card: from a dot, a lasso, or a row of the table."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import streamlit as st

from llkd.store import Project
from ui.curate import filtering, titles
from ui.curate.reading import listing
from ui.curate.state import CARD, FILTERS, TABLE, CurateState, pick, rerun, set_later
from ui.decision_plane import Packed
from ui.decision_plane.geometry import nearest_positions

SWITCH = "curate_one_by_one"
AROUND = 100
"""So many texts are listed around a dot that the list does not hold."""


def open_position(scene: CurateState, position: int, shown: Packed | None = None) -> NoReturn:
    """From a callback: the text at this position of the plane, in the list that holds it.

    Where the list does not, it becomes that of the dots around it, nearest first: on the plane, or
    as they are ``shown``.
    """
    if not (listing.listed(scene, listing.wanted(scene)) == position).any():
        around = nearest_positions(shown or scene.packed, position, AROUND)
        pick(scene.project, titles.AROUND, scene.plane.frame["row"].to_numpy()[around])
        filtering.use(scene.project)
    ask(scene.project, int(scene.plane.frame["row"].iloc[position]))
    rerun(FILTERS, CARD, TABLE)


def ask(project: Project, row: int | None) -> None:
    """Let the card open at this row of the list when it is drawn next; None: at the first."""
    st.session_state[_key(project)] = row
    set_later(SWITCH, True)


def asked_place(project: Project, rows: np.ndarray) -> int | None:
    """The place in the list that is to be opened, told once; None where nothing is."""
    if _key(project) not in st.session_state:
        return None
    row = st.session_state.pop(_key(project))
    places = np.flatnonzero(rows == row) if row is not None else np.zeros(1, int)
    return int(places[0]) if len(places) else None


def _key(project: Project) -> str:
    return f"_curate_open_{project.id}"
