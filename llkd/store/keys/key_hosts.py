"""Which server each key for teachers goes to: the one that it was first used with, or named ones.

A base URL can be typed by anybody who reaches the Teacher page; the key is its owner's. So a key
goes to the hosts that LLKD_KEY_HOSTS names or, where that is not set, to the first one it was sent
to and to no other. The file holds no key: only a salted digest that tells one key from another.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

from filelock import FileLock

from llkd.config.addresses import host_and_port
from llkd.config.server_key import HOSTS_VARIABLE, KEY_VARIABLE, is_named, named_hosts
from llkd.store.files.permissions import make_folder, mode_in
from llkd.store.home import atomic_file

FILE = "key_hosts.json"


class KeyHosts:
    """The hosts that keys were first used with, in a file of the home."""

    def __init__(self, home: Path) -> None:
        """``home``: the folder LLKD_HOME; nothing is written before a key is used."""
        self._path = home / FILE
        self._lock = home / "locks" / f"{FILE}.lock"

    def refusal(self, key: str, url: str) -> str | None:
        """Why the key does not go to the server at ``url``; None where it may."""
        place = host_and_port(url)
        hosts = named_hosts()
        if hosts is not None:
            if is_named(place, hosts):
                return None
            return (
                f"The key in {KEY_VARIABLE} is not sent to {place}, which {HOSTS_VARIABLE} does "
                "not name"
            )
        first = self.first(key)
        if first in {None, place}:
            return None
        return (
            f"The key in {KEY_VARIABLE} is not sent to {place}: it was first used with {first} and "
            f"goes only there. To name its hosts yourself, set {HOSTS_VARIABLE}={first},{place} "
            "and start the program again"
        )

    def first(self, key: str) -> str | None:
        """The ``host:port`` that this key was first used with; None before its first use."""
        known = self._read()
        host = known["hosts"].get(_digest(key, known["salt"]))
        return host if isinstance(host, str) else None

    def claim(self, key: str, url: str) -> str | None:
        """The key is about to be sent to ``url``: remember that. Returns a refusal, or None."""
        if named_hosts() is not None or self.first(key) is not None:
            return self.refusal(key, url)
        make_folder(self._lock.parent)
        with FileLock(self._lock, mode=mode_in(self._lock.parent)):
            known = self._read()
            known["hosts"].setdefault(_digest(key, known["salt"]), host_and_port(url))
            with atomic_file(self._path) as temporary:
                temporary.write_text(json.dumps(known), encoding="utf-8")
        return self.refusal(key, url)

    def _read(self) -> dict[str, Any]:
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(known["salt"], str) and isinstance(known["hosts"], dict):
                return dict(known)
        except (OSError, ValueError, LookupError, TypeError):
            pass
        return {"salt": secrets.token_hex(16), "hosts": {}}


def _digest(key: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}\n{key}".encode()).hexdigest()[:32]
