"""What went wrong, as a sentence on the page and never as a traceback."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from llkd.errors import LLKDError, in_words
from ui.wording import plain

# Messages that serve the command line too: on a page there is a widget, not an option, to use.
_OPTION = re.compile(r" with --(text|label|id)-column\b")


def show_error(message: str) -> None:
    """A message in a red box. It may name files and columns, so nothing in it is markup."""
    st.error(plain(_OPTION.sub("", message)), icon=":material/error:")


def unexpected(error: Exception) -> None:
    """Log a failure that nobody foresaw and say so."""
    logging.getLogger("llkd").error("the page failed", exc_info=error)
    said = in_words(error)
    if said is not None:
        show_error(said)
        return
    show_error(
        f"Something unexpected happened ({type(error).__name__}). "
        "The server's log says more; nothing you saved is lost."
    )


@contextmanager
def told() -> Iterator[None]:
    """Show what goes wrong inside as a sentence; the page goes on below.

    Streamlit's own signals (rerun, stop, switch page) pass through.
    """
    try:
        yield
    except LLKDError as error:
        show_error(str(error))
    except Exception as error:
        unexpected(error)
