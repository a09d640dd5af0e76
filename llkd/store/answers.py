"""Teachers' answers, kept across passes and projects: the same text is paid for once.

An answer is kept under everything that changes it (a digest of the teacher's own description) and
the text's digest. It is written before :meth:`Answers.put` returns, so that a killed job finds
what it has paid for; a power cut can cost the last second. The file can be deleted at any time;
then the teacher is asked again. Only digests of texts are in it, but answers are kept in the
model's own words, for review.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd.errors import StoreError
from llkd.store.engine.write_ahead import sync_now_and_then, write_ahead
from llkd.store.files.permissions import begin_database, make_folder
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
        self._held: sqlite3.Connection | None = None
        self._identity = (os.getpid(), 0, 0)
        self._synced = float("-inf")

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
        known_answers: dict[int, Answer] = {}
        digests = list(wanted)
        with self._open() as connection:
            for start in range(0, len(digests), _LOOKED_UP_AT_ONCE):
                part = digests[start : start + _LOOKED_UP_AT_ONCE]
                query = f"SELECT * FROM answers WHERE text IN ({_marks(part)})"  # noqa: S608
                rows = connection.execute(query, part)
                for digest, scores, answer, source, raw, tokens_in, tokens_out, _ in rows:
                    entry = Answer(
                        np.frombuffer(scores, dtype=np.float32),
                        answer,
                        source,
                        raw,
                        tokens_in,
                        tokens_out,
                    )
                    known_answers.update(dict.fromkeys(wanted[digest], entry))
        return known_answers

    def missing(self, key: str, texts: Sequence[str]) -> list[int]:
        """Positions of the texts that are not known; of a text that stands twice, the first."""
        first: dict[bytes, int] = {}
        for position, text in enumerate(texts):
            first.setdefault(_digest(key, text), position)
        if self._home.answers.exists():
            digests = list(first)
            with self._open() as connection:
                for start in range(0, len(digests), _LOOKED_UP_AT_ONCE):
                    part = digests[start : start + _LOOKED_UP_AT_ONCE]
                    query = f"SELECT text FROM answers WHERE text IN ({_marks(part)})"  # noqa: S608
                    for (digest,) in connection.execute(query, part).fetchall():
                        del first[digest]
        return list(first.values())

    def save(self, key: str, texts: Sequence[str], answers: Sequence[Answer]) -> None:
        """Keep answers, written when this returns. Raises StoreError where the disk is full."""
        now = time.time()
        rows = [
            (
                _digest(key, text),
                np.ascontiguousarray(answer.scores, dtype=np.float32).tobytes(),
                int(answer.answer),
                answer.source,
                answer.raw,
                int(answer.tokens_in),
                int(answer.tokens_out),
                now,
            )
            for text, answer in zip(texts, answers, strict=True)
        ]
        with self._open() as connection:
            connection.executemany("INSERT OR REPLACE INTO answers VALUES (?,?,?,?,?,?,?,?)", rows)
        with self._lock:
            if self._held is not None:
                self._synced = sync_now_and_then(self._held, self._synced)

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
        log = self._home.answers.with_name(self._home.answers.name + "-wal")
        files = [file for file in (self._home.answers, log) if file.exists()]
        return int(number), sum(file.stat().st_size for file in files)

    def delete(self) -> None:
        """Forget everything. Labels that passes hold already stay as they are."""
        if not self._home.answers.exists():
            return
        with self._open() as connection:
            connection.execute("DELETE FROM answers")
        with self._lock:
            try:
                connection = self._connection()
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                # Another process reads: the answers are gone, their room is given back later.
                logging.getLogger("llkd").info("cache not made smaller: %s", error)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._drop()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction at a time, on a connection that stays open between them.

        Closing the last connection writes the whole log back into the file: too slow to do for
        every answer. A fork, or a file that was deleted meanwhile, gets a connection of its own.
        """
        with self._lock:
            try:
                connection = self._connection()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
            except (OSError, sqlite3.Error) as error:
                self._drop()
                raise StoreError(
                    f"The answers kept in {self._home.answers} cannot be used ({error}). Free "
                    "some space, or delete the file: the labels stay, and only texts not yet "
                    "labelled are asked again."
                ) from error

    def _connection(self) -> sqlite3.Connection:
        path = self._home.answers
        if self._held is not None:
            there = path.stat() if path.exists() else None
            if there is not None and self._identity == (os.getpid(), there.st_dev, there.st_ino):
                return self._held
            self._drop()
        make_folder(path.parent)
        begin_database(path)
        self._held = sqlite3.connect(
            path, timeout=60, isolation_level=None, check_same_thread=False
        )
        write_ahead(self._held)
        self._held.execute("PRAGMA synchronous=NORMAL")
        self._held.execute(
            "CREATE TABLE IF NOT EXISTS answers (text BLOB PRIMARY KEY, scores BLOB, "
            "answer INTEGER, source TEXT, raw TEXT, tokens_in INTEGER, tokens_out INTEGER, "
            "created REAL) WITHOUT ROWID"
        )
        there = path.stat()
        self._identity = (os.getpid(), there.st_dev, there.st_ino)
        return self._held

    def _drop(self) -> None:
        # A connection that a parent process made belongs to the parent: it is not closed here.
        if self._held is not None and self._identity[0] == os.getpid():
            self._held.close()
        self._held = None


def _marks(part: Sequence[bytes]) -> str:
    return ",".join("?" * len(part))


def _digest(key: str, text: str) -> bytes:
    return hashlib.sha256(f"{key}\0{text}".encode("utf-8", "surrogatepass")).digest()
