"""Connections to SQLite files that cannot write, also where nobody may write beside the file.

SQLite reads a write-ahead log through an index file that it makes beside it. Where the folder is
read-only that fails with "unable to open database file", though nothing is damaged.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

CANNOT_WRITE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


class _CopiedConnection(sqlite3.Connection):
    """A connection to a copy of the file and its log; closing it removes the copy."""

    folder: str | None = None

    def close(self) -> None:
        """Close and remove the copy."""
        super().close()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def read_only_connection(path: Path, timeout: float = 10.0) -> sqlite3.Connection:
    """A connection that cannot write. Raises sqlite3.Error where the file cannot be read."""
    path = path.resolve()
    connection = _connected(f"{path.as_uri()}?mode=ro", timeout)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection
    except sqlite3.OperationalError as error:
        connection.close()
        writable = os.access(path.parent, os.W_OK | os.X_OK)
        if error.sqlite_errorcode & 0xFF not in CANNOT_WRITE or writable or not path.exists():
            raise
    except BaseException:
        connection.close()
        raise
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or not log.stat().st_size:
        # Nobody can change the file while it is read, and no log holds newer pages of it.
        return _connected(f"{path.as_uri()}?mode=ro&immutable=1", timeout)
    return _copied(path, log, timeout)


def _connected(address: str, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, timeout=timeout, check_same_thread=False)


def _copied(path: Path, log: Path, timeout: float) -> sqlite3.Connection:
    """The newest pages are in the log: both are read from a copy in which the index can be made."""
    folder = tempfile.mkdtemp(prefix="llkd-")
    try:
        for source in (path, log):
            shutil.copyfile(source, Path(folder) / source.name)
        connection = sqlite3.connect(
            Path(folder) / path.name,
            timeout=timeout,
            check_same_thread=False,
            factory=_CopiedConnection,
        )
        connection.folder = folder
        connection.execute("PRAGMA query_only=ON")
        return connection
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
