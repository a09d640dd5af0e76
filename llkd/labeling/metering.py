"""The account of a pass, joined to a teacher that is made before its pass is known."""

from __future__ import annotations

from typing import Any

from llkd.store.cost_ledger import Usage
from llkd.teachers.base import Meter


class DeferredMeter:
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

    def mark_unknown(self, reservation: int) -> None:
        """Nobody knows whether the call was paid."""
        self._set().mark_unknown(reservation)

    def _set(self) -> Meter:
        if self.target is None:
            raise RuntimeError("a call was about to be sent before its account was opened")
        return self.target


def usage_document(usage: Usage | None) -> dict[str, Any]:
    """Usage as it stands in results; zeros where nothing was metered."""
    if usage is None:
        return {"calls": 0, "lost": 0, "refused": 0, "money": None, "unsure_money": None}
    return {
        "calls": usage.calls,
        "lost": usage.lost,
        "refused": usage.refused,
        "money": usage.money,
        "unsure_money": usage.unsure_money,
    }
