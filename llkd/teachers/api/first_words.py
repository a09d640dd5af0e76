"""The likely first words of an answer, as a server lists them: how many, if any, is found out once.

What a server has been found not to offer (logprobs, so many listed words, an answer without white
space before it) is remembered and not asked for again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from llkd.teachers.api.completions import Reply
from llkd.teachers.api.request_form import about_logprobs, fewer_listed
from llkd.teachers.api.retries import Caller, Query
from llkd.teachers.calls.tries import RequestRefused

FIRST_TOKENS = 4  # asked for where an answer begins with white space or a quote


class FirstWords:
    """Asks for first words; safe to use from several threads.

    ``listed`` is how many words each answer is to list, None once none are to be asked for.
    ``leave`` is told why, ``thought`` that the model thinks first (it may raise instead).
    """

    def __init__(
        self,
        counts: Sequence[int],
        plain: Callable[[], Query],
        leave: Callable[[str], None],
        thought: Callable[[], None],
    ) -> None:
        """``counts``: how many words to ask for, the first that is accepted; none: never ask.

        ``plain`` makes a question that says nothing, to be asked where it is doubtful whether the
        server or the text is the reason.
        """
        self._counts = tuple(counts)
        self.listed: int | None = self._counts[0] if self._counts else None
        self._plain = plain
        self._leave = leave
        self._thought = thought
        self._lock = threading.Lock()
        self._gave_logprobs = False
        self._tokens = 1

    def stop(self) -> None:
        """Ask for no logprobs any more."""
        with self._lock:
            self.listed = None

    def ask(
        self, caller: Caller, query: Query, *, begun: bool = False, **options: Any
    ) -> Reply | None:
        """An answer with its listed first words; None where there are none to be had.

        Of an answer that is ``begun`` already the first token is all that is read. ``options`` go
        along with the request. Raises what ``Caller.ask`` raises.
        """
        while (count := self.listed) is not None:
            most = 1 if begun else self._tokens
            try:
                reply = caller.ask(
                    query, max_tokens=most, logprobs=True, top_logprobs=count, **options
                )
            except RequestRefused as refusal:
                self._refused(caller, query, refusal, count, options)
                continue
            if reply.thinks and not reply.listed:
                self._thought()
                return None
            if reply.listed is None and not self._gave_logprobs:
                if not self._gives_logprobs(caller, reply, count):
                    self._leave_logprobs()
                    return None
            self._gave_logprobs = True
            if reply.listed == [] and reply.blank and not begun and most < FIRST_TOKENS:
                self._tokens = FIRST_TOKENS  # it began with white space: read on
                continue
            return reply
        return None

    def _leave_logprobs(self) -> None:
        self.stop()
        self._leave("The server gives no log-probabilities")

    def _refused(
        self,
        caller: Caller,
        query: Query,
        refusal: RequestRefused,
        count: int,
        options: dict[str, Any],
    ) -> None:
        """Ask for fewer listed words, or none, if that was refused. Raises where it was the text.

        A reason that names something else, or nothing, need not be the true one (gateways hide
        it): until logprobs have come, the text is asked about without them, and once more with.
        """
        if about_logprobs(refusal.words):
            fewer = fewer_listed(refusal.words, count)
            self._list_fewer(count, fewer or self._next_count(count))
            return
        if self._gave_logprobs:
            raise refusal
        caller.ask(query, max_tokens=1, **options)
        try:
            caller.ask(query, max_tokens=1, logprobs=True, top_logprobs=count, **options)
        except RequestRefused:
            # Only a usual number tells of logprobs; a larger one may be what it would not list.
            self._list_fewer(count, None if count <= USUAL else self._next_count(count))

    def _next_count(self, count: int) -> int | None:
        return next((n for n in self._counts if n < count), None)

    def _gives_logprobs(self, caller: Caller, reply: Reply, count: int) -> bool:
        """Whether only this reply came without: empty ones and refusals do not tell."""
        if reply.text and not reply.refused:
            return False
        other = caller.ask(self._plain(), max_tokens=1, logprobs=True, top_logprobs=count)
        return other.listed is not None

    def _list_fewer(self, count: int, fewer: int | None) -> None:
        if fewer is None:
            self._leave_logprobs()
            return
        with self._lock:
            if self.listed == count:
                self.listed = fewer


USUAL = 20
"""As many words as the interface allows; some servers list more."""
