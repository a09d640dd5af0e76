"""Questions to a decision server, metered: how many tokens they can hold, and tried again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace

from llkd.teachers.base import Meter
from llkd.teachers.calls.concurrency import Concurrency
from llkd.teachers.calls.learnt_tokens import LearntTokens
from llkd.teachers.calls.metered import Backoff, MeteredCalls
from llkd.teachers.decisions.questions import DecisionQuery
from llkd.teachers.decisions.server import DecisionServer
from llkd.teachers.decisions.wire import DecisionReply

READINGS = 2  # servers show the options in both orders, or the text once more
PROMPT_TOKENS = 1024  # of a server's own words around the question
MOST_WRITTEN = 64  # tokens that a decision model writes at most; most of them write none
_EDGE_TOKENS = 16  # tokens may be cut otherwise where the fixed part meets the text


class TokenBound:
    """The most tokens that a question can be.

    A token is at least one byte. A server may read the question twice and add its own words, so
    READINGS times its bytes and PROMPT_TOKENS bound it; once an answer told its tokens, the fixed
    part is bounded by the smallest number seen, and READINGS times the text's own bytes are added.
    """

    def __init__(self) -> None:
        self._learnt = LearntTokens()

    def most(self, query: DecisionQuery, size: int) -> int:
        """The most tokens read for a request of ``size`` bytes."""
        whole = READINGS * size + PROMPT_TOKENS
        least = self._learnt.least(query.key)
        return whole if least is None else min(whole, least + _EDGE_TOKENS + READINGS * query.own)

    def note(self, query: DecisionQuery, size: int, tokens_in: int) -> None:
        """An answer told how many tokens it had read."""
        self._learnt.note(query.key, tokens_in, self.most(query, size))


class DecisionCalls(MeteredCalls):
    """Asks a decision server until it answers; one for each pass over texts."""

    def __init__(
        self,
        server: DecisionServer,
        meter: Meter,
        bounds: TokenBound,
        *,
        retries: int,
        first_pause: float,
        concurrency: Concurrency | None = None,
        reread: bool = True,
        pauses: Backoff | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """As :class:`MeteredCalls`."""
        super().__init__(
            meter,
            retries=retries,
            first_pause=first_pause,
            concurrency=concurrency,
            reread=reread,
            pauses=pauses,
            draw=draw,
        )
        self._server = server
        self._bounds = bounds

    def ask(self, query: DecisionQuery) -> DecisionReply:
        """What the server says, with the tokens of the account.

        Raises RequestRefused, TooManyOptions, Unreadable, Unavailable, BudgetSpent, Stopped, and
        ModelError where no call can succeed.
        """
        return self.until_answered(lambda: self._try(query))

    def _try(self, query: DecisionQuery) -> DecisionReply:
        size = len(json.dumps(self._server.body(query), ensure_ascii=False).encode())
        most = self._bounds.most(query, size)
        reply = self.metered(most, MOST_WRITTEN, lambda: self._server.ask(query))
        if reply.tokens_in is not None:
            self._bounds.note(query, size, reply.tokens_in)
        return replace(
            reply,
            tokens_in=most if reply.tokens_in is None else reply.tokens_in,
            tokens_out=0 if reply.tokens_out is None else reply.tokens_out,
        )
