"""Texts like a chosen one: nearest in meaning, by the student's embeddings."""

from __future__ import annotations

import streamlit as st

from llkd import curation
from ui.curate.scene import Scene, pick, redraw

MOST = 200


def like_this(scene: Scene, row: int) -> None:
    """A button that lists the texts nearest in meaning; nothing before a probe."""
    if curation.has_embeddings(scene.store, scene.project):
        st.button(
            "List texts like this one",
            icon=":material/hub:",
            key="curate_like",
            on_click=_list,
            args=(scene, row),
            help=f"The {MOST} texts nearest in meaning, by the untrained student's embeddings.",
        )


def _list(scene: Scene, row: int) -> None:
    among = scene.plane.frame["row"].to_numpy()
    found = curation.nearest_rows(scene.store, scene.project, row, among, MOST)
    if found is not None:
        pick(scene.project, "nearest in meaning", found)
    redraw()
