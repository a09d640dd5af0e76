"""What an API model wrote, read with care: a class only where the reply names exactly one.

Pure functions. A reply that names no class, or several, stays unread; it is never turned into a
label by guessing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LETTERS = "ABCDEFGHIJKLMNOPQRST"
UNLISTED = math.log(10)
_EDGES = " \t\r\n.,;:!?()[]{}<>*_`\"'-–—"
_LETTER_AND_MORE = re.compile(r"\s*[(\[*\"'`]*([A-Za-z])[)\].:*\"'`]+\s*(.*)", re.DOTALL)


def fold(words: str) -> str:
    """Case and outer punctuation removed, inner white space made single."""
    return " ".join(words.casefold().split()).strip(_EDGES)


def read_reply(reply: str, names: Sequence[Sequence[str]], *, letters: bool) -> int:
    """The class a reply names, or -1.

    ``names[k]`` are the words for class k (its name and verbaliser); with ``letters`` the options
    were lettered A, B, ... as well. Accepted: the letter alone ("b", "(B).", "B: Sports"), the
    words of one class whatever their case, a reply that begins with them and names no other class,
    and a beginning that only one class has ("Tech" for "Technology").
    """
    text = fold(reply)
    folded = [[fold(words) for words in options] for options in names]
    exact = {k for k, options in enumerate(folded) if text in options}
    if len(exact) == 1:
        return exact.pop()
    if letters:
        chosen = _lettered(reply, text, folded)
        if chosen is not None:
            return chosen
    begun = {k for k, opts in enumerate(folded) if any(option.startswith(text) for option in opts)}
    leading = _begins_with(text, folded)
    if leading is not None:
        return leading if not begun - {leading} else -1  # "credit card": "credit cards" cut short?
    return begun.pop() if len(text) >= 2 and len(begun) == 1 else -1


def _lettered(reply: str, text: str, folded: list[list[str]]) -> int | None:
    """The class of a letter that stands alone or before matching words; None if there is none."""
    if len(text) == 1:
        place = LETTERS.lower().find(text)
        return place if 0 <= place < len(folded) else None
    match = _LETTER_AND_MORE.match(reply)
    if match is None:
        return None
    place = LETTERS.lower().find(match[1].lower())
    if not 0 <= place < len(folded):
        return None
    rest = fold(match[2])
    return place if not rest or _begins_with(rest, folded) == place else -1


def _begins_with(text: str, folded: list[list[str]]) -> int | None:
    """The class whose words open the text, if no other class is named; -1 if one is, else None."""
    opening = [
        (len(option), k)
        for k, options in enumerate(folded)
        for option in options
        if option and _has_word(text, option, start=True)
    ]
    if not opening:
        return None
    length, chosen = max(opening)
    rest = text[length:]
    others = [option for k, options in enumerate(folded) if k != chosen for option in options]
    return -1 if any(option and _has_word(rest, option) for option in others) else chosen


def _has_word(text: str, words: str, *, start: bool = False) -> bool:
    pattern = (r"\A" if start else r"(?<!\w)") + re.escape(words) + r"(?!\w)"
    return re.search(pattern, text) is not None


def letter_scores(
    listed: Sequence[tuple[str, float]], classes: int
) -> tuple[npt.NDArray[np.float32], list[int]]:
    """Class scores [C] from the first token's most probable words, and the classes not listed.

    Ways to write one letter ("B", " B", "B.") add up. A class that is not listed gets the smallest
    listed value minus ln 10. All NaN where no class is listed.
    """
    found: dict[int, list[float]] = {}
    values = [min(value, 0.0) for _, value in listed if math.isfinite(value)]
    for token, value in listed:
        place = LETTERS.find(token.strip(_EDGES)) if len(token.strip(_EDGES)) == 1 else -1
        if 0 <= place < classes and math.isfinite(value):
            found.setdefault(place, []).append(min(value, 0.0))
    scores = np.full(classes, np.nan, dtype=np.float32)
    if not found:
        return scores, list(range(classes))
    missing = [k for k in range(classes) if k not in found]
    scores[missing] = min(values) - UNLISTED
    for k, logs in found.items():
        scores[k] = np.logaddexp.reduce(logs)
    return scores, missing


def vote_scores(answers: Sequence[int], classes: int) -> npt.NDArray[np.float32]:
    """Log of smoothed shares of votes, ``ln((votes + 0.5) / (k + 0.5 C))``; -1 is no vote.

    All NaN where no answer is a vote.
    """
    votes = np.bincount([answer for answer in answers if answer >= 0], minlength=classes)
    if not votes.sum():
        return np.full(classes, np.nan, dtype=np.float32)
    return np.log((votes + 0.5) / (votes.sum() + 0.5 * classes)).astype(np.float32)
