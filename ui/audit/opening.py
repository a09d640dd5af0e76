"""Which audit is on the desk in this session, and who signs its answers.

The address says it too, so that a reload comes back to the card and what it had not sent yet.
"""

from __future__ import annotations

import streamlit as st

from llkd.errors import NotFound
from llkd.store import Audit, Project, Store
from ui.shell.authorship import Author, author, author_named, signs_by_typing, typed_name

ADDRESS = "audit"
LONGEST_NAME = 60
_LONGEST_NUMBER = 9


def is_open(project: Project) -> bool:
    """Whether an audit's card is open in this session: then nothing may show teacher's labels."""
    return _number(project) is not None


def open_audit(project: Project, audit: Audit) -> None:
    """Put an audit on the desk."""
    st.session_state[_key(project)] = audit.id
    st.query_params[ADDRESS] = str(audit.id)


def close(project: Project) -> None:
    """Take the audit off the desk; its answers stay."""
    st.session_state[_key(project)] = None
    st.query_params.pop(ADDRESS, None)


def on_desk(store: Store, project: Project) -> Audit | None:
    """The audit that is open here; None also for a number that is none of this project's."""
    number = _number(project)
    if number is None:
        return None
    try:
        audit = store.audits.get(project.id, number)
    except NotFound:
        close(project)
        return None
    open_audit(project, audit)
    return audit


def signer(audit: Audit) -> Author | None:
    """Who answers here. None where two people audit and nobody has said who sits here.

    With a login it is whoever is logged in. Without one everybody is the local user, which tells
    no two people apart.
    """
    if audit.people == 1 or not signs_by_typing():
        return author()
    name = st.session_state.get(_name_key(audit))
    if name is None:
        name = typed_name()
    return author_named(name) if isinstance(name, str) and name else None


def sign_as(audit: Audit, name: str | None) -> None:
    """Remember who sits here; None asks again."""
    words = "" if name is None else " ".join(name.split())[:LONGEST_NAME]
    st.session_state[_name_key(audit)] = "".join(c for c in words if c.isprintable())


def _number(project: Project) -> int | None:
    key = _key(project)
    if key not in st.session_state:
        # The address speaks of the project it was opened with, and of none chosen afterwards.
        first = not any(str(name).startswith(_KEY) for name in st.session_state)
        typed = st.query_params.get(ADDRESS, "") if first else ""
        known = typed.isascii() and typed.isdecimal() and len(typed) <= _LONGEST_NUMBER
        st.session_state[key] = int(typed) if known else None
    number = st.session_state[key]
    return number if isinstance(number, int) else None


_KEY = "_audit_open_"


def _key(project: Project) -> str:
    return f"{_KEY}{project.id}"


def _name_key(audit: Audit) -> str:
    return f"_audit_signer_{audit.id}"
