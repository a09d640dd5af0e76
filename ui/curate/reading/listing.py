"""The list that table and card share: what of the plane it holds, and in which order."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui.curate import rows
from ui.curate.rows import Filter
from ui.curate.state import PICKED, CurateState, picked, region, set_now, soon

FIELDS = ("curate_shown", "curate_label", "curate_words", "curate_order", "curate_down")
"""The widgets of the table that choose the list."""


def choices(scene: CurateState) -> list[str]:
    """The lists there are now."""
    shown = [rows.KEPT_ROWS, rows.OTHER_ROWS, rows.ALL]
    shown += [rows.FLAGGED] if scene.plane.frame["flagged"].any() else []
    shown += [rows.DISAGREE] if scene.plane.frame["disagreement"].notna().any() else []
    shown += [rows.MARKED] if region(scene.project) else []
    shown += [PICKED] if picked(scene.project) else []
    return shown


def settle(scene: CurateState) -> None:
    """To be called before the widgets are drawn: what is not to be had any more is given up."""
    for key in FIELDS:
        set_now(key)
    if st.session_state.get("curate_shown") not in choices(scene):
        st.session_state["curate_shown"] = rows.KEPT_ROWS


def wanted(scene: CurateState) -> Filter:
    """The list that the widgets of the table choose, also where they are not drawn yet."""
    shown, label, words, order, down = (soon(key) for key in FIELDS)
    known = isinstance(label, int) and 0 <= label < len(scene.plane.names)
    return Filter(
        str(shown) if shown in choices(scene) else rows.KEPT_ROWS,
        label if known else None,
        str(words or ""),
        str(order or rows.IN_ORDER),
        bool(down),
        region(scene.project),
        picked(scene.project),
        scene.gate,
    )


def listed(scene: CurateState, wanted_rows: Filter) -> np.ndarray:
    """Positions of the listed rows; turning a page or ticking a row does not look for them anew."""
    stamp = (scene.key, scene.people, scene.view, wanted_rows)
    cached = st.session_state.get("_curate_listed")
    if cached is None or cached[0] != stamp:
        positions = rows.listed(
            scene.plane, scene.packed, scene.kept_mask, scene.texts, wanted_rows, scene.view
        )
        cached = (stamp, positions)
        st.session_state["_curate_listed"] = cached
    return np.asarray(cached[1])
