"""What a server asks: something that gives every option of a question its probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from llkd.serving.questions import Question, Reply


class Decider(Protocol):
    """Answers questions about texts; safe to use by many requests at once."""

    model: str
    """What it is called in replies."""
    classes: tuple[str, ...] | None
    """What it tells apart; None where the questions say it."""

    async def decide(self, text: str, questions: Sequence[Question]) -> list[Reply]:
        """A reply for each question about one text.

        Raises RequestRefused for a question that it cannot answer, and where too much waits.
        """
        ...

    async def classify(self, texts: Sequence[str]) -> list[Reply]:
        """A reply over ``classes`` for each text. Raises RequestRefused as :meth:`decide`."""
        ...

    def check_room(self) -> None:
        """Raise RequestRefused (429) where no more can wait, before a body is even read."""
        ...

    def card(self) -> str:
        """What it is, where its labels come from and how right it was measured, as Markdown."""
        ...

    def facts(self) -> dict[str, Any]:
        """What ``/v1/models`` tells of it, as JSON values: no text, no key, no path."""
        ...

    async def start(self) -> None:
        """Begin to take questions, in the running event loop."""
        ...

    async def close(self) -> None:
        """Answer what waits, then let go of memory and threads."""
        ...
