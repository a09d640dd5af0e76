"""Texts that come again: word for word, or almost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.datasets.checks.near_duplicates import MOST_CHARACTERS, THRESHOLD, near_groups
from llkd.datasets.readers.tables import Column
from llkd.datasets.readers.temp_buffer import steps
from llkd.datasets.wording import Note, count

Rows = npt.NDArray[np.int64]
_BLOCK = 5_000  # texts at a time


@dataclass(frozen=True)
class Repeats:
    """Which rows repeat which.

    ``first`` is the row of the first equal text (outer spaces aside) for each row; ``conflicts``
    the first rows whose text comes again with another label, in order.
    """

    first: Rows
    usable: Rows
    conflicts: Rows


@dataclass(frozen=True)
class NearDuplicates:
    """How many groups of near-duplicates there are, and texts in them beyond the first of each.

    Texts that are equal count once. ``threshold`` is the Jaccard similarity from which on two texts
    count as near.
    """

    groups: int
    texts: int
    threshold: float = THRESHOLD


@dataclass(frozen=True)
class Near:
    """``first`` is the row of the first text of its group for each row, equal texts included.

    ``cut`` counts the texts of which only the beginning was compared.
    """

    first: Rows
    counted: NearDuplicates
    cut: int = 0

    def warnings(self) -> list[str]:
        """A sentence about texts of which only the beginning was compared, if there are any."""
        if not self.cut:
            return []
        single = self.cut == 1
        return [
            Note(
                f"{count(self.cut, 'text')} {'has' if single else 'have'} more than "
                f"{MOST_CHARACTERS:,} characters; only these were compared in looking for "
                "near-duplicates."
            )
        ]


def find_repeats(hashes: Rows, usable: Rows, column: Column, gold: Any) -> Repeats:
    """Find equal texts among the ``usable`` rows; equal hashes are compared letter by letter."""
    first = np.arange(len(hashes), dtype=np.int64)
    order = usable[np.argsort(hashes[usable], kind="stable")]
    ranked = hashes[order]
    starts = np.r_[True, ranked[1:] != ranked[:-1]][: len(order)]
    heads = order[np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))]
    rows, heads = order[~starts], heads[~starts]
    for start in range(0, len(rows), _BLOCK):
        here = slice(start, start + _BLOCK)
        pairs = zip(column.take(rows[here]), column.take(heads[here]), strict=True)
        same = np.array([text.strip() == other.strip() for text, other in pairs], dtype=bool)
        first[rows[here][same]] = heads[here][same]
    again = np.flatnonzero(first != np.arange(len(first)))
    conflicts = {
        int(first[row])
        for row in again
        if gold[row] != gold[first[row]] and gold[row] is not None and gold[first[row]] is not None
    }
    return Repeats(first, usable, np.array(sorted(conflicts), dtype=np.int64))


def find_near(
    column: Column, repeats: Repeats, looked_at: Callable[[int], None] = lambda texts: None
) -> Near:
    """Find near-duplicates among texts that are not equal; ``looked_at`` is told how many by now.

    What it raises ends the search.
    """
    rows = repeats.usable[repeats.first[repeats.usable] == repeats.usable]
    cut = count_looked_at = 0

    def counted_chunks() -> Iterator[list[str]]:
        nonlocal cut, count_looked_at
        for texts in _chunks(column, rows):
            cut += sum(len(text) > MOST_CHARACTERS for text in texts)
            yield texts
            count_looked_at += len(texts)
            looked_at(count_looked_at)

    group = near_groups(
        counted_chunks(), len(rows), lambda wanted_rows: column.take(rows[wanted_rows])
    )
    first = repeats.first.copy()
    first[rows] = rows[group]
    first = first[repeats.first]
    beyond = group != np.arange(len(group))
    counted = NearDuplicates(len(np.unique(group[beyond])), int(beyond.sum()))
    return Near(first, counted, cut)


def _chunks(column: Column, rows: Rows) -> Iterator[list[str]]:
    """The texts of some rows in order, as many at a time as lie in one chunk of the column."""
    start = 0
    for chunk in steps(column.chunks):
        end = start + len(chunk)
        here = rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)]
        if len(here):
            yield column.take(here)
        start = end
