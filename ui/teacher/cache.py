"""The answers kept for reuse: how many, how large, and a button that forgets them."""

from __future__ import annotations

import streamlit as st

from llkd.store import Store
from ui.errors import told
from ui.wording import count, counted, size

_ASKED = "_cache_asked"


def kept_answers(store: Store) -> None:
    """Say what is kept and offer to delete it, with a question in between."""
    box = st.expander(
        "Answers kept for reuse", icon=":material/inventory_2:", key="kept", on_change="rerun"
    )
    if st.session_state.get(_ASKED):
        _confirm(store)
    if not box.open:
        return
    with box, told():
        number, taken = store.answers.size()
        st.markdown(
            "Every answer is kept under the teacher, the exact question and the text, so that the "
            "same one is never paid for twice, in this project or another."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            kept = f"**{counted(number, 'answer')}**, {size(taken)}" if number else "None yet"
            st.markdown(f"{kept}.", width="stretch")
            st.button(
                "Delete kept answers \u2026",
                icon=":material/delete:",
                type="tertiary",
                disabled=not number,
                on_click=_ask,
                args=(True,),
            )


def _ask(wanted: bool = False) -> None:
    """Open the question whether to delete, or close it."""
    st.session_state[_ASKED] = wanted


@st.dialog("Delete the kept answers?", on_dismiss=_ask)
def _confirm(store: Store) -> None:
    number, taken = store.answers.size()
    st.markdown(
        f"{count(number)} answers ({size(taken)}) of all projects are forgotten. **Labels stay as "
        "they are.** A text that is asked about again is then paid for again."
    )
    with st.container(horizontal=True):
        sure = st.button("Delete for good", icon=":material/delete:")
        if st.button("Keep them", on_click=_ask):
            st.rerun()
    if sure:
        with told():
            store.answers.delete()
            _ask()
            st.rerun()
