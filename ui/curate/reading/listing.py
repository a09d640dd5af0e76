"""The list that table and card share: what of the plane it holds, and in which order."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui.curate import rows
from ui.curate.rows import Listing
from ui.curate.state import PICKED, CurateState, picked, region, set_now, soon

SHOWN = "curate_shown"
"""The widget of the table that chooses the list."""


def choices(scene: CurateState) -> list[str]:
    """The lists there are now."""
    shown = [rows.KEPT_ROWS, rows.OTHER_ROWS, rows.ALL]
    shown += [rows.MARKED] if region(scene.project) else []
    shown += [PICKED] if picked(scene.project) else []
    return shown


def settle(scene: CurateState) -> None:
    """To be called before the widget is drawn: what is not to be had any more is given up."""
    set_now(SHOWN)
    if st.session_state.get(SHOWN) not in choices(scene):
        st.session_state[SHOWN] = rows.KEPT_ROWS


def wanted(scene: CurateState) -> Listing:
    """The list that the widgets of the page choose, also where they are not drawn yet."""
    shown = soon(SHOWN)
    return Listing(
        str(shown) if shown in choices(scene) else rows.KEPT_ROWS,
        scene.text_view,
        region(scene.project),
        picked(scene.project),
        scene.gate,
    )


def listed(scene: CurateState, wanted_rows: Listing) -> np.ndarray:
    """Positions of the listed rows; turning a page or ticking a row does not look for them anew."""
    stamp = (scene.key, scene.people, scene.view, wanted_rows)
    cached = st.session_state.get("_curate_listed")
    if cached is None or cached[0] != stamp:
        cached = (stamp, rows.listed(scene, wanted_rows))
        st.session_state["_curate_listed"] = cached
    return np.asarray(cached[1])
