"""Teachers' answers, kept across passes and projects: the same text is paid for once.

An answer is kept under everything that changes it (a digest of the teacher's own description) and
the text's digest. It is on disk before :meth:`Answers.put` returns, so that a killed job finds
what it has paid for. The file can be deleted at any time; then the teacher is asked again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd.errors import StoreError
from llkd.store.home import Home

_LOOKED_UP_AT_ONCE = 500


@dataclass(frozen=True)
class Answer:
    """What a teacher said of one text; the fields are those of ``ScoredBatch`` for one row."""

    scores: np.ndarray
    answer: int
    source: str
    raw: str | None
    tokens_in: int = 0
    tokens_out: int = 0


class Answers:
    """The cache of one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()

    @staticmethod
    def key(teacher: Mapping[str, Any], classes: Mapping[str, Any]) -> str:
        """One teacher's name in the cache: a digest of its description and the classes."""
        facts = json.dumps([teacher, classes], sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()

    def find(self, key: str, texts: Sequence[str]) -> dict[int, Answer]:
        """What is known of these texts: position in ``texts`` to answer."""
        if not texts or not self._home.answers.exists():
            return {}
        wanted: dict[bytes, list[int]] = {}
        for position, text in enumerate(texts):
            wanted.setdefault(_digest(key, text), []).append(position)
        found: dict[int, Answer] = {}
        digests = list(wanted)
        with self._open() as connection:
            for start in range(0, len(digests), _LOOKED_UP_AT_ONCE):
                part = digests[start : start + _LOOKED_UP_AT_ONCE]
                marks = ",".join("?" * len(part))
                query = f"SELECT * FROM answers WHERE text IN ({marks})"  # noqa: S608 (only marks)
                rows = connection.execute(query, part)
                for digest, scores, answer, source, raw, tokens_in, tokens_out, _ in rows:
                    one = Answer(
                        np.frombuffer(scores, dtype=np.float32),
                        answer,
                        source,
                        raw,
                        tokens_in,
                        tokens_out,
                    )
                    found.update(dict.fromkeys(wanted[digest], one))
        return found

    def put(self, key: str, texts: Sequence[str], answers: Sequence[Answer]) -> None:
        """Keep answers, on disk when this returns. Raises StoreError where the disk is full."""
        now = time.time()
        rows = [
            (
                _digest(key, text),
                np.ascontiguousarray(one.scores, dtype=np.float32).tobytes(),
                int(one.answer),
                one.source,
                one.raw,
                int(one.tokens_in),
                int(one.tokens_out),
                now,
            )
            for text, one in zip(texts, answers, strict=True)
        ]
        with self._open() as connection:
            connection.executemany("INSERT OR REPLACE INTO answers VALUES (?,?,?,?,?,?,?,?)", rows)

    def forget(self, key: str, texts: Sequence[str]) -> None:
        """Ask about these texts again the next time."""
        if self._home.answers.exists():
            with self._open() as connection:
                connection.executemany(
                    "DELETE FROM answers WHERE text = ?", [(_digest(key, text),) for text in texts]
                )

    def size(self) -> tuple[int, int]:
        """How many answers are kept, and the bytes they take on disk."""
        if not self._home.answers.exists():
            return 0, 0
        with self._open() as connection:
            number = connection.execute("SELECT count(*) FROM answers").fetchone()[0]
        files = self._home.answers.parent.glob(self._home.answers.name + "*")
        return int(number), sum(file.stat().st_size for file in files if file.exists())

    def delete(self) -> None:
        """Forget everything. Labels that passes hold already stay as they are."""
        if self._home.answers.exists():
            with self._open() as connection:
                connection.execute("DELETE FROM answers")
            with self._lock:
                connection = self._connect()
                try:
                    connection.execute("VACUUM")
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    connection.close()

    def _open(self) -> _Transaction:
        return _Transaction(self._connect, self._lock)

    def _connect(self) -> sqlite3.Connection:
        path = self._home.answers
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=60, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS answers (text BLOB PRIMARY KEY, scores BLOB, "
                "answer INTEGER, source TEXT, raw TEXT, tokens_in INTEGER, tokens_out INTEGER, "
                "created REAL) WITHOUT ROWID"
            )
            return connection
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The answers kept in {path} cannot be used ({error}). Delete the file: the "
                "labels stay, and only texts not yet labelled are asked again."
            ) from error


class _Transaction:
    """One connection for one transaction, so that threads and forks never share one."""

    def __init__(self, connect: Any, lock: threading.Lock) -> None:
        self._connect, self._lock = connect, lock

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        try:
            self._connection: sqlite3.Connection = self._connect()
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._lock.release()
            raise StoreError(f"The answers kept on disk are busy or damaged: {error}.") from error
        except BaseException:
            self._lock.release()
            raise
        return self._connection

    def __exit__(self, kind: Any, error: Any, _trace: Any) -> None:
        try:
            self._connection.execute("COMMIT" if error is None else "ROLLBACK")
        except sqlite3.Error as failure:
            raise StoreError(f"The answers cannot be written: {failure}.") from failure
        finally:
            self._connection.close()
            self._lock.release()


def _digest(key: str, text: str) -> bytes:
    return hashlib.sha256(f"{key}\0{text}".encode("utf-8", "surrogatepass")).digest()
