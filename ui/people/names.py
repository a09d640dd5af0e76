"""In the sidebar: who signs what is decided here, where there is no login."""

from __future__ import annotations

import streamlit as st

from llkd.store.people.browser_names import LONGEST_NAME
from ui.shell import authorship
from ui.shell.errors import defer_errors
from ui.shell.wording import plain

_FIELD = "people_name"


def who_sits_here() -> None:
    """The name that signs, and a way to give one or another."""
    if not authorship.signs_by_typing():
        return  # the login says it
    name = authorship.typed_name()
    label = "Give your name" if name is None else name
    with st.popover(plain(label), icon=":material/person:", width="stretch", key="people_who"):
        st.markdown(
            "Labels are signed with your name, so that several people can work on one project: "
            "where two say different things both are kept."
        )
        st.text_input("Your name", name or "", max_chars=LONGEST_NAME, key=_FIELD, on_change=_sign)
        st.caption(
            "This browser remembers it. It is no proof of who you are; a login is (docs/server.md)."
        )
        if name is not None:
            st.button("Forget my name", key="people_forget", on_click=_forget)


@defer_errors
def _sign() -> None:
    typed = str(st.session_state.get(_FIELD, ""))
    if typed.strip():
        authorship.sign_as(typed)


@defer_errors
def _forget() -> None:
    authorship.sign_as(None)
    st.session_state.pop(_FIELD, None)
