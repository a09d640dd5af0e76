"""Words searched for in texts: in any order, quotes for a phrase, a minus for what is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

MOST_TERMS = 20
LONGEST_QUERY = 1000
_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'))
_TERM = re.compile(r'(-?)(?:"([^"]*)(?:"|$)|(\S+))')


@dataclass(frozen=True)
class WordQuery:
    """What every text must hold and what none may: words or phrases, whatever their case."""

    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is searched for."""
        return bool(self.required or self.excluded)


def word_query(typed: str) -> WordQuery:
    """Read a search as a person types it: ``late bus "ticket office" -refund``.

    A quote that is not closed reaches to the end; at most 20 terms of 1,000 characters count.
    """
    required: list[str] = []
    excluded: list[str] = []
    for minus, phrase, word in _TERM.findall(typed[:LONGEST_QUERY].translate(_QUOTES)):
        term = phrase.strip() or word.strip('"')
        if term in ("", "-"):
            continue
        (excluded if minus else required).append(term)
    return WordQuery(tuple(required[:MOST_TERMS]), tuple(excluded[:MOST_TERMS]))


def matching(texts: pd.Series, query: WordQuery) -> np.ndarray:
    """Which texts ``[n]`` hold all that is required and nothing that is excluded, a mask ``[n]``.

    A term that is left out by its minus also drops no text that is missing. About 0.1 s for each
    term and a million texts.
    """
    mask = np.ones(len(texts), dtype=bool)
    terms = [(term, True) for term in query.required] + [(term, False) for term in query.excluded]
    for term, wanted in terms:
        # Only what is left is looked through again.
        places = np.flatnonzero(mask)
        part = texts if len(places) == len(texts) else texts.iloc[places]
        hits = part.str.contains(term, case=False, regex=False).fillna(False)
        mask[places] = hits.to_numpy(dtype=bool) == wanted
    return mask
