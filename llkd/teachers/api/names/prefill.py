"""An answer's beginning, sent as a last message of the assistant, that the model goes on from.

Servers differ: some go on from it, some need an option for that, some begin a new turn behind it,
and many refuse it. Which of these it is cannot be seen from the words alone, so it is counted.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llkd.teachers.api.completions import Reply
from llkd.teachers.api.retries import Caller, Query
from llkd.teachers.calls.tries import RequestRefused

# What is sent along so that a server goes on: nothing (llama.cpp, Ollama); vLLM's and SGLang's
# option; a mark on the message (Mistral, DeepSeek).
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"continue_final_message": True, "add_generation_prompt": False},
    {"prefix": True},
)


class Prefill:
    """Sends begun answers; what the server needs for them is found out once, between threads."""

    def __init__(self, lead: str) -> None:
        """``lead``: words to try with."""
        self._lead = lead or "The answer is"
        self._lock = threading.Lock()
        self._tried = False
        self._options: dict[str, Any] | None = None

    def continues(self, caller: Caller, query: Query) -> bool:
        """Whether the server goes on from a begun answer; ``query`` is any question without one.

        It does if its reply repeats the beginning before the new words, or if the beginning makes
        the prompt longer by its own tokens and no others: where a new turn is begun behind it, the
        marks of that turn come along. Asked with the beginning once and twice, a token each. A
        server that counts no tokens and repeats nothing is taken not to. Raises what
        ``Caller.ask`` raises, refusals of a begun answer aside.
        """
        with self._lock:
            if not self._tried:
                bare = caller.ask(query, max_tokens=1)
                tries = (o for o in OPTIONS if self._goes_on(caller, query, bare, o))
                self._options = next(tries, None)
                self._tried = True
            return self._options is not None

    def begun(self, query: Query, words: str) -> tuple[Query, dict[str, Any]]:
        """The question with these words as the beginning of its answer, and options to send."""
        return _begun(query, words, self._options or {})

    def _goes_on(
        self, caller: Caller, query: Query, bare: Reply, options: Mapping[str, Any]
    ) -> bool:
        once, twice = self._lead, f"{self._lead} {self._lead}"
        try:
            first = self._ask(caller, query, once, options)
            if _repeats(first, once):
                return True
            second = self._ask(caller, query, twice, options)
        except RequestRefused:
            return False
        longer, longer_again = (
            _tokens(after) - _tokens(before) for before, after in ((bare, first), (first, second))
        )
        counted = bare.counted and first.counted and second.counted
        return counted and 0 < longer <= longer_again

    def _ask(self, caller: Caller, query: Query, words: str, options: Mapping[str, Any]) -> Reply:
        begun, more = _begun(query, words, options)
        return caller.ask(begun, max_tokens=1, **more)


def without_beginning(text: str, words: str) -> str:
    """What an answer says behind a beginning that the server repeats."""
    return text.removeprefix(words) if words else text


def _begun(query: Query, words: str, options: Mapping[str, Any]) -> tuple[Query, dict[str, Any]]:
    last: dict[str, Any] = {"role": "assistant", "content": words}
    if options.get("prefix"):
        last["prefix"] = True
    sent = {name: value for name, value in options.items() if name != "prefix"}
    own = query.own + len(words.encode())
    return replace(query, messages=[*query.messages, last], own=own), sent


def _repeats(reply: Reply, words: str) -> bool:
    return reply.text.startswith(words) and len(words) > 1


def _tokens(reply: Reply) -> int:
    return reply.tokens_in or 0
