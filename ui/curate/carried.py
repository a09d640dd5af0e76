"""The selection that a person works with: carried from Curate to Train, Results and Export."""

from __future__ import annotations

import streamlit as st

from llkd.selection.registry import SAVED
from llkd.store import Project, Store
from ui.export.preview import FROM_SAVED


def carry(project: Project, name: str) -> None:
    """Remember that the saved selection of this name is the one that is worked with."""
    st.session_state[_key(project)] = name
    # Export opens with it, whatever was looked at there before.
    st.session_state["export_what"], st.session_state["export_saved"] = FROM_SAVED, name


def selection(store: Store, project: Project) -> str | None:
    """The name of the selection that is worked with, while it is still saved.

    What was chosen in this session; else what the newest run was trained on.
    """
    saved = {record.name for record in store.selections.all(project.id)}
    name = st.session_state.get(_key(project))
    if name is None:
        newest = next(iter(reversed(store.runs.all(project.id))), None)
        if newest is not None and newest.config.selection.strategy == SAVED:
            name = newest.config.selection.saved
    return name if name in saved else None


def _key(project: Project) -> str:
    return f"_curate_carried_{project.id}"
