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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llkd.config import Spending, build
from llkd.errors import BudgetSpent, StoreError
from llkd.store.permissions import begin_database, make_folder
from llkd.store.write_ahead import sync_now_and_then, write_ahead

MILLION = 1_000_000
_LOSE_OPEN = (
    "UPDATE calls SET state = 'lost', used_in = most_in, used_out = most_out, money = most "
    "WHERE state = 'open'"
)


@dataclass(frozen=True)
class Bill:
    """What a pass has used.

    ``money`` and ``unsure_money`` are None where the price of some call is not known.
    ``calls``: answered requests; ``lost``: requests that may have been paid though no answer came
    (time-out, broken connection, killed process), counted in full; ``refused``: requests that cost
    nothing (rate limit, server error). Tokens and money include the lost ones.
    """

    calls: int
    lost: int
    refused: int
    tokens_in: int
    tokens_out: int
    money: float | None
    unsure_money: float | None


class Ledger:
    """The meter of one pass (``teachers.base.Meter``), kept in one file; safe between threads."""

    def __init__(self, path: Path, spending: Spending | None = None) -> None:
        """Opening counts what an earlier, killed attempt left reserved as lost.

        Only the process that labels opens a ledger; others read it with :func:`read_bill`.
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
        if self._priced:
            prices = (self._spending.price_in or 0.0, self._spending.price_out or 0.0)
            self._write(
                "UPDATE calls SET money = (used_in * ? + used_out * ?) / 1e6 WHERE money IS NULL",
                prices,
            )
        answered, money = self._write(
            "SELECT count(*), coalesce(sum(money), 0) FROM calls WHERE state != 'free'"
        ).fetchone()
        self._calls, self._money = int(answered), float(money)

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
            made = self._write(
                "INSERT INTO calls (state, most_in, most_out, most) VALUES ('open', ?, ?, ?)",
                (tokens_in, tokens_out, most if self._priced else None),
            )
            number = int(made.lastrowid or 0)
            self._flying[number] = most
            self._synced = sync_now_and_then(self._file, self._synced)
            return number

    def settle(self, reservation: int, tokens_in: int, tokens_out: int) -> None:
        """The call was answered and used this much."""
        self._end(reservation, "paid", tokens_in, tokens_out)

    def release(self, reservation: int) -> None:
        """The call was refused: it cost nothing."""
        self._end(reservation, "free", 0, 0)

    def lose(self, reservation: int) -> None:
        """Nobody knows whether the call was paid: it counts in full."""
        with self._turn:
            most_in, most_out = self._write(
                "SELECT most_in, most_out FROM calls WHERE id = ?", (reservation,)
            ).fetchone()
            self._end(reservation, "lost", most_in, most_out)

    def use_prices(self, price_in: float | None, price_out: float | None) -> None:
        """Price the calls from now on so; limits stay. Raises ConfigError for a bad price."""
        changed = {"price_in": price_in, "price_out": price_out}
        with self._turn:
            self._spending = build(Spending, self._spending.model_dump(), changed)

    def bill(self) -> Bill:
        """What the pass has used so far, all attempts together."""
        with self._turn:
            return _bill(self._file)

    def close(self) -> None:
        """Let go of the file. What is still in flight is not waited for: it counts as lost."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()  # whoever waits for an end that nobody writes down
            try:
                self._write(_LOSE_OPEN)
            finally:
                self._file.close()

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
        if limit.calls is not None and self._calls + len(self._flying) >= limit.calls:
            return False
        # A sum of many small prices is off by rounding; a call is never refused for that.
        return limit.budget is None or self._money + flying + most <= limit.budget * (1 + 1e-12)

    def _why(self, most: float) -> str:
        limit = self._spending
        if limit.calls is not None and self._calls >= limit.calls:
            return f"All {limit.calls:,} calls of this pass are used. Allow more to go on."
        return (
            f"The budget of {limit.budget:,g} does not cover another call: {self._money:,.6g} is "
            f"used, and the next could cost {most:,.6g}. Raise the budget to go on."
        )


def read_bill(path: Path, *, priced: bool = True) -> Bill | None:
    """The bill of a pass, also while it runs; None where none of its calls was metered.

    With ``priced`` false money is left out. Raises StoreError where the file is damaged.
    """
    if not path.exists():
        return None
    try:
        file = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            made = file.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchone()
            bill = _bill(file) if made else None  # it may be read while it is being made
        finally:
            file.close()
    except sqlite3.Error as error:
        raise StoreError(f"The account of calls {path} cannot be read: {error}.") from error
    if bill is None or not bill.calls + bill.lost + bill.refused:
        return None
    return bill if priced else replace(bill, money=None, unsure_money=None)


def _bill(file: sqlite3.Connection) -> Bill:
    states: dict[str, Any] = {
        state: rest
        for state, *rest in file.execute(
            "SELECT state, count(*), sum(used_in), sum(used_out), coalesce(sum(money), 0), "
            "count(*) - count(money) FROM calls WHERE state != 'open' GROUP BY state"
        )
    }
    nothing = [0, 0, 0, 0.0, 0]
    paid, lost = states.get("paid", nothing), states.get("lost", nothing)
    priced = paid[4] + lost[4] == 0
    return Bill(
        calls=paid[0],
        lost=lost[0],
        refused=states.get("free", nothing)[0],
        tokens_in=paid[1] + lost[1],
        tokens_out=paid[2] + lost[2],
        money=paid[3] + lost[3] if priced else None,
        unsure_money=lost[3] if priced else None,
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
    return file
