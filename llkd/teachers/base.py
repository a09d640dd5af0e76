"""What every teacher offers: it scores texts, batch by batch, and says exactly how it asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SOURCES = ("logprob", "self_consistency", "verbalized", "imported", "none")
CONTENT_FREE = ("N/A", "", "[MASK]")


@dataclass(frozen=True)
class ScoredBatch:
    """What a teacher said about ``b`` texts, for ``C`` classes.

    ``index`` [b]: positions in the texts handed to ``score``. ``scores`` [b, C] float32: class
    log-probabilities as measured; a row of NaN where no confidence is available. ``answer`` [b]:
    the class named outright where scores are missing, -1 elsewhere and where nothing usable was
    answered. ``source``: where the confidence comes from, one of SOURCES. ``raw``: what the model
    wrote, for review. ``tokens_in``, ``tokens_out``: tokens read and written for these texts.
    """

    index: Ints
    scores: Floats
    answer: Ints
    source: str
    raw: list[str] | None = None
    tokens_in: int = 0
    tokens_out: int = 0


class Teacher(Protocol):
    """A labeller of texts. It stays fixed: the same text gets the same scores."""

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
