"""Questions to a chat server: how many tokens they can hold, and what is left out where it breaks.

How calls are metered and tried again: :mod:`llkd.teachers.calls.metered`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from llkd.teachers.api.chat_server import ChatServer
from llkd.teachers.api.completions import Reply
from llkd.teachers.api.request_form import features
from llkd.teachers.base import Meter
from llkd.teachers.calls.concurrency import Concurrency
from llkd.teachers.calls.learnt_tokens import LearntTokens
from llkd.teachers.calls.metered import Backoff, MeteredCalls
from llkd.teachers.calls.tries import RequestRefused, TryFailed

MESSAGE_TOKENS = 32  # what a chat template may add to a message: its role and its marks
EDGE_TOKENS = 16  # tokens may be cut otherwise where the fixed part meets the text


@dataclass(frozen=True)
class Query:
    """Messages to send. ``key`` names their fixed part; ``own``: bytes that belong to this text.

    ``own`` counts MESSAGE_TOKENS for each message that only this text has.
    """

    messages: list[dict[str, str]]
    key: str
    own: int


class TokenBound:
    """The most tokens that a request can hold.

    A token is at least one byte, so bytes bound tokens. Once an answer told its ``prompt_tokens``,
    the fixed part of that prompt is bounded by the smallest number seen, and only the text's own
    bytes are added.
    """

    def __init__(self) -> None:
        self._learnt = LearntTokens()

    def most(self, query: Query, schema: int = 0) -> int:
        """The most tokens read for ``sent``; ``schema``: bytes of an answer format sent along."""
        whole = schema + sum(
            len(message["content"].encode()) + MESSAGE_TOKENS for message in query.messages
        )
        least = self._learnt.least(_fixed(query, schema))
        return whole if least is None else min(whole, least + EDGE_TOKENS + query.own)

    def note(self, query: Query, schema: int, tokens_in: int) -> None:
        """An answer told that ``sent`` held ``tokens_in`` tokens."""
        self._learnt.note(_fixed(query, schema), tokens_in, self.most(query, schema))


def _fixed(query: Query, schema: int) -> str:
    return f"{query.key}+{schema}"


class Caller(MeteredCalls):
    """Asks a server until it answers; one for each pass over texts, used by many threads."""

    def __init__(
        self,
        server: ChatServer,
        meter: Meter,
        bounds: TokenBound,
        *,
        retries: int,
        first_pause: float,
        concurrency: Concurrency | None = None,
        pauses: Backoff | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """As :class:`MeteredCalls`."""
        super().__init__(
            meter,
            retries=retries,
            first_pause=first_pause,
            concurrency=concurrency,
            pauses=pauses,
            draw=draw,
        )
        self._server = server
        self._bounds = bounds
        #: How many questions were answered.
        self.answered = 0

    def ask(self, query: Query, *, max_tokens: int, **options: Any) -> Reply:
        """An answer whose tokens are those of the account.

        Where the server told no tokens these are the most there can have been. A server that breaks
        on a request with logprobs or an answer format, and has not answered any such, is taken to
        refuse it: the caller finds out by leaving that out. Raises RequestRefused, Unreadable,
        Unavailable, BudgetSpent, Stopped, and ModelError where no call can succeed.
        """

        def attempt() -> Reply:
            try:
                return self._try(query, max_tokens, options)
            except RequestRefused:
                reply = None
                if not set(options) & {"logprobs", "response_format"}:
                    reply = self._folded(query, max_tokens, options)
                if reply is None:
                    raise
                return reply

        reply = self.until_answered(
            attempt, lambda failure: self._suspect(query, max_tokens, options, failure)
        )
        self.answered += 1
        return reply

    def _suspect(
        self, query: Query, max_tokens: int, options: dict[str, Any], failure: TryFailed
    ) -> Reply | None:
        """An answer without what the server may break on; None where that does not help either.

        Raises RequestRefused where the one who asks can leave it out.
        """
        form = self._server.form
        doubted = {name for name in ("logprobs", "response_format") if name in options}
        if doubted - form.proven:
            raise RequestRefused(failure.sentence)
        return self._folded(query, max_tokens, options)

    def _folded(self, query: Query, max_tokens: int, options: dict[str, Any]) -> Reply | None:
        """An answer to the instruction as part of the user's message, and so from then on."""
        form = self._server.form
        used = features({"messages": query.messages})
        if not form.with_system or "system" in form.proven or "system" not in used:
            return None
        try:
            reply = self._try(query, max_tokens, {**options, "with_system": False})
        except (RequestRefused, TryFailed):
            return None
        form.fold_system()
        return reply

    def _try(self, query: Query, max_tokens: int, options: dict[str, Any]) -> Reply:
        form = options.get("response_format")
        schema = len(json.dumps(form).encode()) if form else 0
        most_in = self._bounds.most(query, schema)
        max_tokens = self._server.form.limit(max_tokens)
        reply = self.metered(
            most_in,
            max_tokens,
            lambda: self._server.ask(query.messages, max_tokens=max_tokens, **options),
        )
        read = most_in if reply.tokens_in is None else reply.tokens_in
        written = max_tokens if reply.tokens_out is None else reply.tokens_out
        if reply.tokens_in is not None:
            self._bounds.note(query, schema, read)
        return replace(reply, tokens_in=read, tokens_out=written)
