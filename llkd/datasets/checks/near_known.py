"""Which new texts almost repeat texts that are there already, at a fraction of a full search.

As :mod:`near_duplicates` finds them, but that those that are there need not be compared with one
another, so that each gives only one minimum to each of 168 bins by one hash (Li et al. 2012); an
empty bin borrows from the next that is not. Seven bins make a key, as far apart as can be. A pair
with two of 24 keys in common is compared piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from llkd.datasets.checks.near_duplicates import (
    _AGREE,
    _BLOCK,
    _EMPTY,
    BANDS,
    ROUNDS,
    THRESHOLD,
    _mixed,
    _pieces,
    alike_pairs,
    normal,
    shingle_hashes,
)

BINS = BANDS * ROUNDS
_BITS = 21  # of a key, in a table that says at once that no new text has it
_MOST_LINKED = 3  # new texts of one key that a known text is compared with

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint32]


def near_known(
    texts: Sequence[str],
    known: Iterable[tuple[Sequence[str], Bools]],
    threshold: float = THRESHOLD,
) -> tuple[Bools, Bools]:
    """Which of ``texts [m]`` nearly repeat a known text without a mark, and which one with it.

    ``known`` are the texts that are there, some thousand at a time, and their marks.
    """
    like = np.zeros((2, len(texts)), dtype=bool)
    index = _Index(texts)
    for known_texts, marks in known:
        pairs = index.candidates(known_texts)
        ends = np.cumsum([len(known_texts[left]) + len(texts[right]) for left, right in pairs])
        start = 0
        while start < len(pairs):
            before = ends[start - 1] if start else 0
            stop = max(int(np.searchsorted(ends, before + 4 * _BLOCK)), start + 1)
            # A text that is known to be like one of that mark need not be compared again.
            block = pairs[start:stop]
            block = block[~like[marks[block[:, 0]].astype(int), block[:, 1]]]
            alike = block[_compared(block, known_texts, texts, threshold)]
            like[marks[alike[:, 0]].astype(int), alike[:, 1]] = True
            start = stop
    return like[0], like[1]


def _compared(
    pairs: Rows, known_texts: Sequence[str], texts: Sequence[str], threshold: float
) -> Bools:
    if not len(pairs):
        return np.zeros(0, dtype=bool)
    count = len(known_texts)

    def fetch(rows: Rows) -> list[str]:
        return [known_texts[row] if row < count else texts[row - count] for row in rows.tolist()]

    return alike_pairs(pairs + np.array([0, count]), fetch, threshold)


class _Index:
    """The new texts by their keys."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._keys = band_keys(texts)
        self._order = np.argsort(self._keys, axis=0, kind="stable")
        self._ranked = np.take_along_axis(self._keys, self._order, axis=0)
        self._there = np.zeros((BANDS, 1 << _BITS), dtype=bool)
        for band in range(BANDS):
            self._there[band, self._keys[:, band] >> np.uint32(32 - _BITS)] = True

    def candidates(self, known_texts: Sequence[str]) -> Rows:
        """Pairs ``[p, 2]`` of a known text and a new one that have keys in common."""
        keys = band_keys(known_texts)
        found_pairs = [np.zeros((0, 2), dtype=np.int64)]
        size = len(self._keys)
        for band in range(BANDS):
            hits = np.flatnonzero(self._there[band, keys[:, band] >> np.uint32(32 - _BITS)])
            first = np.searchsorted(self._ranked[:, band], keys[hits, band])
            for place in range(_MOST_LINKED):
                at = np.minimum(first + place, size - 1)
                same = (first + place < size) & (self._ranked[at, band] == keys[hits, band])
                found_pairs.append(np.stack([hits[same], self._order[at[same], band]], axis=1))
        pairs = np.unique(np.concatenate(found_pairs), axis=0)
        agree = (keys[pairs[:, 0]] == self._keys[pairs[:, 1]]).sum(axis=1)
        return pairs[agree >= _AGREE]


def band_keys(texts: Sequence[str]) -> Keys:
    """The keys of each text, ``[m, 24]``."""
    minima = np.full(len(texts) * BINS, _EMPTY)
    for pieces, owners in _pieces(map(normal, texts)):
        hashes, belongs = shingle_hashes(pieces, owners)
        bins = ((hashes & np.uint64(0xFFFFFFFF)) * np.uint64(BINS)) >> np.uint64(32)
        values = (hashes >> np.uint64(32)).astype(np.uint32)
        np.minimum.at(minima, belongs * BINS + bins.astype(np.int64), values)
    filled = _filled(minima.reshape(len(texts), BINS)).reshape(len(texts), ROUNDS, BANDS)
    keys = np.zeros((len(texts), BANDS), dtype=np.uint64)
    for turn in range(ROUNDS):
        keys = _mixed(keys * np.uint64(31) + filled[:, turn])
    return (keys >> np.uint64(32)).astype(np.uint32)


def _filled(minima: Keys) -> Keys:
    """Empty bins with the value of the next that is not: nearer ones first, in doubling steps."""
    step = 1
    while step < BINS:
        empty = minima == _EMPTY
        if not empty.any():
            break
        minima = np.where(empty, np.roll(minima, -step, axis=1), minima)
        step *= 2
    return minima
