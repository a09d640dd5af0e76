"""Which saved selection Train opens with, in the address: a reload keeps it, a link names it."""

from __future__ import annotations

import streamlit as st

from llkd.selection.registry import SAVED
from llkd.store import Project, Store

SELECTION = "selection"


def read(store: Store, project: Project) -> None:
    """In a session that has not been on Train yet, choose the selection that the address names."""
    name = st.query_params.get(SELECTION)
    if name is None or "train_strategy" in st.session_state:
        return
    if any(saved.name == name for saved in store.selections.all(project.id)):
        st.session_state["train_strategy"], st.session_state["train_saved_rows"] = SAVED, name


def write(name: str | None) -> None:
    """Let the address name the selection that is chosen; without one, none."""
    if name is None:
        st.query_params.pop(SELECTION, None)
    elif st.query_params.get(SELECTION) != name:
        st.query_params[SELECTION] = name
