"""Whether others than this machine can reach the app, and a warning where no login stops them."""

from __future__ import annotations

import ipaddress

import streamlit as st

from ui import login
from ui.wording import plain


def warn() -> None:
    """On every page: a server that others can reach without a login says so, and what to do."""
    if login.required():
        return
    where = reached()
    if where is None:
        return
    st.warning(
        f"**Anybody who can reach {plain(where)} can read, change and delete everything here**, "
        "and start work on this machine. Bind the server to this machine alone "
        "(server.address = 127.0.0.1, the default), or ask for a login: docs/server.md shows how.",
        icon=":material/lock_open:",
    )


def reached() -> str | None:
    """Where others reach this server, in words; None where only this machine does."""
    return open_to(st.get_option("server.address"), _host())


def open_to(address: str | None, host: str | None) -> str | None:
    """Where others reach the app, in words; None where only this machine does.

    ``address`` is what the server is bound to (None is every network), ``host`` the name that the
    browser asked for: a proxy before a server on 127.0.0.1 shows in it.
    """
    if address is None or not address.strip():
        return "this machine over any network"
    if not address.startswith("unix://") and not loopback(address):
        return f"the address {address}"
    if host and not loopback(host):
        return f"the name {host}"
    return None


def loopback(host: str) -> bool:
    """Whether a host name or address, with or without a port, is this machine itself."""
    name = host.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    name = name.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _host() -> str | None:
    """The name that the browser asked for; a proxy in between may have noted it."""
    headers = st.context.headers
    return headers.get("X-Forwarded-Host") or headers.get("Host")
