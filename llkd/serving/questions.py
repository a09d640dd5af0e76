"""What is asked and answered, whichever interface it came by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from llkd.errors import UserError

Floats = npt.NDArray[np.float64]
Place = tuple[str | int, ...]
"""Where in a request's body something stands, as ``("body", "questions", "team")``."""
QuestionKind = Literal["choice", "noul", "score"]


@dataclass(frozen=True)
class Option:
    """An answer that a question offers: its value as sent, and what it means."""

    value: str | bool
    description: str = ""


@dataclass(frozen=True)
class Question:
    """A question about a text.

    Of ``noul`` (is it true?) the options are false and true, of ``score`` the levels from the
    lowest. ``place`` is where its options stand in the request, for the sentence that refuses them.
    """

    kind: QuestionKind
    options: tuple[Option, ...]
    instructions: str = ""
    place: Place = ()


@dataclass(frozen=True)
class Reply:
    """The answer to one question of ``n`` options.

    ``probabilities [n]`` sum to 1. ``tokens`` were read. ``confidence`` is the highest probability
    before any temperature and over all classes, which thresholds are about; None where there is no
    such thing. ``answered_by``: ``student`` or ``teacher`` where either may
    have. ``mass``: what the options had before they were made to sum to 1; None where they are all.
    """

    probabilities: Floats
    tokens: int
    confidence: float | None = None
    answered_by: str = ""
    mass: float | None = None

    @property
    def best(self) -> int:
        """The most probable option."""
        return int(self.probabilities.argmax())


class RequestRefused(UserError):
    """A request that is not answered: the HTTP status, a sentence, and where in the body.

    ``kind`` is a word for programs, such as ``invalid_request`` or ``rate_limit``; ``retry_after``
    seconds.
    """

    def __init__(
        self,
        sentence: str,
        status: int = 422,
        place: Place = (),
        kind: str = "invalid_request",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.place = place
        self.kind = kind
        self.retry_after = retry_after


def choice_confidence(probabilities: Sequence[float] | Floats) -> float:
    """How far the best of n options is above chance: (max p - 1/n) / (1 - 1/n), from 0 to 1.

    The definition that System One's documents give; of one option it is 1.
    """
    n = len(probabilities)
    return 1.0 if n < 2 else max(0.0, (float(max(probabilities)) - 1 / n) / (1 - 1 / n))


def score_confidence(probabilities: Sequence[float] | Floats) -> float:
    """How close the levels' mass lies to the most probable one, from 0 to 1.

    1 - sum p |i - mode| over what it would be of equal shares around the middle (System One).
    """
    p = np.asarray(probabilities, dtype=np.float64)
    n = len(p)
    if n < 2:
        return 1.0
    levels = np.arange(n)
    spread = float((p * np.abs(levels - int(p.argmax()))).sum())
    return max(0.0, 1.0 - spread / float(np.abs(levels - (n - 1) / 2).mean()))


def expected_level(probabilities: Floats) -> float:
    """The mean level, counted from 0."""
    return float((np.arange(len(probabilities)) * probabilities).sum())
