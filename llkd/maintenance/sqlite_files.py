"""Whether a SQLite file is whole, and a new one from what a damaged one still holds."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from llkd.errors import StoreError
from llkd.store.engine.read_only import read_only_connection

MOST_NAMED = 5
LOGS = ("-wal", "-shm", "-journal")


def faults(path: Path) -> list[str]:
    """What SQLite itself finds wrong with a file, a few lines at most; empty where it is whole."""
    try:
        connection = read_only_connection(path)
        try:
            messages = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
            keys = connection.execute("PRAGMA foreign_key_check").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        return [str(error)]
    lines = [line for text in messages if text != "ok" for line in text.splitlines()]
    if keys:
        lines.append(f"{len(keys)} rows of {keys[0][0]} belong to nothing")
    return lines[:MOST_NAMED]


def alone(path: Path) -> None:
    """Make sure that no other process has the file open, its log written back into it.

    Raises StoreError where one has: what it wrote from then on would be lost.
    """
    try:
        connection = sqlite3.connect(path, timeout=1.0, isolation_level=None)
        try:
            # Only the one connection there is can leave write-ahead logging.
            mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"{path.name} is open in another process. Close the app and its jobs, then mend."
        ) from error
    except sqlite3.DatabaseError:
        return  # so damaged that nobody can have it open
    if mode != "delete":
        raise StoreError(f"{path.name} is open in another process. Close the app, then mend.")


def rebuilt(path: Path, target: Path) -> None:
    """Write every row of a damaged file into a new one with new indexes.

    Tables are read past their indexes, so that a damaged index costs nothing. Raises StoreError
    where a table itself cannot be read to its end, or the new file is not whole.
    """
    target.unlink(missing_ok=True)
    try:
        old, new = read_only_connection(path), sqlite3.connect(target, isolation_level=None)
        try:
            _copy(old, new)
        finally:
            old.close()
            new.close()
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise StoreError(
            f"{path.name} holds rows that cannot be read ({error}). Put it back from a backup."
        ) from error
    wrong = faults(target)
    if wrong:
        target.unlink(missing_ok=True)
        raise StoreError(f"{path.name} cannot be made whole ({wrong[0]}). Use a backup.")
    with target.open("rb") as written:
        os.fsync(written.fileno())


def _copy(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    new.execute("PRAGMA foreign_keys=OFF")
    new.execute("BEGIN")
    statements = old.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    ).fetchall()
    tables = [(name, sql) for kind, name, sql in statements if kind == "table"]
    for name, sql in tables:
        if not name.startswith("sqlite_"):
            new.execute(sql)
    for name, _ in tables:
        quoted = '"' + name.replace('"', '""') + '"'
        rows = old.execute(f"SELECT * FROM {quoted} NOT INDEXED")  # noqa: S608
        marks = ",".join("?" * len(rows.description))
        if name == "sqlite_sequence":
            new.execute("DELETE FROM sqlite_sequence")
        if name == "sqlite_sequence" or not name.startswith("sqlite_"):
            new.executemany(f"INSERT INTO {quoted} VALUES ({marks})", rows)  # noqa: S608
    for kind, _, sql in statements:
        if kind != "table":
            new.execute(sql)
    new.execute("COMMIT")
