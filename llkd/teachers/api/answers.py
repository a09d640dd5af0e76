"""What became of one text: its scores or its class, and the words that said so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from llkd.teachers.api.completions import Reply
from llkd.teachers.base import Floats
from llkd.teachers.calls.metered import Counted

NO_ANSWER = "[no usable answer]"
# Letters that hold less of the first word's probability are no answer: the model began to say
# something else, and what is left for them is chance.
LEAST_MASS = 0.1
FEW_LETTERS = 0.5  # below this share it is said in the raw answer


@dataclass(frozen=True)
class Answer:
    """What became of one text: as a ScoredBatch has it, without its place.

    ``mass``: the probability that lay on the options, where it was told; ``apart``: no two of them
    had to share theirs.
    """

    raw: list[str]
    replies: Sequence[Counted] = ()
    scores: Floats | None = None
    answer: int = -1
    source: str = "none"
    mass: float | None = None
    apart: bool = True


class FirstWord(NamedTuple):
    """Scores of letters by the first word's logprobs; all NaN where none is listed.

    ``mass``: the probability of all listed letters together. ``marks``: the letters.
    """

    reply: Reply
    scores: Floats
    missing: list[int]
    mass: float
    marks: tuple[str, ...]

    @property
    def read(self) -> bool:
        """Whether the letters are what the model began to write."""
        return self.mass >= LEAST_MASS and not np.isnan(self.scores).any()

    @property
    def remarks(self) -> str:
        """What the raw answer says of letters that are not listed or hardly meant."""
        notes = ""
        if self.missing and self.mass:
            notes += f" [not listed: {', '.join(self.marks[k] for k in self.missing)}]"
        if 0 < self.mass < FEW_LETTERS:
            notes += f" [letters: {math.floor(100 * self.mass)} %]"
        return notes


def reply_words(reply: Reply) -> str:
    """What a reply says, or why it says nothing."""
    if reply.refused:
        return f"{NO_ANSWER} refused: {reply.text}"
    if reply.text.strip():
        return reply.text
    return f"{NO_ANSWER} {'its thought did not end' if reply.thinks else 'it was empty'}"


def unread(replies: list[Reply]) -> Answer:
    """An answer that names no class, with what was said."""
    return Answer([reply_words(reply) for reply in replies], replies)
