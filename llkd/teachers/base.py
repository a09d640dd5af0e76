"""What every teacher offers: it scores texts, batch by batch, and says exactly how it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

CONTENT_FREE = ("N/A", "", "[MASK]")


@dataclass(frozen=True)
class ScoredBatch:
    """What a teacher said about ``b`` texts, for ``C`` classes.

    ``index`` [b]: positions in the texts handed to ``score``. ``scores`` [b, C] float32: class
    log-probabilities as measured; a row of NaN where no confidence is available. ``answer`` [b]:
    the class named outright where scores are missing, -1 elsewhere and where nothing usable was
    answered. ``source``: where the confidence comes from, a key of
    ``confidence.CONFIDENCE_SOURCES``. ``raw``: what the model wrote, for review. ``tokens_in``,
    ``tokens_out``: tokens read and written for these texts.
    """

    index: Ints
    scores: Floats
    answer: Ints
    source: str
    raw: list[str] | None = None
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True)
class Example:
    """A few-shot example: a text of the project (its ``row``) and its class (an index)."""

    row: int
    text: str
    label: int


@dataclass(frozen=True)
class FewShot:
    """The examples of a teacher: the same for every text, or chosen for each by ``choose``.

    ``fixed`` stand in every prompt, in this order, but for that about one of them. With ``choose``
    (kind ``nearest``) the examples for one text are ``choose(text)``; the text itself is never
    among them.
    ``identity`` is JSON that changes with everything that changes the examples.
    """

    kind: str = "none"
    fixed: tuple[Example, ...] = ()
    choose: Callable[[str], Sequence[Example]] | None = None
    identity: dict[str, Any] = field(default_factory=dict)

    def holds(self, text: str) -> bool:
        """Whether the text, or one that reads the same, is an example of every prompt."""
        return bool(self.fixed) and _reads(text) in self._readings

    @cached_property
    def _readings(self) -> frozenset[str]:
        return frozenset(_reads(example.text) for example in self.fixed)

    def apart_from(self, text: str) -> FewShot:
        """The examples for this text: no prompt shows a text its own label."""
        if not self.holds(text):
            return self
        others = tuple(e for e in self.fixed if _reads(e.text) != _reads(text))
        return replace(self, fixed=others)


def _reads(text: str) -> str:
    return " ".join(text.split()).casefold()


NO_EXAMPLES = FewShot()


class Meter(Protocol):
    """Watches what calls cost. Every try of a call is reserved before it is sent.

    Safe to use from several threads.
    """

    def reserve(self, tokens_in: int, tokens_out: int) -> int:
        """Set the most that a call can use aside; returns the reservation's number.

        Waits while calls in flight hold what it needs. Raises BudgetSpent where it cannot be
        afforded even when nothing is in flight.
        """
        ...

    def settle(self, reservation: int, tokens_in: int, tokens_out: int) -> None:
        """The call was answered and used this much."""
        ...

    def release(self, reservation: int) -> None:
        """The call was refused or never arrived: it cost nothing."""
        ...

    def mark_unknown(self, reservation: int) -> None:
        """Nobody knows whether it was paid (time-out, broken connection): it counts in full."""
        ...


class Teacher(Protocol):
    """A labeller of texts. It stays fixed: the same text gets the same scores."""

    @property
    def cut(self) -> int:
        """How many texts so far were too long and lost their middle."""
        ...

    def describe(self) -> dict[str, Any]:
        """Everything that changes the answers, as JSON: model, prompt, verbalisers, rule."""
        ...

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield scores as they are made, each text exactly once, in any order.

        Everything yielded is final: what was paid for is not lost when a later text fails.
        """
        ...

    def content_free(self) -> Floats | None:
        """Scores of texts without content, ``[m, C]``; None where they make no sense."""
        ...

    def prompt(self, text: str) -> str:
        """The exact words the teacher is shown for this text."""
        ...

    def close(self) -> None:
        """Let go of memory and connections."""
        ...
