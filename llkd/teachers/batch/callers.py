"""A text's request taken down unsent, and a batch's reply handed out as if it had just come.

Both stand in for the :class:`Caller` that a way of asking sends its questions through, so that a
batch asks with the same messages and options as a single call, and is read by the same rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from llkd.teachers.api.chat_server import ChatServer
from llkd.teachers.api.completions import Reply
from llkd.teachers.api.retries import Caller, Query, TokenBound
from llkd.teachers.calls.metered import Unmetered, Unreadable


@dataclass(frozen=True)
class UnsentRequest:
    """The body of a request, and the most tokens that it can use."""

    body: dict[str, Any]
    most_in: int
    most_out: int


class _Recorded(Exception):
    def __init__(self, request: UnsentRequest) -> None:
        super().__init__()
        self.request = request


class _Recorder(Caller):
    def __init__(self, server: ChatServer, bounds: TokenBound) -> None:
        super().__init__(server, Unmetered(), bounds, retries=0, first_pause=1.0)

    def ask(self, query: Query, *, max_tokens: int, **options: Any) -> NoReturn:
        form = options.get("response_format")
        schema = len(json.dumps(form).encode()) if form else 0
        limit = self._server.form.limit(max_tokens)
        body = self._server.request(query.messages, max_tokens=limit, **options)
        body.pop("stream", None)  # the lines of a batch are whole answers
        raise _Recorded(UnsentRequest(body, self._bounds.most(query, schema), limit))


def unsent_request(
    server: ChatServer, bounds: TokenBound, ask: Callable[[Caller], Any]
) -> UnsentRequest:
    """The first request that ``ask(caller)`` would send."""
    try:
        ask(_Recorder(server, bounds))
    except _Recorded as recorded:
        return recorded.request
    raise RuntimeError("the text was answered without a question")


class Replayer(Caller):
    """Hands out one reply, or raises what stands for it, and passes further questions on."""

    def __init__(
        self,
        live: Caller,
        server: ChatServer,
        request: dict[str, Any],
        outcome: Reply | Exception,
        follow_up: Callable[[], None],
    ) -> None:
        """``request``: the body that was answered; ``follow_up`` is called before live calls."""
        super().__init__(server, Unmetered(), TokenBound(), retries=0, first_pause=1.0)
        self._live = live
        self._request = request
        self._outcome: Reply | Exception | None = outcome
        self._follow_up = follow_up

    def ask(self, query: Query, *, max_tokens: int, **options: Any) -> Reply:
        """The batch's reply to the first question. Raises Unreadable where it was another one."""
        outcome, self._outcome = self._outcome, None
        if outcome is None:
            self._follow_up()
            return self._live.ask(query, max_tokens=max_tokens, **options)
        body = self._server.request(query.messages, max_tokens=max_tokens, **options)
        if body["messages"] != self._request["messages"] or ("logprobs" in body) != (
            "logprobs" in self._request
        ):
            raise Unreadable("It was asked in a batch in another way than it is asked now")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
