"""Which pages may open the app's socket and send files to it: its own, with its own port."""

from __future__ import annotations

from urllib.parse import urlsplit

from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from ui.entrance.visits import Visit

_PORTS = {"http": 80, "https": 443}


def refusal(visit: Visit) -> str | None:
    """Why this request is not served, whoever sends it; None where nothing speaks against it."""
    hosts = visit.headers.get("host", [])
    if len(hosts) != 1 or not is_host_allowed(hosts[0]):
        return (
            "This server does not answer to the name it was asked by. Open it as localhost or "
            "127.0.0.1, or start it with server.allowedHosts set to the names that people use."
        )
    if not visit.changes and (visit.wants_page or not visit.from_another_site):
        return None
    origin = visit.header("origin")
    if visit.from_another_site or (origin is not None and not is_own(origin, hosts[0])):
        return "This server answers only to its own pages."
    return None


def is_own(origin: str, host: str) -> bool:
    """Whether a page of this origin is the app's own, asked for as ``host``.

    Name and port must be the same; another port is another program, of another account perhaps.
    """
    here = _place(origin)
    if here is None:
        return False
    allowed = config.get_option("server.corsAllowedOrigins")
    if origin.rstrip("/") in {str(address).strip().rstrip("/") for address in allowed}:
        return True
    scheme = urlsplit(origin).scheme.lower()
    return here in {_place(f"{scheme}://{host}"), _public()}


def _public() -> tuple[str, int] | None:
    """The name and port that the settings give the server: a proxy may hide them from it."""
    if not config.is_manually_set("browser.serverAddress"):
        return None
    named = str(config.get_option("browser.serverAddress"))
    port = int(config.get_option("browser.serverPort"))
    try:
        parts = urlsplit(named if "://" in named else f"//{named}")
        return None if not parts.hostname else (parts.hostname.rstrip("."), parts.port or port)
    except ValueError:
        return None


def _place(address: str) -> tuple[str, int] | None:
    """Name and port of an address, its scheme's own port where it has none; None if it is none."""
    try:
        parts = urlsplit(address)
        scheme, name, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _PORTS or not name or parts.username is not None or parts.path.strip("/"):
        return None
    return name.lower().rstrip("."), port or _PORTS[scheme]
