"""What one request may hold, and who may send it."""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path

from pydantic import Field

from llkd.config.base import Settings
from llkd.errors import UserError

KEY_VARIABLE = "LLKD_SERVE_KEY"
SHORTEST_KEY = 16


class Limits(Settings):
    """Limits of a server; whoever sends more gets a sentence that says which."""

    body_bytes: int = Field(default=1_048_576, ge=1024, description="bytes of a request's body")
    buffer_bytes: int = Field(
        default=268_435_456, ge=1024, description="bytes of all bodies that are being read"
    )
    texts: int = Field(default=256, ge=1, description="texts of one call of /predict")
    characters: int = Field(default=100_000, ge=1, description="characters of one text")
    waiting: int = Field(default=2048, ge=1, description="texts that may wait in all")
    body_seconds: float = Field(
        default=30.0, gt=0, description="seconds within which a body must be there"
    )
    header_seconds: float = Field(
        default=10.0, gt=0, description="seconds within which the lines before the body must be"
    )
    drain_seconds: int = Field(
        default=30, ge=1, description="seconds that a stop waits for what is in flight"
    )


def key_from(file: str | Path | None) -> str | None:
    """The key that callers must bring, of a file or of the environment; None: anybody may call.

    Raises UserError for a file that cannot be read, or that others can read, and for a key that is
    too short to keep anybody out.
    """
    if file is None:
        value, where = os.environ.get(KEY_VARIABLE, ""), KEY_VARIABLE
        if not value:
            return None
    else:
        path, where = Path(file).expanduser(), f"The key file {file}"
        try:
            mode = path.stat().st_mode
            value = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UserError(f"{where} cannot be read: {error}.") from None
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UserError(f"{where} can be read by others. Run: chmod 600 {file}")
    value = value.strip()
    if len(value) < SHORTEST_KEY or not value.isascii() or not value.isprintable():
        raise UserError(
            f"{where} must hold a key of at least {SHORTEST_KEY} printable ASCII characters, for "
            'example of: python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return value


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server at this address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_address(host: str, key: str | None, forced: bool) -> None:
    """Raise UserError for an address that others reach where no key keeps them out."""
    if not (is_loopback(host) or key is not None or forced):
        raise UserError(
            f"Others can reach {host}, and no key keeps them out: name one with --key-file FILE "
            f"(or {KEY_VARIABLE}), serve on 127.0.0.1, or add --no-key if a proxy asks for one."
        )
