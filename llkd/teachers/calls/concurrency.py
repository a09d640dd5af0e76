"""How many requests are sent to a server at a time: as many as it bears, up to a limit.

Additive increase, multiplicative decrease (Chiu and Jain 1989, as TCP does it). It begins with one
request and doubles after each window of answers until the server shows that it is enough; from
then on a window adds one. Three signs take it down to DECREASE of what it is: a server that says
that it is busy (429, 503, 529), an answer that did not come in time, and answers that take more
than SLOWER times as long as those of a server that has nothing else to do. Twice as long is where
throughput over latency is greatest, for a server whose latency grows linearly with what is asked
of it at once (Kleinrock 1979); below it a batching server still gains from more requests.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median_low
from typing import Literal

DECREASE = 0.7
SLOWER = 2.0
LEAST_SLOWER = 0.25  # seconds; less is the network's and this machine's own unrest
FEWEST = 2  # answers of a window while the number doubles
FEWEST_LATER = 8  # and afterwards: a server of little room is not tried too often
Outcome = Literal["answered", "congested", "failed"]


@dataclass(frozen=True)
class Try:
    """One try of a request: when it was sent and ended (seconds of one clock), and its outcome.

    ``congested`` where the server had too much to do, or did not answer in time; ``failed`` where
    it says nothing about that. ``under_way``: requests when it was sent, with itself.
    """

    sent: float
    ended: float
    outcome: Outcome
    under_way: int


@dataclass(frozen=True)
class Allowed:
    """How many requests may be under way; ``number``, from 1 to ``most``, is what counts.

    ``exact`` is the number before it is rounded down. ``doubling``: the server has not shown yet
    that it is enough. ``fastest``: seconds that answers take where little else is asked (the
    median of a window), None before the first window. ``window``: seconds of the answers to what
    was sent since ``changed``; ``full``: for one of them as many were under way as may be.
    ``changed``, ``decreased``: when ``exact`` last changed, and fell.
    """

    most: int
    exact: float = 1.0
    doubling: bool = True
    fastest: float | None = None
    window: tuple[float, ...] = ()
    full: bool = False
    changed: float = -math.inf
    decreased: float = -math.inf

    @property
    def number(self) -> int:
        """How many requests may be under way."""
        return max(1, min(self.most, int(self.exact)))


def after(allowed: Allowed, attempt: Try) -> Allowed:
    """What is allowed after this try.

    Tries that were sent before the last decrease are not a sign for another one: what they met is
    what that decrease answers.
    """
    if attempt.outcome == "congested":
        return _less(allowed, attempt.ended) if attempt.sent >= allowed.decreased else allowed
    if attempt.outcome == "failed" or attempt.sent < allowed.changed:
        return allowed
    window = (*allowed.window, attempt.ended - attempt.sent)
    full = allowed.full or attempt.under_way >= allowed.number
    fewest = FEWEST if allowed.doubling else FEWEST_LATER
    if len(window) < max(fewest, allowed.number):
        return replace(allowed, window=window, full=full)
    seconds = median_low(window)
    # One request at a time waits for none of ours: what it takes now is the server's own.
    alone = allowed.number == 1 or allowed.fastest is None
    fastest = seconds if alone else min(seconds, allowed.fastest or seconds)
    measured = replace(allowed, fastest=fastest, window=(), full=False)
    if seconds > SLOWER * fastest and seconds - fastest > LEAST_SLOWER:
        return _less(measured, attempt.ended)
    if not full:
        return measured  # nothing was learnt of what the server bears
    exact = min(float(allowed.most), 2 * allowed.exact if allowed.doubling else allowed.exact + 1)
    # At the limit nothing changes, so that the next window holds all that is under way.
    changed = attempt.ended if exact > allowed.exact else allowed.changed
    return replace(measured, exact=exact, changed=changed)


def _less(allowed: Allowed, now: float) -> Allowed:
    return replace(
        allowed,
        exact=max(1.0, DECREASE * min(allowed.exact, float(allowed.most))),
        doubling=False,
        window=(),
        full=False,
        changed=now,
        decreased=now,
    )


class Concurrency:
    """What one server bears, learnt from every try of a call; safe to use from several threads."""

    def __init__(self, most: int) -> None:
        """``most``: requests at a time that are never exceeded, at least 1."""
        self._lock = threading.Lock()
        self._under_way = 0
        self.most = most
        self._allowed = Allowed(most)

    @property
    def number(self) -> int:
        """How many requests may be under way now."""
        return self._allowed.number

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Around one try of a call, which says by what it raises how it went.

        An exception with a true ``congested`` is a sign of a server that has too much to do.
        """
        with self._lock:
            self._under_way += 1
            sent, under_way = time.monotonic(), self._under_way
        outcome: Outcome = "answered"
        try:
            yield
        except BaseException as error:
            outcome = "congested" if getattr(error, "congested", False) else "failed"
            raise
        finally:
            with self._lock:
                self._under_way -= 1
                attempt = Try(sent, time.monotonic(), outcome, under_way)
                self._allowed = after(self._allowed, attempt)
