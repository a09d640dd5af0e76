"""Keys for teachers' servers that were typed in this session: in its memory, and nowhere else.

A session is one browser tab, until it is closed or loaded anew. No session sees another's.
"""

from __future__ import annotations

import streamlit as st

_NAME = "server_keys"


def session_keys() -> dict[str, str]:
    """``host:port`` to key, for the jobs that this session starts."""
    keys: dict[str, str] = dict(st.session_state.get(_NAME, {}))
    return keys


def keep_in_session(place: str, key: str) -> None:
    """Use this key for ``host:port`` from now on, in this session."""
    st.session_state[_NAME] = {**session_keys(), place: key}


def forget_in_session(place: str) -> None:
    """Drop this session's key for ``host:port``."""
    keys = session_keys()
    keys.pop(place, None)
    st.session_state[_NAME] = keys
