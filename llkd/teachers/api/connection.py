"""The connection to a teacher's server: where it may lead, and what goes along.

Texts and key go to the host that was named and nowhere else: a redirect to another one is not
followed, nor is a name that resolves to a link-local address, and the key is sent only where it
belongs. What comes back is read within limits. What in the environment keeps a connection from
being made is named.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from llkd.config.addresses import is_loopback, is_metadata, metadata_refusal
from llkd.config.server_key import note_sent
from llkd.errors import ConfigError
from llkd.store.keys.key_hosts import KeyHosts
from llkd.store.keys.server_keys import key_for
from llkd.teachers.calls import bounded_replies

_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy", "http_proxy")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_SENDING = ("send_request_headers.started",)
_CONNECTING = ("connect_tcp.started",)
_CONNECTED = ("connect_tcp.complete",)


class ConnectionRefused(Exception):
    """This program will not connect, or not go on, to where the connection leads."""


class Connection:
    """A client for one base URL; ``key`` is what is sent, ``withheld`` why the key is not."""

    def __init__(self, base_url: str, home: Path | None) -> None:
        """``home`` remembers the host of a key. Raises ConfigError for an unusable environment."""
        self.url = base_url
        self.host = urlsplit(base_url).hostname or ""
        self.choice = key_for(base_url, home)
        self.key, self.withheld = self.choice.key, self.choice.withheld
        if self.key is not None:
            note_sent(self.key)
        # Only that of the environment is bound to the first host it goes to.
        bound = self.choice.origin == "environment" and home is not None
        self._hosts = KeyHosts(home) if bound and home is not None else None
        self._claimed = self._hosts is None
        self.client = _client(base_url, self._watch, self._follow)

    @property
    def remarks(self) -> list[str]:
        """What a person should know before anything is sent."""
        sentences = list(self.choice.remarks)
        if self.withheld is not None:
            sentences.append(f"{self.withheld}.")
        if self.url.startswith("http:") and not is_loopback(self.host):
            what = "The texts" if self.key is None else "The texts and the key"
            sentences.append(
                f"{what} go to {self.host} over plain http: whoever is on the way can read them. "
                "Use https where the server has it."
            )
        return sentences

    def _watch(self, request: Any) -> None:
        """Look at each step of sending a request."""
        if is_metadata(request.url.host):
            raise ConnectionRefused(f"{metadata_refusal(request.url.host)}.")
        request.extensions = {**request.extensions, "trace": self._step}

    def _step(self, name: str, info: dict[str, Any]) -> None:
        if name.endswith(_CONNECTING):
            for address in _resolved(str(info.get("host", ""))):
                self._check(address)
        elif name.endswith(_CONNECTED):
            # Once more: the name may have been given another address between two look-ups.
            address = info["return_value"].get_extra_info("server_addr")
            self._check(str(address[0]) if address else "")
        elif name.endswith(_SENDING) and not self._claimed:
            if self.key is not None and self._hosts is not None:
                refusal = self._hosts.claim(self.key, self.url)
                if refusal is not None:
                    raise ConnectionRefused(f"{refusal}.")
            self._claimed = True

    def _check(self, address: str) -> None:
        if is_metadata(address):
            raise ConnectionRefused(f"{metadata_refusal(f'{self.host} ({address})')}.")

    def _follow(self, response: Any) -> None:
        """Let a redirect be followed within the host, if it keeps what is sent."""
        if not response.has_redirect_location:
            return
        here = response.request.url
        there = here.join(response.headers["location"])
        if not _same_server(here, there):
            place = f"{there.scheme}://{there.netloc.decode()}"
            raise ConnectionRefused(
                f"The server {self.url} sends requests on to {place}, which nobody named: nothing "
                "was sent there. If that is the right server, make it the base URL."
            )
        if response.status_code not in {307, 308}:
            moved = str(there.copy_with(query=None))
            for endpoint in ("/chat/completions", "/decisions", "/systemone"):
                moved = moved.removesuffix(endpoint)
            raise ConnectionRefused(
                f"The server {self.url} says that it has moved to {moved}. Make that the base URL."
            )


def _resolved(host: str) -> list[str]:
    """The addresses of a host; none where it has none, which connecting says better."""
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None)]
    except (OSError, UnicodeError):
        return []


def _same_server(here: Any, there: Any) -> bool:
    """Whether a redirect stays on its server; from http to https of one host it does."""
    if here.host != there.host or (here.scheme, there.scheme) == ("https", "http"):
        return False
    ports = [url.port or {"http": 80, "https": 443}.get(url.scheme) for url in (here, there)]
    return ports[0] == ports[1] or ports == [80, 443]


def _client(base_url: str, watch: Callable[[Any], None], follow: Callable[[Any], None]) -> Any:
    import httpx2

    host = urlsplit(base_url).hostname or ""
    # A proxy for the world outside does not know this machine's own servers.
    own = is_loopback(host)
    try:
        return httpx2.Client(
            follow_redirects=True,
            trust_env=not own or base_url.startswith("https:"),
            proxy=None,
            mounts={"all://": None} if own else None,
            event_hooks={
                "request": [watch, bounded_replies.ask_for_little],
                "response": [bounded_replies.bound, follow],
            },
        )
    except (OSError, ImportError, ValueError, httpx2.InvalidURL) as error:
        raise ConfigError(_environment(error)) from None


def _environment(error: Exception) -> str:
    """Which variable keeps a client from being made."""
    for name in _CERTIFICATES:
        path = os.environ.get(name)
        if path and isinstance(error, OSError):
            return (
                f"{name} names {path}, which cannot be read as certificates "
                f"({error.strerror or error}). Correct it or unset it."
            )
    for name in _PROXIES:
        proxy = os.environ.get(name)
        if proxy:
            scheme = urlsplit(proxy).scheme or "no scheme"
            cure = "Use an http:// proxy, unset it, or list the server in NO_PROXY."
            if "socks" in scheme:
                cure = (
                    f"Install socksio (pip install socksio) for it, or: {cure[0].lower()}{cure[1:]}"
                )
            return f"The proxy in {name} ({scheme}) cannot be used. {cure}"
    return f"No connection can be set up: {error}."


def unreachable(url: str, error: BaseException) -> str:
    """That there is no connection to ``url``, and why, as far as the causes of ``error`` tell."""
    reasons = " ".join(str(cause) for cause in _causes(error)).casefold()
    for signs, why in _REASONS:
        if any(sign in reasons for sign in signs):
            return f"The server {url} cannot be reached: {why}"
    parts = urlsplit(url)
    proxies, host = getproxies(), parts.hostname or ""
    if not is_loopback(host) and not proxy_bypass(host) and proxies.keys() & {parts.scheme, "all"}:
        return (
            f"The server {url} cannot be reached through the environment's proxy (HTTPS_PROXY, "
            "HTTP_PROXY or ALL_PROXY). Check both, or list the server in NO_PROXY"
        )
    return f"The server {url} cannot be reached. Check that it runs and that the base URL is right"


def _causes(error: BaseException | None) -> list[BaseException]:
    causes: list[BaseException] = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


_REASONS = (
    (
        (
            "name or service not known",
            "nodename nor servname",
            "temporary failure in name",
            "no address",
        ),
        "its name is not known. Check the base URL",
    ),
    (
        ("certificate verify failed", "certificate_verify_failed", "self-signed", "self signed"),
        "its certificate is not trusted. Name the file of its certificates in SSL_CERT_FILE",
    ),
    (
        ("wrong version number", "record layer failure", "ssl: packet length"),
        "it does not speak https. Check whether the base URL should begin with http://",
    ),
    (
        ("proxy",),
        "a proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) does not lead there. "
        "Correct it, or list the server in NO_PROXY",
    ),
)
