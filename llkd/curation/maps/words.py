"""The words that are typical of groups of texts: counted once, weighed for any union of groups.

A word counts once a text. What is typical is what a topic has more of than the pool: the share of
its texts with the word, times the logarithm of how many times the pool's share that is. Words that
occur everywhere weigh nothing by that, in any language; English ones of that sort are left out
besides. Languages without spaces are seen as pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

MOST_CHARACTERS = 2_000
"""Of a text; a book's later pages say nothing more of its topic."""
LONGEST_WORD = 40
VOCABULARY = 4_000
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003134f]+"
)


def words_of(text: str) -> set[str]:
    """The words of a text, small letters: of two characters or more, none of digits alone."""
    lower = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold()
    words: set[str] = set()
    for word in _word().findall(lower):
        rest = word
        for run in _UNSPACED.findall(word):
            words.update(run[place : place + 2] for place in range(len(run) - 1))
            rest = rest.replace(run, "")
        if 2 <= len(rest) <= LONGEST_WORD and rest == word:
            words.add(word)
    return words


def count_words(
    texts: Sequence[str], group: np.ndarray, groups: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """In how many texts of each group each word occurs, ``[g, v]`` int32, and the words.

    The most frequent words that are in two texts or more; in small pools also in one.
    """
    stop = _stop_words()
    sets = [words_of(text) - stop for text in texts]
    total: Counter[str] = Counter()
    for words in sets:
        total.update(words)
    least = 1 if len(texts) < 100 else 2
    ranked = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))
    vocabulary = tuple(word for word, count in ranked[:VOCABULARY] if count >= least)
    place = {word: number for number, word in enumerate(vocabulary)}
    counts = np.zeros((groups, len(vocabulary)), dtype=np.int32)
    for words, number in zip(sets, group.tolist(), strict=True):
        columns = [place[word] for word in words if word in place]
        counts[number, columns] += 1
    return counts, vocabulary


def typical_words(
    counts: np.ndarray, texts: np.ndarray, vocabulary: Sequence[str], most: int = 8
) -> list[list[str]]:
    """The most typical words of each topic, the most typical first.

    ``counts [t, v]``: texts of each topic with each word; ``texts [t]``: its counted texts.
    """
    if not len(vocabulary):
        return [[] for _ in counts]
    share = (counts + 0.0) / np.maximum(texts, 1)[:, None]
    pool = counts.sum(axis=0) / max(int(texts.sum()), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(counts > 0, share * np.log(share / pool), 0.0)
    result = []
    for line, own in zip(weight, counts, strict=True):
        order = np.argsort(-line, kind="stable")
        if len(counts) == 1:  # nothing to be told apart from
            order = np.argsort(-own, kind="stable")
            result.append([vocabulary[place] for place in order[:most] if own[place] > 0])
        else:
            result.append([vocabulary[place] for place in order[:most] if line[place] > 1e-9])
    return result


@lru_cache(maxsize=1)
def _word() -> re.Pattern[str]:
    """Letters with their marks (of which many scripts make vowels); digits may follow."""
    marks = "".join(
        chr(code) for code in range(0x300, 0x11000) if unicodedata.category(chr(code)) in _MARKS
    )
    inside = f"(?:[^\\W_]|[{re.escape(marks)}]|['\u2019](?=[^\\W\\d_]))"
    return re.compile(f"(?<!\\w)[^\\W\\d_]{inside}+")


_MARKS = ("Mn", "Mc")


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    joined = ("i'm", "it's", "don't", "i've", "i'd", "can't", "that's", "didn't", "doesn't")
    return frozenset(ENGLISH_STOP_WORDS) | frozenset(joined)
