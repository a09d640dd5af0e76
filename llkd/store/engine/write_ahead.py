"""Opening a SQLite file that several processes write: one of them makes it a WAL file, once."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

PATIENCE = 60.0
"""Seconds to wait for another process that opens the file at the same moment."""
SYNC_SECONDS = 1.0


def write_ahead(connection: Any) -> None:
    """Keep the file of a SQLite connection as a write-ahead log, so that readers never wait.

    The change needs the file for itself, and SQLite does not wait for that as it does for a write:
    two that open a new file at once would fail. Raises ``sqlite3.OperationalError`` after
    ``PATIENCE`` seconds, or at once for another fault.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def sync_now_and_then(connection: Any, last: float) -> float:
    """Bring what was written onto the disk, at most once a second; returns when that was.

    For files whose every write is not worth a sync of its own: a killed process loses nothing of
    them, a power cut what was written since. ``last`` is what this returned before.
    """
    now = time.monotonic()
    if now - last < SYNC_SECONDS:
        return last
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.OperationalError:
        return last  # another process does the same: the next write looks again
    return now
