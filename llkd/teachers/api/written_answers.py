"""Answers as words: with the room that they need, and as structured output where that is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llkd.teachers.api.completions import Reply
from llkd.teachers.api.notices import Notices
from llkd.teachers.api.options import Question
from llkd.teachers.api.retries import Caller, Query
from llkd.teachers.calls.tries import RequestRefused

# Tokens for a model that thinks before it answers; more where a thought did not end in them.
THOUGHT_ROOMS = (1024, 4096)


class WrittenAnswers:
    """Asks for the words of an answer; safe to use from several threads."""

    def __init__(
        self, question: Question, names: Sequence[Sequence[str]], notices: Notices
    ) -> None:
        """``names[k]``: what class k is called; the last one stands in the prompt."""
        self._question = question
        self._names = names
        self._notices = notices
        self._structured = question.key != "letters"
        longest = max(len(words.encode()) for options in names for words in options)
        self._room = 16 + longest // 2 + (0 if question.key == "letters" else 32)

    def expect_thoughts(self) -> None:
        """Leave room for a thought before each answer, and say so."""
        self._widen(THOUGHT_ROOMS[0])

    def ask(self, caller: Caller, query: Query, **options: Any) -> Reply:
        """One answer. A thought or a form that is cut short is asked for again with more room."""
        while True:
            room = self._room
            reply = self._ask(caller, query, room, options)
            wider = next((more for more in THOUGHT_ROOMS if more > room), None)
            if wider is None or not _cut_short(reply):
                return reply
            self._widen(wider, thinks=reply.thinks or not reply.text.strip())

    def _widen(self, room: int, *, thinks: bool = True) -> None:
        self._room = max(self._room, room)
        if thinks:
            self._notices.add(
                "thinks",
                "The model thinks before it answers, so the answer is read behind its thought, "
                f"which may take {self._room:,} tokens or more each time. Where the server can "
                "switch thinking off, labelling is faster and cheaper.",
            )

    def _ask(self, caller: Caller, query: Query, room: int, options: dict[str, Any]) -> Reply:
        if not self._structured:
            return caller.ask(query, max_tokens=room, **options)
        try:
            return caller.ask(query, max_tokens=room, response_format=self._form(), **options)
        except RequestRefused:
            # Raised again below where it was the text that was refused, and not the form.
            reply = caller.ask(query, max_tokens=room, **options)
            self._structured = False
            return reply

    def _form(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "label": {"type": "string", "enum": [options[-1] for options in self._names]}
        }
        if self._question.key == "stated":
            fields["confidence"] = {"type": "integer", "minimum": 0, "maximum": 100}
        schema = {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        }
        return {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": schema},
        }


def _cut_short(reply: Reply) -> bool:
    """Whether the limit of tokens ended the reply within a thought or a form."""
    words = reply.text.strip()
    return reply.cut and not reply.refused and (not words or words.startswith(("{", "```")))
