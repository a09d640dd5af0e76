"""Texts that a served student sent on: what people may curate next, in a file of each project.

A text is in the inbox before its answer goes out, once however often it comes; a killed server
loses none, a power cut those of the last second. The project's own texts never change: an inbox is
written to a file (``llkd inbox``) that an import takes.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from llkd.errors import StoreError
from llkd.store.engine.moments import present
from llkd.store.engine.write_ahead import sync_now_and_then, write_ahead
from llkd.store.files.permissions import begin_database, make_folder
from llkd.store.home import Home

MOST_TEXTS = 200_000
MOST_BYTES = 512 << 20
"""An inbox that holds as many texts, or as much of them, takes no more until it is cleared."""
READ_AT_ONCE = 1000

_TABLES = (
    "CREATE TABLE IF NOT EXISTS texts (id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB UNIQUE, "
    "text BLOB, first REAL, last REAL, times INTEGER, reason TEXT, run INTEGER, student TEXT, "
    "confidence REAL, teacher TEXT, teacher_label TEXT, scores BLOB, classes TEXT)",
    "CREATE TABLE IF NOT EXISTS totals (name TEXT PRIMARY KEY, value INTEGER)",
)


@dataclass(frozen=True)
class InboxEntry:
    """One text that a student's server kept.

    ``reason``: why it was sent on: ``below threshold``, or ``class not offered`` where a question
    left out the class that the student was sure of.
    ``student_label`` and ``teacher_label`` are class keys, the latter None where the teacher gave
    none. ``confidence`` is the student's raw one. ``teacher``: the fingerprint of the pass that its
    answer belongs to; ``scores [C]`` float32 its log-probabilities as measured, in the order of the
    class keys ``classes``. ``number``, ``first``, ``last`` (seconds since 1970) and ``times`` are
    set by the inbox.
    """

    text: str
    reason: str
    run: int
    student_label: str
    confidence: float
    teacher: str | None = None
    teacher_label: str | None = None
    scores: np.ndarray | None = field(default=None, compare=False)
    classes: tuple[str, ...] = ()
    number: int = 0
    first: float = 0.0
    last: float = 0.0
    times: int = 1


@dataclass(frozen=True)
class InboxCounts:
    """``texts`` kept, ``repeats`` of these, ``left_out`` since room was made: it was full."""

    texts: int = 0
    bytes: int = 0
    repeats: int = 0
    left_out: int = 0

    @property
    def full(self) -> bool:
        """Whether nothing more is taken."""
        return self.texts >= MOST_TEXTS or self.bytes >= MOST_BYTES


class Inbox:
    """The inbox of one project; safe between threads and processes."""

    def __init__(
        self, path: Path, most_texts: int = MOST_TEXTS, most_bytes: int = MOST_BYTES
    ) -> None:
        self.path = path
        self.most = (most_texts, most_bytes)
        self._lock = threading.Lock()
        self._held: sqlite3.Connection | None = None
        self._synced = float("-inf")

    def record(self, entry: InboxEntry, *, counted: bool = False) -> bool:
        """Keep a text; False where it is there already or the inbox is full.

        One that comes again with the teacher's answer, which it lacked, gets it; ``counted`` where
        this coming was recorded before. Raises StoreError where the file cannot be written.
        """
        data = entry.text.encode("utf-8", "surrogatepass")
        mark = hashlib.sha256(data).digest()
        now = present()
        with self._open() as connection:
            row = connection.execute(
                "SELECT id, teacher_label FROM texts WHERE digest = ?", (mark,)
            ).fetchone()
            if row is not None:
                connection.execute(
                    "UPDATE texts SET times = times + ?, last = ? WHERE id = ?",
                    (not counted, now, row[0]),
                )
                _add(connection, "repeats", int(not counted))
                if row[1] is None and entry.teacher_label is not None:
                    connection.execute(
                        "UPDATE texts SET teacher = ?, teacher_label = ?, scores = ?, classes = ? "
                        "WHERE id = ?",
                        (*_answer(entry), row[0]),
                    )
                return False
            counts = _counts(connection)
            if counts.texts >= self.most[0] or counts.bytes + len(data) > self.most[1]:
                _add(connection, "left_out", 1)
                return False
            connection.execute(
                "INSERT INTO texts (digest, text, first, last, times, reason, run, student, "
                "confidence, teacher, teacher_label, scores, classes) "
                "VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    mark, data, now, now, entry.reason, entry.run, entry.student_label,
                    entry.confidence, *_answer(entry),
                ),
            )  # fmt: skip
            _add(connection, "texts", 1)
            _add(connection, "bytes", len(data))
        with self._lock:
            if self._held is not None:
                self._synced = sync_now_and_then(self._held, self._synced)
        return True

    def counts(self) -> InboxCounts:
        """How much there is; zeros where there is no inbox."""
        with self._look() as connection:
            return InboxCounts() if connection is None else _counts(connection)

    def entries(self) -> Iterator[InboxEntry]:
        """Every text, in the order in which they first came."""
        last = 0
        while rows := self._rows_after(last):
            last = rows[-1][0]
            yield from map(_entry, rows)

    def _rows_after(self, last: int) -> list[tuple[Any, ...]]:
        with self._look() as connection:
            if connection is None:
                return []
            return connection.execute(
                "SELECT id, text, first, last, times, reason, run, student, confidence, "
                "teacher, teacher_label, scores, classes FROM texts WHERE id > ? ORDER BY id "
                "LIMIT ?",
                (last, READ_AT_ONCE),
            ).fetchall()

    def remove(self, numbers: Sequence[int]) -> int:
        """Forget these texts; returns how many there were."""
        if not numbers or not self.path.exists():
            return 0
        removed = size = repeats = 0
        with self._open() as connection:
            for number in numbers:
                for length, times in connection.execute(
                    "DELETE FROM texts WHERE id = ? RETURNING length(text), times", (number,)
                ).fetchall():
                    removed, size, repeats = removed + 1, size + length, repeats + times - 1
            for name, gone in (("texts", removed), ("bytes", size), ("repeats", repeats)):
                _add(connection, name, -gone)
            if removed:
                connection.execute("UPDATE totals SET value = 0 WHERE name = 'left_out'")
        return removed

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._held is not None:
                self._held.close()
                self._held = None

    @contextmanager
    def _look(self) -> Iterator[sqlite3.Connection | None]:
        """A connection of its own to read from, which waits for nobody who writes.

        None where there is no inbox, or none whose tables were finished.
        """
        if not self.path.exists():
            yield None
            return
        try:
            with closing(
                sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", uri=True)
            ) as connection:
                tables = connection.execute(
                    "SELECT count(*) FROM sqlite_master WHERE name IN ('texts', 'totals')"
                ).fetchone()[0]
                yield connection if tables == len(_TABLES) else None
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction at a time."""
        with self._lock:
            try:
                connection = self._held or self._connect()
                self._held = connection
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:  # a full disk may have ended it already
                        connection.execute("ROLLBACK")
                    raise
            except (OSError, sqlite3.Error) as error:
                raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            f"The inbox {self.path} cannot be used ({error}). Free some space, mend the "
            "folder's permissions, or see what can be saved with: llkd doctor"
        )

    def _connect(self) -> sqlite3.Connection:
        make_folder(self.path.parent)
        begin_database(self.path)
        connection = sqlite3.connect(
            self.path, timeout=60, isolation_level=None, check_same_thread=False
        )
        write_ahead(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        for statement in _TABLES:
            connection.execute(statement)
        return connection


def inbox_of(home: Home, project_id: int) -> Inbox:
    """The inbox of a project."""
    return Inbox(home.inbox(project_id))


def _answer(entry: InboxEntry) -> tuple[Any, ...]:
    scores = None
    if entry.scores is not None:
        scores = np.ascontiguousarray(entry.scores, dtype=np.float32).tobytes()
    return entry.teacher, entry.teacher_label, scores, json.dumps(entry.classes)


def _entry(row: tuple[Any, ...]) -> InboxEntry:
    (number, text, first, last, times, reason, run, student, confidence, teacher, label, scores,
     classes) = row  # fmt: skip
    return InboxEntry(
        text=bytes(text).decode("utf-8", "surrogatepass"),
        reason=reason,
        run=run,
        student_label=student,
        confidence=confidence,
        teacher=teacher,
        teacher_label=label,
        scores=None if scores is None else np.frombuffer(scores, dtype=np.float32),
        classes=tuple(json.loads(classes)),
        number=number,
        first=first,
        last=last,
        times=times,
    )


def _add(connection: sqlite3.Connection, name: str, number: int) -> None:
    connection.execute(
        "INSERT INTO totals VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + ?",
        (name, number, number),
    )


def _counts(connection: sqlite3.Connection) -> InboxCounts:
    values: dict[str, int] = dict(connection.execute("SELECT name, value FROM totals").fetchall())
    return InboxCounts(**{name: values.get(name, 0) for name in InboxCounts.__dataclass_fields__})
