"""What an API model wrote, read with care: a class only where the reply names exactly one.

Pure functions. A reply that names no class, or several, stays unread; it is never turned into a
label by guessing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

LETTERS = "ABCDEFGHIJKLMNOPQRST"
UNLISTED = math.log(10)
# How far a misspelt name may be off: single letters changed, added, left out or swapped with the
# next one. (shortest name, edits); shorter names are never repaired.
EDITS = ((8, 2), (4, 1))
CLEARLY = 2  # every other class must be that many edits further away
# JSON takes white space around it; naming it here as well took minutes on 10,000 blanks.
_FENCED = re.compile(r"\s*```(?:json)?(.*?)```\s*", re.DOTALL)
_EDGES = " \t\r\n.,;:!?()[]{}<>*_`\"'-–—"
_SPACES = _EDGES + "▁Ġ"  # some servers show a token's leading space as it is in the vocabulary
_LETTER_AND_MORE = re.compile(r"\s*[(\[*\"'`]*([A-Za-z])[)\].:*\"'`]+\s*(.*)", re.DOTALL)


def fold(words: str) -> str:
    """Case and outer punctuation removed, inner white space made single."""
    return " ".join(words.casefold().split()).strip(_EDGES)


def read_reply(reply: str, names: Sequence[Sequence[str]], *, letters: bool) -> int:
    """The class a reply names, or -1.

    ``names[k]`` are the words for class k (its name and verbaliser); with ``letters`` the options
    were lettered A, B, ... as well. Accepted: the letter alone ("b", "(B).", "B: Sports"), the
    words of one class whatever their case, a reply that begins with them and names no other class,
    a beginning that only one class has ("Tech" for "Technology"), and a misspelt name: 1 edit for
    names of 4 to 7 letters, 2 for longer ones, every other class at least 2 edits further
    (:func:`nearest`). Of JSON (also fenced) the field "label" is read, nothing else.
    """
    fields = json_fields(reply)
    if fields is not None:
        label = fields.get("label")
        return _read(label, names, letters=letters) if isinstance(label, str) else -1
    return _read(reply, names, letters=letters)


def _read(reply: str, names: Sequence[Sequence[str]], *, letters: bool) -> int:
    text = fold(reply)
    folded = [[fold(words) for words in options] for options in names]
    exact = {k for k, options in enumerate(folded) if text in options}
    if exact:
        return exact.pop() if len(exact) == 1 else -1
    if letters:
        chosen = _lettered(reply, text, folded)
        if chosen is not None:
            return chosen
    begun = {k for k, opts in enumerate(folded) if any(option.startswith(text) for option in opts)}
    leading = _begins_with(text, folded)
    if leading is not None:
        return leading if not begun - {leading} else -1  # "credit card": "credit cards" cut short?
    if begun:
        return begun.pop() if len(text) >= 2 and len(begun) == 1 else -1
    return nearest(text, folded)


def json_fields(reply: str) -> dict[str, Any] | None:
    """The fields of a reply that is a JSON object, also between code fences; None if it is none.

    An object that names a field twice has no fields: nobody knows which one is meant.
    """
    match = _FENCED.fullmatch(reply)
    try:
        found = json.loads(match[1] if match else reply, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else {}


def stated_confidence(reply: str) -> float | None:
    """The "confidence" of a JSON reply as a share in [0, 1], or None.

    0 to 100 counts in percent, a fraction below 1 as a share; what is neither, or 1.0 (which could
    be both), is not a confidence.
    """
    value = (json_fields(reply) or {}).get("confidence")
    if isinstance(value, str):
        try:
            value = float(value.strip().removesuffix("%"))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        return None
    if isinstance(value, float) and 0 < value <= 1:
        return value if value < 1 else None
    return value / 100


def stated_scores(answer: int, share: float, classes: int) -> npt.NDArray[np.float32]:
    """Log-probabilities ``[C]`` of a named class with its stated share; the rest is split evenly.

    The share is clipped to [1.05 / C, 0.99] (0.99 at most): however unsure, the named class stays
    the first, and certainty is not believed.
    """
    sure = min(max(share, 1.05 / classes), 0.99)
    scores = np.full(classes, math.log((1 - sure) / (classes - 1)), dtype=np.float32)
    scores[answer] = math.log(sure)
    return scores


def nearest(text: str, folded: Sequence[Sequence[str]]) -> int:
    """The class whose folded name differs from ``text`` by a few letters, or -1.

    See EDITS and CLEARLY. Never across digits ("class 2" is not "class 1"), nor where the one is
    the other with something before it ("irrelevant" is not "relevant").
    """
    distances = [min(edits(text, name) for name in options) for options in folded]
    order = sorted(range(len(folded)), key=distances.__getitem__)
    best = order[0]
    if len(order) > 1 and distances[order[1]] - distances[best] < CLEARLY:
        return -1
    close = [name for name in folded[best] if edits(text, name) == distances[best]]
    return best if any(_misspelt(text, name, distances[best]) for name in close) else -1


def _misspelt(text: str, name: str, distance: int) -> bool:
    allowed = next((most for shortest, most in EDITS if len(name) >= shortest), 0)
    same_digits = re.findall(r"\d", text) == re.findall(r"\d", name)
    return (
        distance <= allowed
        and same_digits
        and not text.endswith(name)
        and not (text and name.endswith(text))
    )


def edits(a: str, b: str) -> int:
    """Edits between two words, neighbours swapped counting once (optimal string alignment).

    Words whose lengths differ by more than any bound matters are as far as that difference.
    """
    if abs(len(a) - len(b)) > EDITS[0][1] + CLEARLY:
        return abs(len(a) - len(b))
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        row = [i]
        for j, right in enumerate(b, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (left != right)))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                row[j] = min(row[j], before[j - 2] + 1)
        before, last = last, row
    return last[-1]


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
        word = token.strip(_SPACES)
        place = LETTERS.find(word) if len(word) == 1 else -1
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
