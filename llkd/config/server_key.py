"""A key for a teacher's server: cleaned as it is given, and kept out of what others may read.

It comes from the environment, where it may be bound to named hosts, from a person's session or from
the key file. A job's process holds the keys of the session that started it in :data:`HANDED_OVER`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from llkd.errors import ConfigError

KEY_VARIABLE = "OPENAI_API_KEY"
HOSTS_VARIABLE = "LLKD_KEY_HOSTS"
SHORTEST_KEY = 5  # a shorter one is a placeholder and may be part of any word
_PAIRS = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "‘": "’", "«": "»", "”": "”", "’": "’"}


LONGEST_KEY = 4096
"""Signs; tokens of gateways have some two thousand."""

HANDED_OVER: dict[str, str] = {}
"""``host:port`` to key: of the session that started this process's job, and of nobody else."""
_SENT: set[str] = set()


def clean_key(words: str, source: str) -> str:
    """A key without what was pasted along; empty where nothing is left.

    White space and line ends around it, quotes around it and a leading "Bearer" are taken off.
    ``source`` names where it comes from ("The key in OPENAI_API_KEY"). Raises ConfigError where a
    sign is left that no key has; the key itself is never shown.
    """
    key = words.strip()
    while len(key) > 1 and _PAIRS.get(key[0]) == key[-1]:
        key = key[1:-1].strip()
    if f"{key} "[:7].casefold() == "bearer ":
        key = key[7:].strip()
    if len(key) > LONGEST_KEY:
        raise ConfigError(
            f"{source} has {len(key):,} signs, and no key has more than {LONGEST_KEY:,}. Copy the "
            "key alone."
        )
    for place, sign in enumerate(key, start=1):
        if not (sign.isascii() and sign.isprintable()) or sign.isspace():
            what = "white space or a line end" if sign.isspace() else f"the sign U+{ord(sign):04X}"
            raise ConfigError(
                f"{source} has {what} as its sign {place} of {len(key)}, which no key has. Copy "
                "the key alone, without quotes, and set it again."
            )
    return key


def server_key(environment: Mapping[str, str] | None = None) -> str | None:
    """The key in OPENAI_API_KEY, cleaned; None where there is none. Raises as :func:`clean_key`."""
    values = os.environ if environment is None else environment
    return clean_key(values.get(KEY_VARIABLE, ""), f"The key in {KEY_VARIABLE}") or None


def note_sent(key: str) -> None:
    """This process sends the key: from now on :func:`without_key` looks for it too."""
    _SENT.add(key)


def without_key(words: str) -> str:
    """The words with every key of this process, should they hold one, replaced."""
    try:
        own = server_key()
    except ConfigError:
        own = os.environ.get(KEY_VARIABLE, "").strip()
    # Long ones first: one key may be the beginning of another.
    for key in sorted({own or "", *_SENT, *HANDED_OVER.values()}, key=len, reverse=True):
        if len(key) >= SHORTEST_KEY:
            words = words.replace(key, "***")
    return words


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
    return any(name in {place, host, f"[{host}]"} for name in hosts)


def _host(entry: str) -> str:
    if "//" in entry:
        parts = urlsplit(entry)
        try:
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError:
            port = None
        return f"{parts.hostname}:{port}" if port else str(parts.hostname)
    return entry.casefold().rstrip("/.")
