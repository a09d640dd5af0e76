"""Starting the server: what it is put behind, and its address in the terminal and the browser."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from html import escape
from pathlib import Path
from typing import Any, TextIO

from starlette.middleware import Middleware
from streamlit import config
from streamlit.web.server.server_util import get_display_address, get_url

from llkd.errors import LLKDError
from llkd.store import Home
from ui.entrance import state
from ui.entrance.gate import Gate
from ui.entrance.tickets import VARIABLE, Tickets, issued
from ui.shell import login_settings

# Set to 1 by ``llkd app``: a browser is opened with the address.
BROWSER_VARIABLE = "LLKD_BROWSER"
_BROWSER_READS_IT = 60.0


def middleware() -> list[Middleware]:
    """What stands before Streamlit's application. Ends the program where it cannot start safely."""
    unreadable = login_settings.secrets_error()
    if unreadable is not None:
        # Streamlit acts as if there were no secrets, or dies of them with a traceback.
        _tell(sys.stderr, f"error: {unreadable}")
    problem = login_settings.problem()
    if problem is not None:
        _tell(sys.stderr, f"error: {problem}")
    if problem is not None and not login_settings.streamlit_survives():
        sys.exit(1)
    try:
        state.TICKETS = issued(Home().server)
    except LLKDError as error:
        sys.exit(f"error: {error}")
    return [Middleware(Gate, tickets=state.TICKETS)]


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Once the port is known: say how to get in; at the end take back what was written for it."""
    # The lines of the web server name an address without the token.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    address = own_address()
    tickets = None if login_settings.required() else state.TICKETS
    _tell(sys.stdout, announcement(address, tickets))
    opened = _open_browser(address, tickets) if os.environ.get(BROWSER_VARIABLE) == "1" else None
    try:
        yield
    finally:
        if opened is not None:
            opened.unlink(missing_ok=True)


def own_address() -> str:
    """The address under which people reach this server, without a token."""
    if config.is_manually_set("browser.serverAddress"):
        return get_url(str(config.get_option("browser.serverAddress")))
    return get_url(get_display_address(str(config.get_option("server.address") or "localhost")))


def announcement(address: str, tickets: Tickets | None) -> str:
    """What the terminal says at the start."""
    if tickets is None:
        return f"\n  LLKD Studio is open at\n\n    {address}\n"
    if tickets.own:
        return (
            f"\n  LLKD Studio is open at\n\n    {address}/?token=...\n\n"
            f"  with the token that {VARIABLE} holds in place of the dots.\n"
        )
    return (
        f"\n  LLKD Studio is open at\n\n    {with_token(address, tickets)}\n\n"
        "  Whoever has this address can do here what you can. It holds until the program is "
        "stopped (Ctrl+C).\n"
    )


def with_token(address: str, tickets: Tickets) -> str:
    """The address that lets its reader in."""
    return f"{address}/?token={tickets.token}"


def _tell(stream: TextIO, lines: str) -> None:
    stream.write(f"{lines}\n")
    stream.flush()  # it is often a file or a pipe that somebody waits for


def _open_browser(address: str, tickets: Tickets | None) -> Path | None:
    """Open a browser by way of a file that only the owner may read.

    Every account of the machine sees the command lines of all programs: the token stands in none.
    """
    desktop = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    if not desktop:
        return None
    target = address if tickets is None else with_token(address, tickets)
    handle, name = -1, ""
    for folder in (Home().server, None):
        with suppress(OSError):
            handle, name = tempfile.mkstemp(prefix="open-", suffix=".html", dir=folder)
            break
    if not name:
        return None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(
            '<!DOCTYPE html><meta charset="utf-8"><title>LLKD Studio</title>'
            f'<meta http-equiv="refresh" content="0;url={escape(target)}">'
        )
    path = Path(name)

    def show() -> None:
        with suppress(webbrowser.Error, OSError):
            webbrowser.open(path.as_uri())

    # After the server has begun to answer; a browser in the terminal would block it.
    for wait, act in ((0.5, show), (_BROWSER_READS_IT, lambda: path.unlink(missing_ok=True))):
        timer = threading.Timer(wait, act)
        timer.daemon = True
        timer.start()
    return path
