"""A choice among runs that stays with its run when the run gets another name."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Literal

import streamlit as st

from llkd.store import Run


def choose_run(
    label: str,
    runs: Sequence[Run],
    *,
    key: str,
    width: int | Literal["stretch"] = 340,
    note: str | None = None,
) -> Run:
    """The run that was chosen here last, while it is among these; else the first of them."""
    held = f"_{key}"
    names = {run.id: f"{run.name}, seed {run.config.seed}" for run in runs}
    run_id = st.session_state.get(held)
    if run_id not in names:
        run_id = next(iter(names))
    # A browser keeps what a choice was called when it was made: with other names it is another
    # widget, which begins with the same run.
    name = f"{key}_{zlib.crc32(repr(names).encode('utf-8', 'replace'))}"

    def pick() -> None:
        st.session_state[held] = st.session_state[name]

    run_id = st.selectbox(
        label,
        list(names),
        list(names).index(run_id),
        format_func=names.__getitem__,
        key=name,
        on_change=pick,
        width=width,
        help=note,
    )
    return next(run for run in runs if run.id == run_id)
