"""The account of a pass, joined to a teacher that is made before its pass is known."""

from __future__ import annotations

from typing import Any

from llkd.store.spending import Bill
from llkd.teachers.base import Meter


class LateMeter:
    """A meter (``teachers.base.Meter``) that passes everything on to the one set as ``target``.

    A teacher needs its meter when it is made, but which pass it works in depends on what it says
    of itself. No call can be sent before the target is set: it would be counted nowhere.
    """

    def __init__(self) -> None:
        self.target: Meter | None = None

    def reserve(self, tokens_in: int, tokens_out: int) -> int:
        """Set the most that a call can use aside."""
        return self._set().reserve(tokens_in, tokens_out)

    def settle(self, reservation: int, tokens_in: int, tokens_out: int) -> None:
        """The call was answered and used this much."""
        self._set().settle(reservation, tokens_in, tokens_out)

    def release(self, reservation: int) -> None:
        """The call cost nothing."""
        self._set().release(reservation)

    def lose(self, reservation: int) -> None:
        """Nobody knows whether the call was paid."""
        self._set().lose(reservation)

    def _set(self) -> Meter:
        if self.target is None:
            raise RuntimeError("a call was about to be sent before its account was opened")
        return self.target


def bill_document(bill: Bill | None) -> dict[str, Any]:
    """A bill as it stands in results; zeros where nothing was metered."""
    if bill is None:
        return {"calls": 0, "lost": 0, "refused": 0, "money": None, "unsure_money": None}
    return {
        "calls": bill.calls,
        "lost": bill.lost,
        "refused": bill.refused,
        "money": bill.money,
        "unsure_money": bill.unsure_money,
    }
