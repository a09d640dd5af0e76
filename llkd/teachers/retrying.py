"""Calls that are tried again, each try metered, with pauses that all threads share.

A try is reserved with the most it can cost before it is sent and settled, released or lost
afterwards. Pauses double up to LONGEST_PAUSE seconds; a server's own Retry-After is obeyed up to
LONGEST_ASKED. A server that says it is busy (429) holds back the other threads too. No reservation
is held during a pause, and a pause ends at once when :meth:`Caller.stop` is called.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from llkd.errors import ModelError
from llkd.teachers.base import Meter
from llkd.teachers.chat_server import ChatServer, RequestRefused, TryFailed
from llkd.teachers.completions import Reply
from llkd.teachers.request_form import features

LONGEST_PAUSE = 60.0
LONGEST_ASKED = 300.0
JITTER = 0.25
MESSAGE_TOKENS = 32  # what a chat template may add to a message: its role and its marks
BROKEN_TRIES = 2  # tries on which a server breaks before something in the request is suspected
EDGE_TOKENS = 16  # tokens may be cut otherwise where the fixed part meets the text


@dataclass(frozen=True)
class Sent:
    """Messages to send. ``key`` names their fixed part; ``own``: bytes that belong to this text.

    ``own`` counts MESSAGE_TOKENS for each message that only this text has.
    """

    messages: list[dict[str, str]]
    key: str
    own: int


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

    def lose(self, reservation: int) -> None:
        """Nothing is kept."""


class Bounds:
    """The most tokens that a request can hold.

    A token is at least one byte, so bytes bound tokens. Once an answer told its ``prompt_tokens``,
    the fixed part of that prompt is bounded by the smallest number seen, and only the text's own
    bytes are added.
    """

    def __init__(self) -> None:
        self._least: dict[str, int] = {}
        self._unsure: set[str] = set()
        self._lock = threading.Lock()

    def most(self, sent: Sent, schema: int = 0) -> int:
        """The most tokens read for ``sent``; ``schema``: bytes of an answer format sent along."""
        whole = schema + sum(
            len(message["content"].encode()) + MESSAGE_TOKENS for message in sent.messages
        )
        key = _fixed(sent, schema)
        with self._lock:
            least = None if key in self._unsure else self._least.get(key)
        return whole if least is None else min(whole, least + EDGE_TOKENS + sent.own)

    def note(self, sent: Sent, schema: int, tokens_in: int) -> None:
        """An answer told that ``sent`` held ``tokens_in`` tokens."""
        key, learnt = _fixed(sent, schema), self.most(sent, schema)
        with self._lock:
            if tokens_in > learnt:
                # It has counted too little before (without cached tokens, say): only bytes bound.
                self._unsure.add(key)
            self._least[key] = min(tokens_in, self._least.get(key, tokens_in))


def _fixed(sent: Sent, schema: int) -> str:
    return f"{sent.key}+{schema}"


class Pauses:
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
        while (left := max(end, self._until) - time.monotonic()) > 0:
            if self._stop.wait(left):
                raise Stopped


class Caller:
    """Asks a server until it answers; one for each pass over texts, used by many threads."""

    def __init__(
        self,
        server: ChatServer,
        meter: Meter,
        bounds: Bounds,
        *,
        retries: int,
        first_pause: float,
        pauses: Pauses | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """``first_pause`` in seconds; ``draw`` gives the jitter, in [0, 1)."""
        self._server = server
        self._meter = meter
        self._bounds = bounds
        self._retries = retries
        self._first = first_pause
        self._pauses = pauses or Pauses()
        self._draw = draw
        self._ended = False

    def stop(self) -> None:
        """End pauses: a failed call is not tried again. Texts that were begun may be finished."""
        self._pauses.stop()

    def end(self) -> None:
        """Send nothing any more: nobody waits for answers."""
        self._ended = True
        self._pauses.stop()

    def ask(self, sent: Sent, *, max_tokens: int, **options: Any) -> Reply:
        """An answer whose tokens are those of the account.

        Where the server told no tokens these are the most there can have been. A server that breaks
        on a request with logprobs or an answer format, and has not answered any such, is taken to
        refuse it: the caller finds out by leaving that out. Raises RequestRefused, Unreadable,
        Unavailable, BudgetSpent, Stopped, and ModelError where no call can succeed.
        """
        failures, pause, longest, broken = 0, 0.0, 0.0, 0
        while True:
            self._pauses.wait(pause)
            if self._ended:
                raise Stopped
            try:
                return self._try(sent, max_tokens, options)
            except RequestRefused:
                reply = None
                if not set(options) & {"logprobs", "response_format"}:
                    reply = self._folded(sent, max_tokens, options)
                if reply is None:
                    raise
                return reply
            except TryFailed as failure:
                if failure.kind == "changed":
                    pause = 0.0
                    continue
                failures += 1
                broken += failure.broke
                if failure.broke and broken >= BROKEN_TRIES:
                    reply = self._suspect(sent, max_tokens, options, failure)
                    if reply is not None:
                        return reply
                longest = max(longest, failure.after or 0.0)
                if failures > self._retries:
                    kind = Unreadable if failure.kind == "format" else Unavailable
                    raise kind(_sentence(failure, failures, longest)) from None
                pause = self._pause(failure, failures)
                if failure.kind == "busy":
                    self._pauses.hold(pause)

    def _suspect(
        self, sent: Sent, max_tokens: int, options: dict[str, Any], failure: TryFailed
    ) -> Reply | None:
        """An answer without what the server may break on; None where that does not help either.

        Raises RequestRefused where the one who asks can leave it out.
        """
        form = self._server.form
        doubted = {name for name in ("logprobs", "response_format") if name in options}
        if doubted - form.proven:
            raise RequestRefused(failure.sentence)
        return self._folded(sent, max_tokens, options)

    def _folded(self, sent: Sent, max_tokens: int, options: dict[str, Any]) -> Reply | None:
        """An answer to the instruction as part of the user's message, and so from then on."""
        form = self._server.form
        used = features({"messages": sent.messages})
        if not form.with_system or "system" in form.proven or "system" not in used:
            return None
        try:
            reply = self._try(sent, max_tokens, {**options, "with_system": False})
        except (RequestRefused, TryFailed):
            return None
        form.fold_system()
        return reply

    def _pause(self, failure: TryFailed, failures: int) -> float:
        if failure.after is not None:
            # A little later than asked, each thread by another bit: they do not come all at once.
            return min(failure.after, LONGEST_ASKED) + self._first * JITTER * self._draw()
        grown = min(LONGEST_PAUSE, self._first * 2.0 ** (failures - 1))
        return grown * (1 - JITTER * self._draw())

    def _try(self, sent: Sent, max_tokens: int, options: dict[str, Any]) -> Reply:
        form = options.get("response_format")
        schema = len(json.dumps(form).encode()) if form else 0
        most_in = self._bounds.most(sent, schema)
        max_tokens = self._server.form.limit(max_tokens)
        number = self._meter.reserve(most_in, max_tokens)
        try:
            reply = self._server.ask(sent.messages, max_tokens=max_tokens, **options)
        except RequestRefused:
            self._meter.release(number)
            raise
        except TryFailed as failure:
            if failure.free:
                self._meter.release(number)
            else:
                self._meter.lose(number)
            raise
        except ModelError:  # a key, model or status that no try can mend: not answered, not paid
            self._meter.release(number)
            raise
        except BaseException:
            self._meter.lose(number)
            raise
        read = most_in if reply.tokens_in is None else reply.tokens_in
        written = max_tokens if reply.tokens_out is None else reply.tokens_out
        self._meter.settle(number, read, written)
        if reply.tokens_in is not None:
            self._bounds.note(sent, schema, read)
        return replace(reply, tokens_in=read, tokens_out=written)


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
