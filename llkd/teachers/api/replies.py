"""What an API model wrote, read with care: a class only where the reply names exactly one.

Pure functions. A reply that names no class, or several, stays unread; it is never turned into a
label by guessing.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.teachers.api.class_names import EDGES, ClassNames, Names, class_names, fold

LETTERS = "ABCDEFGHIJKLMNOPQRST"
UNLISTED = math.log(10)
# How far a misspelt name may be off: single letters changed, added, left out or swapped with the
# next one. (shortest name, edits); shorter names are never repaired.
EDITS = ((8, 2), (4, 1))
CLEARLY = 2  # every other class must be that many edits further away
# JSON takes white space around it; naming it here as well took minutes on 10,000 blanks.
_FENCED = re.compile(r"\s*```(?:json)?(.*?)```\s*", re.DOTALL)
# Some servers show a token's leading space or line end as it is in the vocabulary.
SPACES = EDGES + "▁ĠĊ"
IMPOSSIBLE = -1000.0  # servers write -9999 and the like for "not at all"; as a number it is none
MOST_OBJECTS = 20  # of JSON looked for among other words
_ANNOUNCED = re.compile(
    r"[\s*_#>`]{0,9}(?:(?:so|thus|therefore|sure|okay|ok)\W+)?(?:(?:the|my|this|final|correct|best|right)\s+)*"
    r"(?:answer|category|class|label|letter|option|choice|classification)"
    r"(?:\s+(?:is|would be|should be)\b|\s{0,3}[*_]{0,2}\s{0,3}[:=])(.*)",
    re.IGNORECASE | re.DOTALL,
)
_LETTER_AND_MORE = re.compile(
    r"\s*[(\[*\"'`]*([A-Za-z1-9])(?:[)\].:*\"'`]+|\s*[-–—]\s)\s*(.*)", re.DOTALL
)


def read_reply(
    reply: str,
    names: Names,
    *,
    letters: bool,
    marks: Sequence[str] = LETTERS,
) -> int:
    """The class a reply names, or -1.

    ``names[k]`` are the words for class k (its name and verbaliser); with ``letters`` the options
    were marked with ``marks`` (A, B, ...) as well. Accepted: the letter alone ("b", "(B).",
    "B: Sports"), the words of one class, as they are first and then whatever their case and
    punctuation (:class:`ClassNames`), a reply that begins with them and names no other class, one
    that says "answer" or the like before them, a beginning that only one class has ("Tech" for
    "Technology"), and a misspelt name: 1 edit for names of 4 to 7 letters, 2 for longer ones, every
    other class at least 2 edits further (:func:`nearest`). Of JSON (also fenced, or a single object
    among other words) the field "label" is read, nothing else: words, a number, true, false or
    null.
    """
    class_names_, used = class_names(names), marks if letters else ()
    fields = json_fields(reply)
    if fields is None:
        return _read(reply, class_names_, used)
    for words in _written(fields.get("label", [])):
        place = _read(words, class_names_, used)
        if place >= 0:
            return place
    return -1


def _written(value: Any) -> list[str]:
    """The ways to write a JSON value as a name: 1.0 is "1.0" and "1"; none for a list."""
    if isinstance(value, str):
        return [value]
    if value is None:
        return ["null", "None"]
    if isinstance(value, bool):
        return [str(value)]
    if isinstance(value, int):
        return [str(value), f"{value}.0"]
    if isinstance(value, float):
        return [str(value), *([str(int(value))] if value.is_integer() else [])]
    return []


def _read(reply: str, names: ClassNames, marks: Sequence[str]) -> int:
    place = names.find(reply)
    if place is not None:
        return place
    text, folded = fold(reply, names.edges), names.folded
    if marks:
        lettered = _lettered(reply, names, marks)
        if lettered is not None:
            return lettered
    announced = _ANNOUNCED.match(reply)
    if announced is not None and announced[1].strip():
        return _read(announced[1], names, marks)
    if not any(sign.isalnum() for sign in text):
        return -1  # what is left of a name made of signs is no beginning of it
    begun = {k for k, opts in enumerate(folded) if any(option.startswith(text) for option in opts)}
    leading = _begins_with(text, names)
    if leading is not None:
        return leading if not begun - {leading} else -1  # "credit card": "credit cards" cut short?
    if begun:
        return begun.pop() if len(text) >= 2 and len(begun) == 1 else -1
    return nearest(text, folded)


def json_fields(reply: str) -> dict[str, Any] | None:
    """The fields of the one JSON object in a reply, their names in lower case; None without one.

    It may stand between code fences or among other words. An object that names a field twice has
    no fields, and neither have several objects: nobody knows which one is meant.
    """
    match = _FENCED.fullmatch(reply)
    try:
        document = json.loads(match[1] if match else reply, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return _object_among_words(reply)
    return document if isinstance(document, dict) else None


def _object_among_words(reply: str) -> dict[str, Any] | None:
    decoder, objects, start = json.JSONDecoder(object_pairs_hook=_once), [], 0
    for _ in range(MOST_OBJECTS):
        start = reply.find("{", start)
        if start < 0:
            break
        try:
            value, start = decoder.raw_decode(reply, start)
        except (ValueError, RecursionError):
            start += 1
            continue
        objects.append(value)
    labels = [value for value in objects if "label" in value]
    if len(objects) > 1:
        return labels[0] if labels and all(value == labels[0] for value in objects) else {}
    return labels[0] if labels else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = {name.strip().casefold(): value for name, value in pairs}
    return fields if len(fields) == len(pairs) else {}


def stated_confidence(reply: str) -> float | None:
    """The "confidence" of a JSON reply as a share in [0, 1], or None.

    A number up to 1 is a share, one above 1 to 100 in percent; what is neither is no confidence.
    So 1 is certainty, written 1 or 1.0: nobody names a class to give it one percent.
    """
    value = (json_fields(reply) or {}).get("confidence")
    scale = None
    if isinstance(value, str):
        scale = 100 if value.strip().endswith("%") else None
        try:
            value = float(value.strip().removesuffix("%"))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        return None
    return value / (scale or (1 if value <= 1 else 100))


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
    for i, first in enumerate(a, 1):
        row = [i]
        for j, second in enumerate(b, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (first != second)))
            if i > 1 and j > 1 and first == b[j - 2] and a[i - 2] == second:
                row[j] = min(row[j], before[j - 2] + 1)
        before, last = last, row
    return last[-1]


def _lettered(reply: str, names: ClassNames, marks: Sequence[str]) -> int | None:
    """The class of a mark that stands alone or before matching words; None if there is none."""
    options = {mark.casefold(): k for k, mark in enumerate(marks[: len(names.folded)])}
    text = fold(reply)
    if len(text) == 1:
        return options.get(text)
    match = _LETTER_AND_MORE.match(reply)
    if match is None or match[1].casefold() not in options:
        return None
    place = options[match[1].casefold()]
    rest = fold(match[2], names.edges)
    if not rest or names.find(match[2]) == place:
        return place
    return place if _begins_with(rest, names) == place else -1


def _begins_with(text: str, names: ClassNames) -> int | None:
    """The class whose words open the text, if no other class is named; -1 if one is, else None."""
    folded = names.folded
    signs = "".join(mark for mark in EDGES if mark not in names.edges)
    opening = [
        (len(option), k)
        for k, options in enumerate(folded)
        for option in options
        if option and _has_word(text, option, signs, start=True)
    ]
    if not opening:
        return None
    length, best = max(opening)
    if any(k != best for size, k in opening if size == length):
        return -1
    rest = text[length:]
    others = [option for k, options in enumerate(folded) if k != best for option in options]
    return -1 if any(option and _has_word(rest, option) for option in others) else best


def _has_word(text: str, words: str, signs: str = "", *, start: bool = False) -> bool:
    """Whether the words stand in the text; no sign may follow that makes another name."""
    after = rf"(?![\w{re.escape(signs)}])" if signs else r"(?!\w)"
    pattern = (r"\A" if start else r"(?<!\w)") + re.escape(words) + after
    return re.search(pattern, text) is not None


def letter_scores(
    listed: Sequence[tuple[str, float]], classes: int, marks: Sequence[str] = LETTERS
) -> tuple[npt.NDArray[np.float32], list[int], float]:
    """Class scores [C] from the first token's words, the classes not listed, and the mass.

    Ways to write one letter ("B", " B", "b", "B.") add up. A class that is not listed gets the
    smallest listed value minus ln 10. All NaN where no class is listed. The mass is the probability
    of all listed letters together: where it is small the model began to say something else.
    """
    places = {mark.casefold(): k for k, mark in enumerate(marks[:classes])}
    logs_of: dict[int, list[float]] = {}
    real = [(token, min(value, 0.0)) for token, value in listed if value > IMPOSSIBLE]
    for token, value in real:
        place = places.get(unicodedata.normalize("NFKC", token).strip(SPACES).casefold())
        if place is not None:
            logs_of.setdefault(place, []).append(value)
    scores = np.full(classes, np.nan, dtype=np.float32)
    if not logs_of:
        return scores, list(range(classes)), 0.0
    missing = [k for k in range(classes) if k not in logs_of]
    scores[missing] = min(value for _, value in real) - UNLISTED
    for k, logs in logs_of.items():
        scores[k] = np.logaddexp.reduce(logs)
    return scores, missing, min(1.0, sum(math.exp(v) for logs in logs_of.values() for v in logs))


def vote_scores(answers: Sequence[int], classes: int) -> npt.NDArray[np.float32]:
    """Log of smoothed shares of votes, ``ln((votes + 0.5) / (k + 0.5 C))``; -1 is no vote.

    All NaN where no answer is a vote.
    """
    votes = np.bincount([answer for answer in answers if answer >= 0], minlength=classes)
    if not votes.sum():
        return np.full(classes, np.nan, dtype=np.float32)
    return np.log((votes + 0.5) / (votes.sum() + 0.5 * classes)).astype(np.float32)
