"""What a request says, read from an ASGI scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

TOKEN = "token"  # noqa: S105 - the name of the parameter
# Methods that change nothing.
_SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Visit:
    """One request or the opening of a socket; ``base`` is the path that the app is served under."""

    scope: Mapping[str, Any]
    base: str = ""

    @cached_property
    def headers(self) -> dict[str, list[str]]:
        """Values by name in small letters, each as often as it was sent."""
        values: dict[str, list[str]] = {}
        for name, value in self.scope.get("headers", ()):
            values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        return values

    def header(self, name: str) -> str | None:
        """The header's value; None where it is missing, the last where it came several times."""
        return self.headers.get(name, [None])[-1]

    @property
    def is_socket(self) -> bool:
        """Whether a websocket is to be opened."""
        return bool(self.scope["type"] == "websocket")

    @property
    def path(self) -> str:
        """The path below the app's own, without its first slash."""
        path = str(self.scope.get("path", "")).lstrip("/")
        base = self.base.strip("/")
        if base and (path == base or path.startswith(f"{base}/")):
            path = path[len(base) :].lstrip("/")
        return path

    @property
    def changes(self) -> bool:
        """Whether it may change something: an upload, its removal, a socket."""
        return self.is_socket or self.scope.get("method") not in _SAFE

    @property
    def wants_page(self) -> bool:
        """Whether a person's browser opens an address, rather than a page fetching its parts."""
        mode = self.header("sec-fetch-mode")
        if self.scope.get("method") not in {"GET", "HEAD"} or self.is_socket:
            return False
        return mode == "navigate" if mode else "text/html" in (self.header("accept") or "")

    @property
    def from_another_site(self) -> bool:
        """Whether the browser says that another site, or another port of this one, asks for it."""
        return self.header("sec-fetch-site") in {"cross-site", "same-site"}

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """Names and values of the address."""
        raw = bytes(self.scope.get("query_string", b"")).decode("latin-1")
        return parse_qsl(raw, keep_blank_values=True)

    @property
    def token(self) -> str | None:
        """The token that came with it: in the address, or from programs as ``Authorization``."""
        for name, value in self.query:
            if name == TOKEN:
                return value
        kind, _, value = (self.header("authorization") or "").partition(" ")
        return value.strip() if kind.lower() in {"bearer", "token"} and value.strip() else None

    @property
    def token_in_address(self) -> bool:
        """Whether the address carries a token."""
        return any(name == TOKEN for name, _ in self.query)

    @property
    def address_without_token(self) -> str:
        """Path and query as a browser asks for them again; never another host."""
        path = quote("/" + str(self.scope.get("path", "")).lstrip("/\\"), safe="/-._~!$&'()*+,;=:@")
        rest = urlencode([(name, value) for name, value in self.query if name != TOKEN])
        return f"{path}?{rest}" if rest else path

    def cookie(self, name: str) -> str | None:
        """A cookie's value."""
        for line in self.headers.get("cookie", ()):
            for part in line.split(";"):
                key, equals, value = part.strip().partition("=")
                if equals and key == name:
                    return value.strip('"')
        return None


def set_cookie(name: str, value: str, *, seconds: int, path: str, secure: bool) -> bytes:
    """A Set-Cookie header that no script reads and that no other site's request carries."""
    cookie = SimpleCookie()
    cookie[name] = value
    attributes = {"max-age": seconds, "path": path, "httponly": True, "samesite": "Strict"}
    for attribute, content in {**attributes, "secure": secure}.items():
        cookie[name][attribute] = content  # type: ignore[assignment]
    return cookie[name].OutputString().encode("latin-1")
