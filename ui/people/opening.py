"""Which desk of several people is open in this session: blind second labels, or disputes.

The address says it too, so that a reload comes back to the card and what it had not sent yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from llkd.store import Project

Kind = Literal["second", "settle"]
ADDRESS = "people"
_LONGEST = 9


@dataclass(frozen=True)
class Desk:
    """What is done at it: a second label for each text of a sample, or settling disputes."""

    kind: Kind
    sample: int | None = None

    @property
    def address(self) -> str:
        """As the address says it."""
        return self.kind if self.sample is None else f"{self.kind}-{self.sample}"


def open_desk(project: Project, desk: Desk) -> None:
    """Put a desk in place of the page."""
    st.session_state[_key(project)] = desk
    st.query_params[ADDRESS] = desk.address


def close(project: Project) -> None:
    """Back to the page; what was said stays."""
    st.session_state[_key(project)] = None
    st.query_params.pop(ADDRESS, None)


def state(project: Project) -> Desk | None:
    """The desk that is open, by the session, at first by the address."""
    key = _key(project)
    if key not in st.session_state:
        first = not any(str(name).startswith(_KEY) for name in st.session_state)
        st.session_state[key] = read(st.query_params.get(ADDRESS, "")) if first else None
    desk: Desk | None = st.session_state[key]
    return desk


def is_open(project: Project) -> bool:
    """Whether a desk is open in this session; the address is left for Curate to read."""
    return st.session_state.get(_key(project)) is not None


def read(address: str) -> Desk | None:
    """The desk that an address names; None for any other words."""
    kind, _, number = address.partition("-")
    if kind == "settle" and not number:
        return Desk("settle")
    if kind == "second" and number.isascii() and number.isdecimal() and len(number) <= _LONGEST:
        return Desk("second", int(number))
    return None


_KEY = "_people_desk_"


def _key(project: Project) -> str:
    return f"{_KEY}{project.id}"
