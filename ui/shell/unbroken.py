"""A press that begins something begins it once, and what it does is done whole.

Streamlit ends the run of a script when another press comes, at the next use of the page or of the
session, and runs it again with the second press. So a double click began a thing twice, or it was
begun and the session did not know it. Only the script's own thread is ended like that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

Result = TypeVar("Result")
DOUBLE_CLICK = 1.0  # seconds after a press in which another one is the same double click


def press_once(label: str, *, key: str, **options: Any) -> bool:
    """A button as ``st.button`` draws it, pressed once by a double click.

    After a press it is another button, with the same words in the same place: a second press that
    is on its way is one of a button that is no more. Where the browser was quick enough to press
    the new one, it does not count within a second of the run that drew it after what the first
    press had begun, or within three of that press. ``options`` are those of ``st.button``, but for
    callbacks.
    """
    name, place = f"_presses_{key}", st.empty()
    presses, last, since = st.session_state.get(name, (0, None, None))
    pressed = place.button(label, key=f"{key}_again_{presses}" if presses else key, **options)
    now = time.monotonic()
    if last is not None:
        too_soon = now < (last + 3 * DOUBLE_CLICK if since is None else since + DOUBLE_CLICK)
        if since is None:
            st.session_state[name] = presses, last, now
        if too_soon:
            return False
    if pressed:
        # The new one first: where another press ends this run here, that one is the press.
        place.button(label, key=f"{key}_again_{presses + 1}", **options)
        st.session_state[name] = presses + 1, time.monotonic(), None
    return pressed


def unbroken(act: Callable[[], Result]) -> Result:
    """Do ``act`` to its end and return what it returns, or raise what it raises.

    It may read and set the session; it draws nothing and asks for no rerun.
    """
    outcome: Future[Result] = Future()

    def work() -> None:
        try:
            outcome.set_result(act())
        except BaseException as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=work, name="unbroken")
    add_script_run_ctx(thread, get_script_run_ctx(suppress_warning=True))
    thread.start()
    return outcome.result()
