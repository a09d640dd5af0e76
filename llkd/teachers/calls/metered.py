"""Calls that are tried again, each try metered, with pauses that all threads share.

A try is reserved with the most it can cost before it is sent and settled, released or lost
afterwards. Pauses double up to LONGEST_PAUSE seconds; a server's own Retry-After is obeyed up to
LONGEST_ASKED. A server that says it is busy (429) holds back the other threads too. No reservation
is held during a pause, and a pause ends at once when :meth:`MeteredCalls.stop` is called.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from llkd.errors import ModelError
from llkd.teachers.base import Meter
from llkd.teachers.calls.concurrency import Concurrency
from llkd.teachers.calls.tries import RequestRefused, TryFailed

LONGEST_PAUSE = 60.0
LONGEST_ASKED = 300.0
JITTER = 0.25
BROKEN_TRIES = 2  # tries on which a server breaks before something in the request is suspected


class Counted(Protocol):
    """An answer that says what it used; None where the server did not tell."""

    @property
    def tokens_in(self) -> int | None:
        """Tokens read."""
        ...

    @property
    def tokens_out(self) -> int | None:
        """Tokens written."""
        ...


R = TypeVar("R")
C = TypeVar("C", bound=Counted)


class Stopped(Exception):
    """A pause was cut short because the work is to end."""


class Unavailable(Exception):
    """All tries of a call failed for reasons that lie with the server, not with the text."""


class Unreadable(Exception):
    """All tries of a call came back with a body that cannot be read."""


class Unmetered:
    """A meter that allows everything and keeps nothing."""

    def reserve(self, tokens_in: int, tokens_out: int) -> int:
        """Always 0."""
        return 0

    def settle(self, reservation: int, tokens_in: int, tokens_out: int) -> None:
        """Nothing is kept."""

    def release(self, reservation: int) -> None:
        """Nothing is kept."""

    def mark_unknown(self, reservation: int) -> None:
        """Nothing is kept."""


class Backoff:
    """The pauses of all threads of one pass; ``stop`` ends them."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._until = 0.0

    def stop(self) -> None:
        """End every pause, now and later, with Stopped."""
        self._stop.set()

    def hold(self, seconds: float) -> None:
        """Nobody sends anything for so long."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)

    def wait(self, seconds: float) -> None:
        """Wait so long, and until nobody holds. Raises Stopped where a pause is cut short."""
        end = time.monotonic() + seconds
        while (remaining := max(end, self._until) - time.monotonic()) > 0:
            if self._stop.wait(remaining):
                raise Stopped


class MeteredCalls:
    """Tries calls until they are answered; one for each pass over texts, used by many threads."""

    def __init__(
        self,
        meter: Meter,
        *,
        retries: int,
        first_pause: float,
        concurrency: Concurrency | None = None,
        reread: bool = True,
        pauses: Backoff | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """``first_pause`` in seconds; ``draw`` gives the jitter, in [0, 1).

        Unless ``reread`` a body that cannot be read, which may have been paid, ends a call at once.

        ``concurrency`` learns from every try how much the server bears.
        """
        self._meter = meter
        self._retries = retries
        self._reread = reread
        self._first = first_pause
        self._concurrency = concurrency or Concurrency(1)
        self._pauses = pauses or Backoff()
        self._draw = draw
        self._ended = False

    def stop(self) -> None:
        """End pauses: a failed call is not tried again. Texts that were begun may be finished."""
        self._pauses.stop()

    def end(self) -> None:
        """Send nothing any more: nobody waits for answers."""
        self._ended = True
        self._pauses.stop()

    def until_answered(
        self,
        attempt: Callable[[], R],
        suspect: Callable[[TryFailed], R | None] = lambda failure: None,
    ) -> R:
        """What ``attempt`` gives, tried again while it raises TryFailed.

        ``suspect`` is asked after the second try on which the server itself broke: it may find an
        answer by leaving out what the server breaks on. Raises what these raise, Unreadable,
        Unavailable, and Stopped.
        """
        failures, pause, longest, broken = 0, 0.0, 0.0, 0
        while True:
            self._pauses.wait(pause)
            if self._ended:
                raise Stopped
            try:
                return attempt()
            except TryFailed as failure:
                if failure.kind == "changed":
                    pause = 0.0
                    continue
                failures += 1
                broken += failure.broke
                if failure.broke and broken >= BROKEN_TRIES:
                    reply = suspect(failure)
                    if reply is not None:
                        return reply
                longest = max(longest, failure.after or 0.0)
                given_up = failure.kind == "format" and not self._reread
                if failures > self._retries or given_up:
                    kind = Unreadable if failure.kind == "format" else Unavailable
                    raise kind(_sentence(failure, failures, longest)) from None
                pause = self._pause(failure, failures)
                if failure.kind == "busy":
                    self._pauses.hold(pause)

    def metered(self, most_in: int, most_out: int, send: Callable[[], C]) -> C:
        """One try, with the most tokens it can read and write; these count where none are told."""
        number = self._meter.reserve(most_in, most_out)
        try:
            with self._concurrency.watched():
                reply = send()
        except RequestRefused:
            self._meter.release(number)
            raise
        except TryFailed as failure:
            if failure.free:
                self._meter.release(number)
            else:
                self._meter.mark_unknown(number)
            raise
        except ModelError:  # a key, model or status that no try can mend: not answered, not paid
            self._meter.release(number)
            raise
        except BaseException:
            self._meter.mark_unknown(number)
            raise
        read, written = reply.tokens_in, reply.tokens_out
        self._meter.settle(
            number, most_in if read is None else read, most_out if written is None else written
        )
        return reply

    def _pause(self, failure: TryFailed, failures: int) -> float:
        if failure.after is not None:
            # A little later than asked, each thread by another bit: they do not come all at once.
            return min(failure.after, LONGEST_ASKED) + self._first * JITTER * self._draw()
        grown = min(LONGEST_PAUSE, self._first * 2.0 ** (failures - 1))
        return grown * (1 - JITTER * self._draw())


def _sentence(failure: TryFailed, failures: int, longest: float) -> str:
    words = failure.sentence
    if failures > 1:
        words += f", asked {failures} times"
    if longest > LONGEST_ASKED:
        words += (
            f"; it asks for a pause of {longest:,.0f} seconds, and {LONGEST_ASKED:.0f} is the "
            "longest that is waited"
        )
    return words + ". What was answered is kept; resume later."
