"""What the calls of a pass have used: added up from its account."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llkd.errors import StoreError
from llkd.store.files.batch_journal import has_batches

_CALLS = (
    "SELECT state, count(*), sum(used_in), sum(used_out), coalesce(sum(money), 0), "
    "count(*) - count(money) FROM calls WHERE state != 'open' GROUP BY state"
)
_WITH_BATCHES = (
    "SELECT state, count(*), sum(used_in), sum(used_out), coalesce(sum(money), 0), "
    "count(*) - count(money) FROM ("
    "SELECT state, used_in, used_out, money FROM calls WHERE state != 'open' UNION ALL "
    "SELECT CASE state WHEN 'refused' THEN 'free' ELSE state END, used_in, used_out, money "
    "FROM batch_calls WHERE state != 'open') GROUP BY state"
)


@dataclass(frozen=True)
class Usage:
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


def read_usage(path: Path, *, priced: bool = True) -> Usage | None:
    """The usage of a pass, also while it runs; None where none of its calls was metered.

    With ``priced`` false money is left out. Raises StoreError where the file is damaged.
    """
    if not path.exists():
        return None
    try:
        file = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            table = file.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchone()
            usage = usage_of(file) if table else None  # it may be read while it is being made
        finally:
            file.close()
    except sqlite3.Error as error:
        raise StoreError(f"The account of calls {path} cannot be read: {error}.") from error
    if usage is None or not usage.calls + usage.lost + usage.refused:
        return None
    return usage if priced else replace(usage, money=None, unsure_money=None)


def usage_of(file: sqlite3.Connection) -> Usage:
    """The usage of an open account, what is still in flight left out."""
    statement = _WITH_BATCHES if has_batches(file) else _CALLS
    states: dict[str, Any] = {state: rest for state, *rest in file.execute(statement)}
    nothing = [0, 0, 0, 0.0, 0]
    paid, lost = states.get("paid", nothing), states.get("lost", nothing)
    priced = paid[4] + lost[4] == 0
    return Usage(
        calls=paid[0],
        lost=lost[0],
        refused=states.get("free", nothing)[0],
        tokens_in=paid[1] + lost[1],
        tokens_out=paid[2] + lost[2],
        money=paid[3] + lost[3] if priced else None,
        unsure_money=lost[3] if priced else None,
    )
