"""The token in the server's address, and the cookie that a browser gets for it.

As Jupyter has it: a token that is new with each start is printed with the address. Whoever brings
it gets a cookie, signed with a key that lies in the home and is readable by its owner only, so that
an open page outlives a restart of the server. Other accounts of the machine can reach the port, but
neither read the terminal nor the key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadSignature, TimestampSigner

from llkd.errors import ConfigError

VARIABLE = "LLKD_TOKEN"
OFF = "off"
SHORTEST_TOKEN = 16
COOKIE_SECONDS = 7 * 24 * 3600
_KEY_BYTES = 48


@dataclass(frozen=True)
class Tickets:
    """The token of this server and the key of its cookies; ``own`` where its owner chose it."""

    token: str
    key: bytes
    own: bool = False

    def is_token(self, offered: str | None) -> bool:
        """Whether this is the token, compared in a time that does not tell how much of it is."""
        return offered is not None and hmac.compare_digest(offered.encode(), self.token.encode())

    def stamped(self) -> str:
        """A new cookie's value."""
        return self._signer().sign(b"in").decode("ascii")

    def is_stamped(self, value: str | None) -> bool:
        """Whether a cookie's value was made here and is not too old."""
        if not value:
            return False
        try:
            return self._signer().unsign(value, max_age=COOKIE_SECONDS) == b"in"
        except (BadSignature, UnicodeError):
            return False

    def _signer(self) -> TimestampSigner:
        # A token that its owner chose signs too: to change it shuts out whoever had the old one.
        key = self.key + self.token.encode() * self.own
        return TimestampSigner(key, salt="llkd-entrance", digest_method=hashlib.sha256)


def issued(folder: Path) -> Tickets | None:
    """The tickets of a server that starts now; None where LLKD_TOKEN turns them off.

    ``folder`` is where the key lies. Raises ConfigError for a token that could be guessed.
    """
    token = os.environ.get(VARIABLE, "").strip()
    if token.casefold() == OFF:
        return None
    if token and len(token) < SHORTEST_TOKEN:
        raise ConfigError(
            f"{VARIABLE} has {len(token)} characters, and a token must have {SHORTEST_TOKEN} or "
            f"more, so that nobody guesses it. Without the variable each start makes a token; "
            f"{VARIABLE}={OFF} asks for none, for a server behind a login of its own."
        )
    return Tickets(token or secrets.token_urlsafe(32), _key(folder), own=bool(token))


def _key(folder: Path) -> bytes:
    """The key in its file, made with the first start; one for this run where it cannot be kept."""
    path = folder / "cookie.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
        key = path.read_bytes()
        private = not path.stat().st_mode & 0o077
    except OSError:
        key, private = b"", False
    # Half a key, or one that others may have read, is none.
    return key if len(key) == _KEY_BYTES and private else secrets.token_bytes(_KEY_BYTES)
