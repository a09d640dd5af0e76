"""Texts that are almost the same: MinHash over five-character pieces, checked exactly.

A text is seen without capitals and with single spaces, as the set of its pieces of five
characters. Two texts are near-duplicates when their sets have a Jaccard similarity of at least
0.85: in a text of a hundred characters, one changed letter leaves 0.90. Candidates agree in two of
24 bands of 7 minima each (Broder 1997; one hash gives a minimum in every band, Li et al. 2012, and
an empty one borrows from the next, Shrivastava and Li 2014); a pair at 0.85 is missed about once in
a thousand. Each candidate is then compared set by set. The same texts give the same groups. Only
the first 100,000 characters of a text count: to compare whole books would take minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

THRESHOLD = 0.85  # Jaccard similarity from which on two texts count as near-duplicates
SHINGLE = 5  # characters
MOST_CHARACTERS = 100_000  # of a text; what comes after them is not compared
BANDS = 24
ROUNDS = 7  # minima in a band
_BLOCK = 1 << 17  # characters at a time: what fits a processor's cache
_BITS = 8192  # that stand for a text's pieces where an upper bound is enough
_AGREE = 2  # bands in which a candidate agrees
_EMPTY = np.uint32(0xFFFFFFFF)

_TURNS = np.array(
    [0x9E3779B97F4A7C15 * (2 * turn + 1) % 2**64 | 1 for turn in range(1, ROUNDS + 1)],
    dtype=np.uint64,
)

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Fetch = Callable[[Rows], Sequence[str]]


def near_groups(
    chunks: Iterable[Sequence[str]], count: int, fetch: Fetch, threshold: float = THRESHOLD
) -> Rows:
    """For each text the row of the first text of its group; its own row where it is alone.

    A group is linked: each text is a near-duplicate of at least one other in it.

    Args:
        chunks: all texts in order, some at a time.
        count: how many there are.
        fetch: the texts of the given rows, in that order; asked for candidates only.
        threshold: the least Jaccard similarity, above 0 and up to 1.
    """
    keys, lengths = _band_keys(chunks, count)
    return _linked(_candidates(keys), lengths, fetch, threshold)


def normal(text: str) -> str:
    """The text as it is compared; a very short one is padded to one piece."""
    return " ".join(text[:MOST_CHARACTERS].casefold().split()).ljust(SHINGLE, "\0")


def _mixed(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64: every bit of the result depends on every bit of the value."""
    values = values ^ (values >> np.uint64(30))
    values = values * np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def _pieces(texts: Iterable[str]) -> Iterator[tuple[list[str], list[int]]]:
    """Normal texts with their positions, some of them at a time; long ones cut."""
    batch: list[str] = []
    owners: list[int] = []
    size = 0
    for owner, text in enumerate(texts):
        for start in range(0, max(len(text) - SHINGLE + 1, 1), _BLOCK):
            piece = text[start : start + _BLOCK + SHINGLE - 1]
            batch.append(piece)
            owners.append(owner)
            size += len(piece)
            if size >= _BLOCK:
                yield batch, owners
                batch, owners, size = [], [], 0
    if batch:
        yield batch, owners


def shingle_hashes(pieces: list[str], owners: list[int]) -> tuple[Hashes, Rows]:
    """The hash of every five characters in a row, and the position of the text it belongs to."""
    codes = np.frombuffer("".join(pieces).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    belongs = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    count = len(codes) - SHINGLE + 1
    hashes = np.zeros(count, dtype=np.uint64)
    for k in range(SHINGLE):
        hashes *= np.uint64(0x9E3779B97F4A7C15)
        hashes += codes[k : k + count]
    whole = belongs[:count] == belongs[SHINGLE - 1 :]
    return _mixed(hashes[whole]), np.asarray(owners, dtype=np.int64)[belongs[:count][whole]]


def _band_keys(
    chunks: Iterable[Sequence[str]], count: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """One key for each band of each text (24 x texts), and the texts' lengths."""
    keys = np.empty((BANDS, count), dtype=np.uint32)
    lengths = np.empty(count, dtype=np.int64)
    done = 0
    for texts in chunks:
        here = slice(done, done + len(texts))
        done += len(texts)
        size = np.zeros(len(texts), dtype=np.int64)
        minima = np.full((ROUNDS, len(texts) * BANDS), _EMPTY)
        for pieces, owners in _pieces(map(normal, texts)):
            np.add.at(size, owners, [len(piece) for piece in pieces])
            hashes, belongs = shingle_hashes(pieces, owners)
            begins = belongs * BANDS
            for turn in range(ROUNDS):
                # The hashes are mixed already: one product makes another order of them.
                mixed = (hashes ^ _TURNS[turn]) * _TURNS[turn]
                value = (mixed >> np.uint64(32)).astype(np.uint32)
                band = (mixed & np.uint64(0xFFFFFFFF)) ^ value
                band *= np.uint64(BANDS)
                band >>= np.uint64(32)
                np.minimum.at(minima[turn], begins + band.astype(np.int64), value)
        keys[:, here] = _keys(minima.reshape(ROUNDS, len(texts), BANDS)).T
        lengths[here] = size
    return keys, lengths


def _keys(minima: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The minima of each band as one number; empty ones borrow from the bands behind them."""
    keys = np.zeros(minima.shape[1:], dtype=np.uint64)
    for values in minima:
        lacking = np.flatnonzero((values == _EMPTY).any(axis=1))
        own = values[lacking]
        filled = own.copy()
        for step in range(1, BANDS):
            empty = filled == _EMPTY
            if not empty.any():
                break
            lent = np.roll(own, -step, axis=1)
            there = empty & (lent != _EMPTY)
            filled[there] = lent[there] + np.uint32(step * 0x9E3779B1 % 2**32)
        values[lacking] = filled
        keys = _mixed(keys * np.uint64(31) + values)
    return (keys >> np.uint64(32)).astype(np.uint32)


def _candidates(keys: npt.NDArray[np.uint32]) -> Rows:
    """Pairs ``first * n + second`` of texts that share a band: with its first, and in a row."""
    n = keys.shape[1]
    pairs = np.zeros(0, dtype=np.int64)
    fresh: list[Rows] = []
    for band in range(BANDS):
        order = np.argsort(keys[band], kind="stable")
        ranked = keys[band, order]
        same = np.flatnonzero(ranked[1:] == ranked[:-1]) + 1
        if len(same):
            starts = np.r_[True, ranked[1:] != ranked[:-1]]
            first = np.maximum.accumulate(np.where(starts, np.arange(n), 0))
            fresh += [order[first[same]] * n + order[same], order[same - 1] * n + order[same]]
        # Seldom, as everything is sorted again; but not only at the end, as most come again.
        if sum(map(len, fresh)) > len(pairs) or band == BANDS - 1:
            pairs, fresh = np.unique(np.concatenate([pairs, *fresh])), []
    left, right = pairs // max(n, 1), pairs % max(n, 1)
    agree = np.zeros(len(pairs), dtype=np.uint8)
    for band in range(BANDS):
        agree += keys[band, left] == keys[band, right]
    return pairs[agree >= _AGREE]


def _linked(pairs: Rows, lengths: Rows, fetch: Fetch, threshold: float) -> Rows:
    """The first row of each group, for every row; a group is linked by pairs alike enough.

    Pairs that a group holds already are not compared: of texts from one template nearly all are.
    """
    n = max(len(lengths), 1)
    groups = _Groups(len(lengths))
    left, right = pairs // n, pairs % n
    ends = np.cumsum(lengths[left] + lengths[right])
    start = 0
    while start < len(left):
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + 4 * _BLOCK)), start + 1)
        block = groups.apart(np.stack([left[start:stop], right[start:stop]], axis=1))
        if len(block):
            groups.join(block[alike_pairs(block, fetch, threshold)])
        start = stop
    return groups.first()


def alike_pairs(pairs: Rows, fetch: Fetch, threshold: float) -> npt.NDArray[np.bool_]:
    """Whether the Jaccard similarity is enough, for each pair."""
    rows, place = np.unique(pairs, return_inverse=True)
    place = place.reshape(pairs.shape)
    hashes, owners = shingle_sets([normal(text) for text in fetch(rows)])
    sizes = np.bincount(owners, minlength=len(rows))
    alike = similarity_bound(hashes, owners, sizes, place) >= threshold
    if alike.any():
        alike[alike] = jaccard_similarity(hashes, sizes, place[alike]) >= threshold
    return alike


def similarity_bound(
    hashes: Hashes, owners: Rows, sizes: Rows, place: Rows
) -> npt.NDArray[np.float64]:
    """What no pair's similarity exceeds, at a fraction of its cost.

    Each piece sets one bit of its text's :data:`_BITS`. The union of two sets has at least as many
    pieces as both have bits; what it lacks of the sum of their sizes is shared.
    """
    marks = np.zeros((len(sizes), _BITS // 64), dtype=np.uint64)
    bit = hashes >> np.uint64(64 - _BITS.bit_length() + 1)  # the low bits may all be alike
    word = owners * (_BITS // 64) + (bit >> np.uint64(6)).astype(np.int64)
    np.bitwise_or.at(marks.reshape(-1), word, np.uint64(1) << (bit & np.uint64(63)))
    union = np.bitwise_count(marks[place[:, 0]] | marks[place[:, 1]]).sum(axis=1, dtype=np.int64)
    return np.asarray((sizes[place].sum(axis=1) - union) / np.maximum(union, 1))


def jaccard_similarity(hashes: Hashes, sizes: Rows, place: Rows) -> npt.NDArray[np.float64]:
    """The Jaccard similarity of each pair of texts, whose sets lie one after the other."""
    begins = np.r_[0, np.cumsum(sizes)[:-1]]
    both = place.ravel()
    pair = np.repeat(np.arange(len(place)), 2)
    pair_of_piece = np.repeat(pair, sizes[both])
    within = np.arange(len(pair_of_piece)) - np.repeat(
        np.r_[0, np.cumsum(sizes[both])[:-1]], sizes[both]
    )
    values = hashes[np.repeat(begins[both], sizes[both]) + within]
    values = _mixed(values ^ _mixed(pair_of_piece.astype(np.uint64)))
    order = np.argsort(values)
    twice = values[order][1:] == values[order][:-1]
    shared = np.bincount(pair_of_piece[order][1:][twice], minlength=len(place))
    union = sizes[place].sum(axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1))


def shingle_sets(texts: list[str]) -> tuple[Hashes, Rows]:
    """The different pieces of each text, text by text."""
    parts, belongs = [], []
    for pieces, owners in _pieces(texts):
        hashes, owner = shingle_hashes(pieces, owners)
        parts.append(hashes)
        belongs.append(owner)
    hashes, owner = np.concatenate(parts), np.concatenate(belongs)
    order = np.lexsort((hashes, owner))
    hashes, owner = hashes[order], owner[order]
    new = np.r_[True, (hashes[1:] != hashes[:-1]) | (owner[1:] != owner[:-1])]
    return hashes[new[: len(hashes)]], owner[new[: len(hashes)]]


class _Groups:
    """Rows in groups, each known by its first row; at the beginning every row is alone."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def _root(self, row: int) -> int:
        above = self._above
        while above[row] != row:
            above[row] = row = above[above[row]]
        return row

    def join(self, pairs: Rows) -> None:
        """Put the two rows of each pair into one group."""
        for left, right in pairs.tolist():
            root, other_root = self._root(left), self._root(right)
            self._above[max(root, other_root)] = min(root, other_root)

    def apart(self, pairs: Rows) -> Rows:
        """The pairs whose rows are not in one group."""
        keep = [self._root(left) != self._root(right) for left, right in pairs.tolist()]
        return pairs[np.array(keep, dtype=bool)]

    def first(self) -> Rows:
        """The first row of its group, for every row."""
        return np.array([self._root(row) for row in range(len(self._above))], dtype=np.int64)
