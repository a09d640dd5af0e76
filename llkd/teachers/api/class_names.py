"""Which class some words name: compared as they are first, loosened only while that stays clear.

Loosening (case, white space, outer punctuation) helps with "sports." for "Sports", and destroys
"-1" and "1", "*" and "**", "A+" and "A". So each step is taken only for classes that it leaves
apart, and punctuation that stands at the edge of some class's name is kept as long as it tells
classes apart.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Sequence

# What may stand around a name without being part of it.
EDGES = " \t\r\n.,;:!?()[]{}<>*_`\"'-–—“”„‚‘’«»‹›$"
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹣－"), "-")
AMBIGUOUS = -1

Names = Sequence[Sequence[str]]


def fold(words: str, edges: str = EDGES) -> str:
    """Case and outer punctuation (``edges``) removed, inner white space made single."""
    words = unicodedata.normalize("NFKC", words).translate(_DASHES)
    return " ".join(words.casefold().split()).strip(edges)


class ClassNames:
    """The names of all classes, ready to be compared with what a model wrote.

    ``edges`` is the outer punctuation that tells no classes apart, ``folded[k]`` the names of class
    k without it, case aside.
    """

    def __init__(self, names: Names) -> None:
        """``names[k]``: the words that stand for class k (its name, its verbaliser)."""
        plain = _table(fold, names)
        #: Whether plain folding takes two classes for one, or leaves nothing of a name.
        self.confusable = AMBIGUOUS in plain.values() or any(
            not fold(words) for options in names for words in options
        )
        name_marks = _edge_marks(names) if self.confusable else set()
        self.edges = "".join(mark for mark in EDGES if mark not in name_marks)
        self.folded = [[fold(words, self.edges) for words in options] for options in names]
        self._steps: list[tuple[Callable[[str], str], dict[str, int]]] = []
        for step in (str.strip, _composed, self._trimmed, self._folded, self._unspaced, fold):
            self._steps.append((step, _table(step, names)))

    def find(self, words: str) -> int | None:
        """The class that these words name; AMBIGUOUS (-1) for several, None for none."""
        for step, table in self._steps:
            key = step(words)
            place = table.get(key) if key else None
            if place is not None:
                return place
        return None

    def _trimmed(self, words: str) -> str:
        return _composed(words).strip(self.edges)

    def _folded(self, words: str) -> str:
        return fold(words, self.edges)

    def _unspaced(self, words: str) -> str:
        return "".join(self._folded(words).split())


@functools.lru_cache(maxsize=64)
def _class_names(names: tuple[tuple[str, ...], ...]) -> ClassNames:
    return ClassNames(names)


def class_names(names: Names) -> ClassNames:
    """:class:`ClassNames` of these names, made once."""
    return _class_names(tuple(tuple(options) for options in names))


def _edge_marks(names: Names) -> set[str]:
    """The punctuation, white space aside, that some name begins or ends with."""
    marks: set[str] = set()
    for words in (option.strip() for options in names for option in options):
        marks |= set(words[: len(words) - len(words.lstrip(EDGES))])
        marks |= set(words[len(words.rstrip(EDGES)) :])
    return {mark for mark in marks if not mark.isspace()}


def _composed(words: str) -> str:
    return " ".join(unicodedata.normalize("NFC", words).split())


def _table(step: Callable[[str], str], names: Names) -> dict[str, int]:
    table: dict[str, int] = {}
    for k, options in enumerate(names):
        for words in options:
            key = step(words)
            if key and table.setdefault(key, k) != k:
                table[key] = AMBIGUOUS
    return table
