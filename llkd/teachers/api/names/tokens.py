"""Which listed words begin the name of which class, and what that says of the classes.

Pure functions on words and log-probabilities; no tokenizer is known here, only what a server lists.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from llkd.teachers.api.completions import Listed
from llkd.teachers.api.replies import IMPOSSIBLE, SPACES, UNLISTED
from llkd.teachers.base import Floats

# Words of their own: " the" does not begin "theatre", nor " not" the class "notices".
FUNCTION_WORDS = frozenset(
    "a about all also an and any are as at be but by can do for from has have he how i if in into "
    "is it its me more my no non not of off on one only or other our out over she so some that the "
    "their them then there they this to up us was we what when which who will with you".split()
)
SPACE_MARKS = (" ", "▁", "Ġ")  # as servers list a leading space
MOST_PARTS = 6  # tokens of a name that are read one after the other


class Begun(NamedTuple):
    """A token that several classes' names go on from: as it is listed, with its logprob.

    ``forms[k]``: what is still to come of each way to write class k's name.
    """

    token: str
    log: float
    forms: Mapping[int, tuple[str, ...]]


@dataclass(frozen=True)
class Reading:
    """What one list of words says of the classes that may come.

    ``logs[k]``: ln of the probability of the tokens that begin class k's name and no other's.
    ``shared``: tokens that several names begin with. ``least``: the smallest listed logprob.
    """

    logs: Mapping[int, float]
    shared: tuple[Begun, ...]
    least: float

    @property
    def mass(self) -> float:
        """The probability of all tokens that begin a name, together."""
        logs = [*self.logs.values(), *(begun.log for begun in self.shared)]
        return min(1.0, sum(math.exp(value) for value in logs))


def forms_of(names: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """The ways to write each class's name: as it is, in small letters, capitals, and begun by one.

    Of a way that two names share (apart from case they are one) only the name as it is counts.
    """
    written = [unicodedata.normalize("NFKC", name).strip() for name in names]
    ways = [
        dict.fromkeys((name, name.lower(), name[:1].upper() + name[1:].lower(), name.upper()))
        for name in written
    ]
    owners: dict[str, set[int]] = {}
    for k, forms in enumerate(ways):
        for form in forms:
            owners.setdefault(form, set()).add(k)
    return {
        k: tuple(form for form in forms if form == written[k] or len(owners[form]) == 1)
        for k, forms in enumerate(ways)
    }


def behind_a_space(listed: Listed) -> Listed:
    """The listed words that begin with a space: what goes on from a beginning with a new word.

    All of them where none shows its space, as with servers that leave it out.
    """
    spaced = [(token, value) for token, value in listed if token[:1] in SPACE_MARKS]
    return spaced or listed


def read_names(listed: Listed, forms: Mapping[int, tuple[str, ...]]) -> Reading:
    """The classes' tokens among the ``listed`` words, where one of these ``forms`` is to come.

    Of each form the longest listed token that begins it counts, white space around it aside; a
    part of a word counts only if it is no word of its own (FUNCTION_WORDS), no single letter, and
    not the whole first word of another class. A form that is written out already (nothing is to
    come of it) gets what the tokens of the others leave.
    """
    logs_of: dict[str, list[tuple[float, str]]] = {}
    real = [(token, min(value, 0.0)) for token, value in listed if value > IMPOSSIBLE]
    for token, value in real:
        word = unicodedata.normalize("NFKC", token).strip(SPACES)
        if word:
            logs_of.setdefault(word, []).append((value, token))
    first_words = {k: {_first_word(form) for form in forms[k]} for k in forms}
    owners: dict[str, dict[int, list[str]]] = {}
    ended = [k for k in forms if "" in forms[k]]
    for k, ways in forms.items():
        others = set().union(*(first_words[j] for j in forms if j != k)) - first_words[k]
        for form in ways:
            coming = form.lstrip()
            fitting = [word for word in logs_of if _begins(word, coming, others)]
            if coming and fitting:
                word = max(fitting, key=len)
                owners.setdefault(word, {}).setdefault(k, []).append(coming[len(word) :])
    logs: dict[int, list[float]] = {}
    shared: dict[frozenset[int], list[tuple[str, Mapping[int, tuple[str, ...]]]]] = {}
    for word, classes in owners.items():
        if len(classes) == 1:
            (k,) = classes
            logs.setdefault(k, []).extend(value for value, _ in logs_of[word])
        else:
            rest = {k: tuple(dict.fromkeys(forms_left)) for k, forms_left in classes.items()}
            shared.setdefault(frozenset(classes), []).append((word, rest))
    sums = {k: _sum(values) for k, values in logs.items()}
    begun = tuple(_begun(words, logs_of) for words in shared.values())
    if ended:
        left = 1.0 - sum(math.exp(value) for value in sums.values())
        left -= sum(math.exp(each.log) for each in begun)
        sums[ended[0]] = math.log(max(left, math.exp(-UNLISTED)))
    least = min((value for _, value in real), default=0.0)
    return Reading(sums, begun, least)


def class_scores(reading: Reading, classes: int) -> tuple[Floats, list[int]]:
    """Scores [C] and the classes that are not listed, which get the least listed value - ln 10.

    All NaN where none is listed. A token that several names begin with counts in equal shares.
    """
    logs: dict[int, list[float]] = {k: [value] for k, value in reading.logs.items()}
    for begun in reading.shared:
        for k in begun.forms:
            logs.setdefault(k, []).append(begun.log - math.log(len(begun.forms)))
    scores = np.full(classes, np.nan, dtype=np.float32)
    missing = [k for k in range(classes) if k not in logs]
    if logs:
        scores[missing] = reading.least - UNLISTED
        for k, values in logs.items():
            scores[k] = _sum(values)
    return scores, missing


def _begun(
    words: Sequence[tuple[str, Mapping[int, tuple[str, ...]]]],
    logs_of: Mapping[str, Sequence[tuple[float, str]]],
) -> Begun:
    """Tokens of the same classes as one: the likeliest stands for all."""
    word, rest = max(words, key=lambda each: max(logs_of[each[0]])[0])
    together = _sum([value for each, _ in words for value, _ in logs_of[each]])
    return Begun(max(logs_of[word])[1], together, rest)


def _begins(word: str, form: str, others: set[str]) -> bool:
    """Whether a token is the form's first word, or more of it, or a part of that word alone.

    A single letter is no part, for it may be the letter of an option.
    """
    if not form.startswith(word):
        return False
    if len(word) >= len(_first_word(form)):
        return True
    letter = len(word) == 1 and word.isascii()  # more likely that of an option
    return not letter and word.lower() not in FUNCTION_WORDS and word not in others


def _first_word(form: str) -> str:
    """The letters and digits a form begins with, or its first sign."""
    form = form.lstrip()
    end = next((i for i, sign in enumerate(form) if not sign.isalnum()), len(form))
    return form[: max(1, end)]


def _sum(logs: Sequence[float]) -> float:
    return float(np.logaddexp.reduce(np.asarray(logs, dtype=np.float64)))
