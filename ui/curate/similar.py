"""Texts like a chosen one: nearest in meaning, by the student's embeddings."""

from __future__ import annotations

import streamlit as st

from llkd import curation
from ui.curate import titles
from ui.curate.state import CurateState, pick, redraw
from ui.curate.walk import Source

MOST = 200


def like_this(scene: CurateState | Source, row: int) -> None:
    """A button that lists the texts nearest in meaning; nothing before the quick estimate.

    Nor for a text that was added since it was made.
    """
    embeddings = curation.newest_embeddings(scene.store, scene.project)
    if row < curation.embedded_texts(scene.project, embeddings):
        st.button(
            "List texts like this one",
            icon=":material/hub:",
            # A click that was meant for another text finds no button of its name any more.
            key=f"curate_like_{row}",
            on_click=_list,
            args=(scene, row),
            help=f"The {MOST} texts nearest in meaning, by the untrained student's embeddings.",
        )


def _list(scene: CurateState | Source, row: int) -> None:
    among = scene.plane.frame["row"].to_numpy()
    nearest = curation.nearest_rows(scene.store, scene.project, row, among, MOST)
    if nearest is not None:
        pick(scene.project, titles.NEAREST, nearest)
    redraw()
