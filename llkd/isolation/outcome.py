"""How a call ended that gave no result."""

from __future__ import annotations

import os
import signal
from typing import Literal

Cause = Literal["memory", "time", "killed", "crash"]
_OUT_OF_MEMORY = ("bad_alloc", "out of memory", "cannot allocate memory", "memoryerror")


class ChildEnded(Exception):
    """The process of a call ended without a result, or its function failed unforeseen.

    ``cause`` is ``memory`` or ``time`` where it met that limit, ``killed`` where somebody or the
    system (short of memory) ended it, ``crash`` for all else; ``reason`` says how in some words.
    ``errors`` is what it wrote on standard error, at most the last 2,000 characters.
    """

    def __init__(self, cause: Cause, reason: str, errors: str = "") -> None:
        super().__init__(f"{cause}: {reason}")
        self.cause: Cause = cause
        self.reason = reason
        self.errors = errors[-2000:]


def of_status(status: int, errors: str) -> ChildEnded:
    """What an exit status, as ``os.wait`` gives it, means."""
    code = os.waitstatus_to_exitcode(status)
    number = -code
    if number in {signal.SIGXCPU, signal.SIGALRM}:
        return ChildEnded("time", "it took too long", errors)
    if any(words in errors.lower() for words in _OUT_OF_MEMORY):
        return ChildEnded("memory", "it needed too much memory", errors)
    if code >= 0:
        return ChildEnded("crash", f"it ended with code {code}", errors)
    if number == signal.SIGKILL:
        return ChildEnded("killed", "it was killed", errors)
    return ChildEnded("crash", signal.strsignal(number) or f"signal {number}", errors)
