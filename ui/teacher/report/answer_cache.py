"""The answers kept for reuse: how many, how large, and a button that forgets them."""

from __future__ import annotations

import streamlit as st

from llkd.store import Store
from ui.shell.errors import show_errors
from ui.shell.wording import count, counted, size

_CONFIRMING = "_cache_asked"


def answer_cache(store: Store) -> None:
    """Say what is kept and offer to delete it, with a question in between."""
    box = st.expander("Answer cache", icon=":material/inventory_2:", key="kept", on_change="rerun")
    if st.session_state.get(_CONFIRMING):
        _confirm(store)
    if not box.open:
        return
    with box, show_errors():
        number, bytes_used = store.answers.size()
        st.markdown("The same teacher, question and text are never paid for twice, in any project.")
        with st.container(horizontal=True, vertical_alignment="center"):
            summary = (
                f"**{counted(number, 'answer')}**, {size(bytes_used)}" if number else "None yet"
            )
            st.markdown(f"{summary}.", width="stretch")
            st.button(
                "Delete cached answers \u2026",
                icon=":material/delete:",
                type="tertiary",
                disabled=not number,
                on_click=_ask,
                args=(True,),
            )


def _ask(open_: bool = False) -> None:
    """Open the question whether to delete, or close it."""
    st.session_state[_CONFIRMING] = open_


@st.dialog("Delete the cached answers?", on_dismiss=_ask)
def _confirm(store: Store) -> None:
    number, bytes_used = store.answers.size()
    st.markdown(
        f"{count(number)} answers ({size(bytes_used)}) of all projects are forgotten. **Labels "
        "stay as they are.** A text that is asked about again is then paid for again."
    )
    with st.container(horizontal=True):
        sure = st.button("Delete for good", icon=":material/delete:")
        if st.button("Keep them", on_click=_ask):
            st.rerun()
    if sure:
        with show_errors():
            store.answers.delete()
            _ask()
            st.rerun()
