"""Which texts a person looks at on Curate: filters, words and order, by session and in the address.

The rule of what is kept lies in ``view``; this changes nothing about what is kept.
"""

from __future__ import annotations

import streamlit as st

from llkd.config.text_view import ADDRESS, EVERY_TEXT, TextView
from llkd.store import Project

_VIEWS = "_curate_text_view_"


def in_use(project: Project) -> TextView:
    """The view of this session: what was set last, else what the address says.

    The address speaks of the project it was opened with, and of none that is chosen afterwards.
    """
    held: TextView | None = st.session_state.get(_key(project))
    if held is None:
        is_first = not any(str(name).startswith(_VIEWS) for name in st.session_state)
        parts = {name: st.query_params.get(name, "") if is_first else "" for name in ADDRESS}
        held = TextView.from_address(parts)
        st.session_state[_key(project)] = held
    return held


def use(project: Project, view: TextView = EVERY_TEXT) -> None:
    """Make ``view`` the one in use; by default every text in the order of the data."""
    st.session_state[_key(project)] = view


def show_in_address(view: TextView) -> None:
    """Let the address say what is looked at, so that a link or a reloaded page shows it again."""
    wanted = view.to_address()
    for name in ADDRESS:
        if name in wanted and st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]


def _key(project: Project) -> str:
    return f"{_VIEWS}{project.id}"
