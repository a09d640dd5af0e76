"""Whether others than this machine can reach the app, and a warning where no login stops them.

What a visitor sends is believed in one direction only: it can show that the server is reached by
others, never that it is not. Beside the address of the socket, the settings for a public name and
any header that a proxy adds say so.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import streamlit as st

from ui.entrance import state
from ui.shell import login
from ui.shell.wording import plain

# Headers that a browser never sends by itself: something between it and this server added them.
_PASSED_ON = re.compile(
    r"forward|proxy|via$|(^|-)ip$|(^|-)(remote|origin|original|real|client|cluster|ingress|ssl)-"
    r"|^(cf|cdn|fly|fastly|akamai|tailscale|ngrok|incap|true)-|^trace(parent|state)$|^b3$"
    r"|^front-end-https$|^x-(amz|amzn|azure|arr|appengine|envoy|goog|vercel|iinfo|cdn|edge|varnish"
    r"|haproxy|nginx|traefik|scheme|url-scheme|host|server|script-name|auth|webauth|ms|b3|trace"
    r"|cloud|correlation-id|request-(id|start)|https?$)"
)
_OWN = {"origin", "host"}


def warn() -> None:
    """On every page: a server that others can reach without a login says so, and what to do."""
    if login.required():
        return
    where = reached()
    if where is None:
        return
    holder, risk = "", ""
    if state.TICKETS is not None:
        holder = "and has the token of its address "
        risk = "Without TLS the token can be read on its way. "
    st.warning(
        f"**Anybody who can reach {plain(where)} {holder}can read, change and delete everything "
        f"here**, and start work on this machine. {risk}Bind the server to this machine alone "
        "(server.address = 127.0.0.1, the default), or ask for a login: docs/server.md shows how.",
        icon=":material/lock_open:",
    )


def reached() -> str | None:
    """Where others reach this server, in words; None where only this machine does."""
    return open_to(
        st.get_option("server.address"),
        st.context.headers.get("Host"),
        names=public_names(),
        headers=st.context.headers.keys(),
        visitor=st.context.ip_address,
    )


def open_to(
    address: str | None,
    host: str | None,
    *,
    names: Iterable[str] = (),
    headers: Iterable[str] = (),
    visitor: str | None = None,
) -> str | None:
    """Where others reach the app, in words; None where only this machine does.

    ``address`` is what the server is bound to (None is every network), ``host`` the name that the
    browser asked for, ``names`` those that the settings give the server, ``headers`` the names of
    what came with the request, ``visitor`` the address it came from.
    """
    if address is None or not address.strip():
        return "this machine over any network"
    if not address.startswith("unix://") and not loopback(address):
        return f"the address {address}"
    for name in (*names, *([host] if host else [])):
        if name.strip() == "*":
            return "this machine under any name"
        if not loopback(name):
            return f"the name {name}"
    for header in headers:
        if passed_on(header):
            return f"the proxy that passes requests on to it (it sent {header})"
    if visitor and not loopback(visitor):
        return "it from another machine"
    return None


def public_names() -> list[str]:
    """The names under which the settings say that people reach the server."""
    names = [str(name) for name in st.get_option("server.allowedHosts") or ()]
    names += [_host_of(str(origin)) for origin in st.get_option("server.corsAllowedOrigins") or ()]
    # Where it is not set, Streamlit gives the server's own address or "localhost".
    named = st.get_option("browser.serverAddress")
    if named and named != st.get_option("server.address"):
        names.append(_host_of(str(named)))
    return [name for name in names if name.strip()]


def passed_on(header: str) -> bool:
    """Whether a request's header of this name shows that a proxy passed the request on."""
    name = header.strip().lower().replace("_", "-")
    return name not in _OWN and _PASSED_ON.search(name) is not None


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
        parsed = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool(parsed.is_loopback or (mapped is not None and mapped.is_loopback))


def _host_of(address: str) -> str:
    """The host in an origin or address; the whole where it has none."""
    return address.partition("://")[2].partition("/")[0] or address
