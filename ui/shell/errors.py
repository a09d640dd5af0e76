"""What went wrong, as a sentence on the page and never as a traceback."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

import streamlit as st

from llkd.errors import LLKDError, in_words
from ui.shell.wording import plain

_P = ParamSpec("_P")
_LATER = "_told_later"
# Messages that serve the command line too: on a page there is a widget, not an option, to use.
_OPTION = re.compile(r" with --(text|label|id)-column\b")


def show_error(message: str) -> None:
    """A message in a red box. It may name files and columns, so nothing in it is markup."""
    st.error(plain(_OPTION.sub("", message)), icon=":material/error:")


def unexpected(error: Exception) -> None:
    """Log a failure that nobody foresaw and say so."""
    show_error(_words(error))


def _words(error: Exception) -> str:
    if isinstance(error, LLKDError):
        return str(error)
    logging.getLogger("llkd").error("the page failed", exc_info=error)
    return in_words(error) or (
        f"Something unexpected happened ({type(error).__name__}). "
        "The server's log says more; nothing you saved is lost."
    )


def defer_errors(callback: Callable[_P, None]) -> Callable[_P, None]:
    """A callback whose failure the next :func:`told` shows: a callback has no place of its own."""

    @functools.wraps(callback)
    def careful(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:
            st.session_state.setdefault(_LATER, []).append(_words(error))

    return careful


@contextmanager
def show_errors() -> Iterator[None]:
    """Show what goes wrong inside as a sentence; the page goes on below.

    What went wrong in a callback before this run is shown first. Streamlit's own signals (rerun,
    stop, switch page) pass through.
    """
    for message in st.session_state.pop(_LATER, []):
        show_error(message)
    try:
        yield
    except LLKDError as error:
        show_error(str(error))
    except Exception as error:
        unexpected(error)
