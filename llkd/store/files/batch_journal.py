"""What a pass has sent to a server in batches: written down before each step, so that none is lost.

A batch is answered within a day, by a server that goes on whatever becomes of the process that sent
it. So each batch has a name of its own, which the server is told, and a record that says how far it
is: ``prepared`` (its money is set aside and its requests lie in a file), ``uploaded``, ``creating``
(the server may or may not have begun it), ``submitted`` (its number is known), ``ended`` (every
call is settled and the answers lie here), ``dropped`` (refused as a whole: nothing was paid).
Each call of it is ``open``, ``paid``, ``lost`` (may have been paid, and no answer came: counted in
full), ``free`` (not carried out: to be asked again) or ``refused`` (this text's answer: not paid).
It is a part of the pass's account of calls and lies in the same file.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llkd.errors import StoreError
from llkd.store.engine.write_ahead import write_ahead
from llkd.store.files.permissions import make_folder
from llkd.store.home import atomic_file

UNSETTLED = ("prepared", "uploaded", "creating", "submitted")
TABLES = (
    "CREATE TABLE IF NOT EXISTS batches (name TEXT PRIMARY KEY, state TEXT NOT NULL, "
    "file_id TEXT, batch_id TEXT, since REAL NOT NULL, stopped INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS batch_calls (batch TEXT NOT NULL, custom_id TEXT NOT NULL, "
    "state TEXT NOT NULL, most_in INTEGER, most_out INTEGER, share REAL, most REAL, "
    "used_in INTEGER, used_out INTEGER, money REAL, PRIMARY KEY (batch, custom_id))",
)


@dataclass(frozen=True)
class BatchCall:
    """One request of a batch. ``custom_id`` names its text; the most tokens it can use."""

    custom_id: str
    most_in: int
    most_out: int


@dataclass(frozen=True)
class BatchRecord:
    """How far one batch is.

    ``since``: Unix time of its last step; ``stopped``: a person asked the server to cancel it;
    ``size``: how many requests it holds.
    """

    name: str
    state: str
    file_id: str | None
    batch_id: str | None
    since: float
    stopped: bool
    size: int


@dataclass(frozen=True)
class Settled:
    """What became of one call: its state, and the tokens that it used."""

    custom_id: str
    state: str
    used_in: int = 0
    used_out: int = 0


class BatchJournal:
    """The batches of one pass. Used by the process that labels; others may ask it to stop one."""

    def __init__(self, path: Path, prices: tuple[float, float] | None, discount: float) -> None:
        """``path``: the account's file; ``prices`` of a million tokens; ``discount`` in [0, 1]."""
        self.folder = path.parent / "batches"
        self._path = path
        self._prices = prices
        self._share = 1.0 - discount
        try:
            make_folder(path.parent)
            self._file = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
            write_ahead(self._file)
            # A power cut must not forget a step that the server has seen.
            self._file.execute("PRAGMA synchronous=FULL")
            for table in TABLES:
                self._file.execute(table)
            if prices is not None:
                self._file.execute(
                    "UPDATE batch_calls SET most = (most_in * ? + most_out * ?) / 1e6 * share "
                    "WHERE most IS NULL",
                    prices,
                )
                self._file.execute(
                    "UPDATE batch_calls SET money = CASE state WHEN 'paid' "
                    "THEN (used_in * ? + used_out * ?) / 1e6 * share ELSE most END "
                    "WHERE money IS NULL AND state IN ('paid', 'lost')",
                    prices,
                )
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def price(self, call: BatchCall) -> float:
        """The most that a call can cost in a batch; 0 without prices."""
        price_in, price_out = self._prices or (0.0, 0.0)
        return (call.most_in * price_in + call.most_out * price_out) / 1e6 * self._share

    def prepare(self, name: str, calls: Sequence[BatchCall], lines: Iterable[bytes]) -> BatchRecord:
        """Write a batch down, its requests to a file, and set its money aside; all or nothing."""
        with atomic_file(self.requests(name)) as temporary, temporary.open("wb") as file:
            file.writelines(lines)
        rows = [
            (name, call.custom_id, call.most_in, call.most_out, self._share)
            + (self.price(call) if self._prices is not None else None,)
            for call in calls
        ]
        with self._changing():
            self._write(
                "INSERT INTO batches (name, state, since) VALUES (?, 'prepared', ?)",
                (name, time.time()),
            )
            self._many(
                "INSERT INTO batch_calls (batch, custom_id, state, most_in, most_out, share, most) "
                "VALUES (?, ?, 'open', ?, ?, ?, ?)",
                rows,
            )
        return self.record(name)

    def step(
        self, name: str, state: str, *, file_id: str | None = None, batch_id: str | None = None
    ) -> BatchRecord:
        """The batch is so far now."""
        self._write(
            "UPDATE batches SET state = ?, since = ?, file_id = coalesce(?, file_id), "
            "batch_id = coalesce(?, batch_id) WHERE name = ?",
            (state, time.time(), file_id, batch_id, name),
        )
        return self.record(name)

    def settle(self, name: str, calls: Iterable[Settled], state: str = "ended") -> BatchRecord:
        """What became of its calls, and that of the batch with them; once settled stays so.

        Calls that are not named become ``lost``, or ``free`` where the batch is ``dropped``.
        """
        price_in, price_out = self._prices or (0.0, 0.0)
        priced = self._prices is not None
        rows = [
            (call.state, call.used_in, call.used_out)
            + (call.state, priced, price_in, price_out, name, call.custom_id)
            for call in calls
        ]
        rest = "free" if state == "dropped" else "lost"
        with self._changing():
            self._many(
                "UPDATE batch_calls SET state = ?1, used_in = ?2, used_out = ?3, money = CASE "
                "WHEN ?4 IN ('free', 'refused') THEN 0.0 "
                "WHEN ?5 THEN (?2 * ?6 + ?3 * ?7) / 1e6 * share END "
                "WHERE batch = ?8 AND custom_id = ?9 AND state = 'open'",
                rows,
            )
            self._write(
                "UPDATE batch_calls SET state = ?, "
                "used_in = CASE ? WHEN 'lost' THEN most_in ELSE 0 END, "
                "used_out = CASE ? WHEN 'lost' THEN most_out ELSE 0 END, "
                "money = CASE ? WHEN 'lost' THEN most ELSE 0.0 END "
                "WHERE batch = ? AND state = 'open'",
                (rest, rest, rest, rest, name),
            )
            self._write(
                "UPDATE batches SET state = ?, since = ? WHERE name = ?", (state, time.time(), name)
            )
        if state == "dropped":
            self.requests(name).unlink(missing_ok=True)
        return self.record(name)

    def forget(self, custom_ids: Iterable[str]) -> None:
        """The answers about these are to be asked for again: what they cost stays counted."""
        with self._changing():
            self._many(
                "UPDATE batch_calls SET custom_id = custom_id || ' forgotten' "
                "WHERE custom_id = ? AND state IN ('paid', 'refused')",
                [(name,) for name in custom_ids],
            )

    def ask_to_stop(self, name: str) -> None:
        """A person wants the server to cancel this batch."""
        self._write("UPDATE batches SET stopped = 1 WHERE name = ?", (name,))

    def record(self, name: str) -> BatchRecord:
        """The batch as it is now."""
        return next(record for record in self.records() if record.name == name)

    def records(self, states: Sequence[str] = ()) -> list[BatchRecord]:
        """All batches, or those in these states, the oldest first."""
        rows = self._write(
            "SELECT name, state, file_id, batch_id, since, stopped, (SELECT count(*) FROM "
            "batch_calls WHERE batch = name) FROM batches ORDER BY rowid"
        ).fetchall()
        records = [
            BatchRecord(name, state, file_id, batch_id, since, bool(stopped), size)
            for name, state, file_id, batch_id, since, stopped, size in rows
        ]
        return [record for record in records if not states or record.state in states]

    def calls(self, name: str) -> dict[str, str]:
        """Of each call of a batch its state, by ``custom_id``."""
        rows = self._write("SELECT custom_id, state FROM batch_calls WHERE batch = ?", (name,))
        return dict(rows.fetchall())

    def bounds(self, name: str) -> dict[str, tuple[int, int]]:
        """Of each call of a batch the most tokens read and written."""
        rows = self._write(
            "SELECT custom_id, most_in, most_out FROM batch_calls WHERE batch = ?", (name,)
        )
        return {row[0]: (row[1], row[2]) for row in rows.fetchall()}

    def requests(self, name: str) -> Path:
        """The requests of a batch, as they are uploaded."""
        return self.folder / f"{name}.jsonl"

    def answers(self, name: str) -> Path:
        """What the server said to them, as it was downloaded: answers, then errors."""
        return self.folder / f"{name}.answers.jsonl"

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """All that is written inside, or nothing of it."""
        self._write("BEGIN IMMEDIATE")
        try:
            yield
            self._write("COMMIT")
        except BaseException:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise

    def _write(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            return self._file.execute(statement, values)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        try:
            self._file.executemany(statement, rows)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            f"The account of batches {self._path} cannot be written ({error}). Without it no batch "
            "is sent: free some space, or mend the folder's permissions, and go on."
        )


def batch_totals(file: sqlite3.Connection) -> tuple[int, float]:
    """Of an account's file: calls of batches that count, and their money, used or set aside."""
    if not has_batches(file):
        return 0, 0.0
    calls, money = file.execute(
        "SELECT count(*), coalesce(sum(CASE state WHEN 'open' THEN most ELSE money END), 0) "
        "FROM batch_calls WHERE state NOT IN ('free', 'refused')"
    ).fetchone()
    return int(calls), float(money)


def has_batches(file: sqlite3.Connection) -> bool:
    """Whether an account has ever had a batch."""
    name = "SELECT 1 FROM sqlite_master WHERE name = 'batch_calls'"
    return file.execute(name).fetchone() is not None


def waiting_requests(path: Path) -> int:
    """How many requests of a pass are in batches at the server, by its account; 0 without one."""
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file:
            if not has_batches(file):
                return 0
            (number,) = file.execute(
                "SELECT count(*) FROM batch_calls WHERE state = 'open' AND batch IN "
                "(SELECT name FROM batches WHERE stopped = 0)"
            ).fetchone()
            return int(number)
    except sqlite3.Error:
        return 0  # the account's own reader says what is wrong


def stop_batches(path: Path) -> int:
    """Ask for every batch of a pass that is at the server to be cancelled there; how many.

    The job that waits for them does it, or the next one; what they have answered is collected.
    """
    if not waiting_requests(path):
        return 0
    journal = BatchJournal(path, None, 0.0)
    try:
        records = [record for record in journal.records(UNSETTLED) if not record.stopped]
        for record in records:
            journal.ask_to_stop(record.name)
        return len(records)
    finally:
        journal.close()
