"""The key for a teacher's server: read from the environment, cleaned, and bound to named hosts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from llkd.errors import ConfigError

KEY_VARIABLE = "OPENAI_API_KEY"
HOSTS_VARIABLE = "LLKD_KEY_HOSTS"
SHORTEST_KEY = 5  # a shorter one is a placeholder and may be part of any word
_PAIRS = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "‘": "’", "«": "»", "”": "”", "’": "’"}


def server_key(environment: Mapping[str, str] | None = None) -> str | None:
    """The key in OPENAI_API_KEY without what was pasted along; None where there is none.

    White space and line ends around it, quotes around it and a leading "Bearer" are taken off.
    Raises ConfigError where a sign is left that no key has; the key itself is never shown.
    """
    values = os.environ if environment is None else environment
    key = values.get(KEY_VARIABLE, "").strip()
    while len(key) > 1 and _PAIRS.get(key[0]) == key[-1]:
        key = key[1:-1].strip()
    if key[:7].casefold() == "bearer ":
        key = key[7:].strip()
    for place, sign in enumerate(key, start=1):
        if not (sign.isascii() and sign.isprintable()) or sign.isspace():
            what = "white space or a line end" if sign.isspace() else f"the sign U+{ord(sign):04X}"
            raise ConfigError(
                f"The key in {KEY_VARIABLE} has {what} as its sign {place} of {len(key)}, which no "
                "key has. Copy the key alone, without quotes, and set it again."
            )
    return key or None


def without_key(words: str) -> str:
    """The words with the key, should they hold it, replaced."""
    try:
        key = server_key()
    except ConfigError:
        key = os.environ.get(KEY_VARIABLE, "").strip()
    return words.replace(key, "***") if key and len(key) >= SHORTEST_KEY else words


def named_hosts(environment: Mapping[str, str] | None = None) -> list[str] | None:
    """The hosts that LLKD_KEY_HOSTS names, as ``host`` or ``host:port``; None where it is not set.

    They stand with commas or spaces between them; a whole base URL names its host and port.
    """
    values = os.environ if environment is None else environment
    words = values.get(HOSTS_VARIABLE)
    if words is None or not words.strip():
        return None
    return [_host(entry) for entry in words.replace(",", " ").replace(";", " ").split()]


def is_named(place: str, hosts: list[str]) -> bool:
    """Whether ``place`` (``host:port``) is one of the hosts; one without a port means any port."""
    host = place.rpartition(":")[0]
    return any(one in {place, host, f"[{host}]"} for one in hosts)


def _host(entry: str) -> str:
    if "//" in entry:
        parts = urlsplit(entry)
        try:
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError:
            port = None
        return f"{parts.hostname}:{port}" if port else str(parts.hostname)
    return entry.casefold().rstrip("/.")
