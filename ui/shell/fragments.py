"""Parts of a page that draw themselves again by the clock, and none of them after their page.

A browser asks for such a part until it hears that another page has begun; what it asked for until
then reaches the server later, under the name of the page that was left. Streamlit would answer it
all the same, as a run of the old page, and the browser would clear the new one away. Only a part
that is not known any more is not answered at all. So a part is known by the page that it stands
on, and the parts of a page are forgotten when it is left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

_STANDS_ON = "_timed_page"


def part(draw: Callable[..., None], seconds: float | None) -> Callable[..., None]:
    """``draw`` as a part of the page that draws itself again every so often; None: never."""
    context = get_script_run_ctx()

    @wraps(draw)
    def draw_part(*args: Any) -> None:  # noqa: ANN401
        draw(*args)

    # Streamlit knows a part by its name and its place, and places are alike on all pages.
    draw_part.__qualname__ = f"{draw.__qualname__}@{context.page_script_hash if context else ''}"
    return st.fragment(draw_part, run_every=seconds)


def entered(page: str) -> None:
    """To be called at the beginning of each run of a page: forget the parts of another one."""
    if st.session_state.get(_STANDS_ON) != page:
        st.session_state[_STANDS_ON] = page
        forget()


def forget() -> None:
    """Forget all parts of the page, which is about to be left."""
    context = get_script_run_ctx()
    if context is not None:
        context.fragment_storage.clear()
