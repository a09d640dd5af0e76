"""What a teacher pass has cost, call by call, and the line that its budget draws.

Every try of a call is written down before it is sent, with the most it can cost, and again when
its price is known. A process that is killed in between leaves the reservation behind: the next
attempt counts it in full, because the call may have been paid. So a budget holds over all
attempts together; a power cut can cost what was written in the last second. Calls made while no
prices were given are priced as soon as there are some.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from typing import Any
from uuid import uuid4

from llkd.config import Spending, build
from llkd.errors import BudgetSpent, StoreError
from llkd.store.engine.write_ahead import sync_now_and_then, write_ahead
from llkd.store.files.batch_journal import BatchJournal, batch_totals, has_batches
from llkd.store.files.call_usage import Usage, read_usage, usage_of
from llkd.store.files.permissions import begin_database, make_folder

MILLION = 1_000_000
__all__ = ["Ledger", "Usage", "read_usage"]
FILE_NAME = "calls.db"
"""Of a ledger, in the folder of what it counts for."""
_LOSE_OPEN = (
    "UPDATE calls SET state = 'lost', used_in = most_in, used_out = most_out, money = most "
    "WHERE state = 'open'"
)


class Ledger:
    """The meter of one pass (``teachers.base.Meter``), kept in one file; safe between threads."""

    def __init__(self, path: Path, spending: Spending | None = None) -> None:
        """Opening counts what an earlier, killed attempt left reserved as lost.

        Only the process that labels opens a ledger; others read it with :func:`read_usage`.
        """
        self._spending = spending or Spending()
        self._turn = threading.Condition()
        self._flying: dict[int, float] = {}
        self._closed = False
        self._synced = float("-inf")
        self._path = path
        try:
            self._file = _connect(path)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from error
        self._write(_LOSE_OPEN)
        self._calls, self._money = 0, 0.0
        self._count()
        # Of batches: calls, and money used or set aside.
        self._batches = batch_totals(self._file)

    def reserve(self, tokens_in: int, tokens_out: int) -> int:
        """Set the most that a call can use aside. Raises BudgetSpent where it cannot be afforded.

        While calls in flight hold what it needs it waits for them: they rarely use all of it.
        """
        most = self._price(tokens_in, tokens_out)
        with self._turn:
            while not self._closed and not self._affordable(most):
                if not self._flying:
                    raise BudgetSpent(self._why(most))
                self._turn.wait()
            if self._closed:
                raise _unusable(self._path, "it is closed")
            call = self._write(
                "INSERT INTO calls (state, most_in, most_out, most) VALUES ('open', ?, ?, ?)",
                (tokens_in, tokens_out, most if self._priced else None),
            )
            number = int(call.lastrowid or 0)
            self._flying[number] = most
            self._synced = sync_now_and_then(self._file, self._synced)
            return number

    def settle(self, reservation: int, tokens_in: int, tokens_out: int) -> None:
        """The call was answered and used this much."""
        self._end(reservation, "paid", tokens_in, tokens_out)

    def release(self, reservation: int) -> None:
        """The call was refused: it cost nothing."""
        self._end(reservation, "free", 0, 0)

    def mark_unknown(self, reservation: int) -> None:
        """Nobody knows whether the call was paid: it counts in full."""
        with self._turn:
            most_in, most_out = self._write(
                "SELECT most_in, most_out FROM calls WHERE id = ?", (reservation,)
            ).fetchone()
            self._end(reservation, "lost", most_in, most_out)

    def batch_journal(self) -> BatchJournal:
        """The batches of this pass, in this account. To be closed by whoever asks for it."""
        limit = self._spending
        prices = (limit.price_in or 0.0, limit.price_out or 0.0) if self._priced else None
        return BatchJournal(self._path, prices, limit.batch_discount)

    def had_batches(self) -> bool:
        """Whether an attempt at this pass has sent batches."""
        with self._turn:
            return has_batches(self._file)

    def affordable(self, most: Sequence[float]) -> int:
        """How many calls of a batch, from the first on, can be set aside at these prices."""
        with self._turn:
            limit, used = self._spending, sum(self._flying.values()) + self._batches[1]
            number = len(most)
            if limit.calls is not None:
                calls = self._calls + len(self._flying) + self._batches[0]
                number = max(0, min(number, limit.calls - calls))
            if limit.budget is None:
                return number
            room = limit.budget * (1 + 1e-12) - self._money - used
            totals = list(accumulate(most[:number]))
            return sum(total <= room for total in totals)

    def refusal(self, most: float) -> str:
        """Why a call that can cost so much is not made, in a sentence."""
        with self._turn:
            return self._why(most)

    def count_batches(self) -> None:
        """The batches of this account have changed: count them anew."""
        with self._turn:
            self._batches = batch_totals(self._file)
            self._turn.notify_all()

    def use_prices(self, price_in: float | None, price_out: float | None) -> None:
        """Price the calls from now on so; limits stay. Raises ConfigError for a bad price."""
        changed = {"price_in": price_in, "price_out": price_out}
        with self._turn:
            self._spending = build(Spending, self._spending.model_dump(), changed)

    def adopt(self, path: Path) -> None:
        """Count the calls of another ledger, which is closed, as this one's; twice changes nothing.

        Raises StoreError where it cannot be read.
        """
        with self._turn:
            try:
                with closing(_connect(path)) as other:
                    (name,) = other.execute("SELECT name FROM ledger").fetchone()
                    rows = other.execute(
                        "SELECT CASE state WHEN 'open' THEN 'lost' ELSE state END, most_in, "
                        "most_out, most, coalesce(used_in, most_in), coalesce(used_out, most_out), "
                        "coalesce(money, CASE state WHEN 'open' THEN most END) FROM calls"
                    ).fetchall()
            except sqlite3.Error as error:
                raise _unusable(path, error) from error
            self._write("BEGIN IMMEDIATE")
            try:
                self._write("INSERT INTO adopted VALUES (?)", (name,))
                for row in rows:
                    self._write(
                        "INSERT INTO calls (state, most_in, most_out, most, used_in, used_out, "
                        "money) VALUES (?, ?, ?, ?, ?, ?, ?)",
                        row,
                    )
                self._write("COMMIT")
            except StoreError as error:
                self._file.execute("ROLLBACK")
                if not isinstance(error.__cause__, sqlite3.IntegrityError):
                    raise
            self._count()

    def usage(self) -> Usage:
        """What the pass has used so far, all attempts together."""
        with self._turn:
            return usage_of(self._file)

    def close(self) -> None:
        """Let go of the file. What is still in flight is not waited for: it counts as lost."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()  # whoever waits for an end that nobody writes down
            try:
                self._write(_LOSE_OPEN)
            finally:
                self._file.close()

    def _count(self) -> None:
        """Price what has no price yet, and add up what is used."""
        if self._priced:
            prices = (self._spending.price_in or 0.0, self._spending.price_out or 0.0)
            self._write(
                "UPDATE calls SET money = (used_in * ? + used_out * ?) / 1e6 "
                "WHERE money IS NULL AND state != 'open'",
                prices,
            )
        answered, money = self._write(
            "SELECT count(*), coalesce(sum(money), 0) FROM calls "
            "WHERE state NOT IN ('free', 'open')"
        ).fetchone()
        self._calls, self._money = int(answered), float(money)

    def _end(self, reservation: int, state: str, tokens_in: int, tokens_out: int) -> None:
        """Write down what became of a call. Holds the turn (its lock may be taken twice)."""
        money = self._price(tokens_in, tokens_out)
        with self._turn:
            most = self._flying.pop(reservation)
            try:
                self._write(
                    "UPDATE calls SET state = ?, used_in = ?, used_out = ?, money = ? WHERE id = ?",
                    (state, tokens_in, tokens_out, money if self._priced else None, reservation),
                )
            except StoreError:
                state, money = "lost", most  # as the file has it: what was set aside is used
                raise
            finally:
                if state != "free":
                    self._calls += 1
                    self._money += money
                self._turn.notify_all()  # others wait, also where the disk is full

    def _write(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._file.execute(statement, values)
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error

    @property
    def _priced(self) -> bool:
        # With one price alone a call's money is not known: the other may come with a budget.
        return self._spending.price_in is not None and self._spending.price_out is not None

    def _price(self, tokens_in: int, tokens_out: int) -> float:
        prices = self._spending
        return (
            tokens_in * (prices.price_in or 0.0) + tokens_out * (prices.price_out or 0.0)
        ) / MILLION

    def _affordable(self, most: float) -> bool:
        flying = sum(self._flying.values())
        limit = self._spending
        calls, money = self._batches
        if limit.calls is not None and self._calls + len(self._flying) + calls >= limit.calls:
            return False
        # A sum of many small prices is off by rounding; a call is never refused for that.
        used = self._money + flying + money
        return limit.budget is None or used + most <= limit.budget * (1 + 1e-12)

    def _why(self, most: float) -> str:
        limit = self._spending
        calls = self._calls + self._batches[0]
        if limit.calls is not None and (limit.budget is None or calls >= limit.calls):
            return f"All {limit.calls:,} calls of this pass are used. Allow more to go on."
        return (
            f"The budget of {limit.budget:,g} does not cover another call: "
            f"{self._money + self._batches[1]:,.6g} is used, and the next could cost {most:,.6g}. "
            "Raise the budget to go on."
        )


def _unusable(path: Path, error: Exception | str) -> StoreError:
    return StoreError(
        f"The account of calls {path} cannot be written ({error}). Without it no call is sent: "
        "free some space, or mend the folder's permissions, and go on."
    )


def _connect(path: Path) -> sqlite3.Connection:
    make_folder(path.parent)
    begin_database(path)
    file = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    write_ahead(file)
    file.execute("PRAGMA synchronous=NORMAL")
    file.execute(
        "CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT, "
        "most_in INTEGER, most_out INTEGER, most REAL, used_in INTEGER, used_out INTEGER, "
        "money REAL)"
    )
    # The name tells the files apart; ``adopted`` are those whose calls are counted here.
    file.execute("CREATE TABLE IF NOT EXISTS ledger (name TEXT NOT NULL)")
    file.execute("CREATE TABLE IF NOT EXISTS adopted (name TEXT PRIMARY KEY)")
    file.execute(
        "INSERT INTO ledger SELECT ? WHERE NOT EXISTS (SELECT 1 FROM ledger)", (uuid4().hex,)
    )
    return file
