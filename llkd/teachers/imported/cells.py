"""Cells of a file of labels as numbers, and texts as the keys they are matched by."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llkd.datasets.checks.text_bytes import TextBytes

_AT_ONCE = 1 << 16  # texts
_BEYOND = range(0x1F000, 0x1FB00)  # emoji and other pictures: of characters of four bytes the usual

Doubles = npt.NDArray[np.float64]


def filled(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Which cells hold something."""
    there = pc.not_equal(pc.fill_null(column, ""), "")
    return np.asarray(there.to_numpy(), dtype=bool)


def floats(column: pa.ChunkedArray) -> Doubles:
    """The cells as numbers; NaN where a cell is none."""
    try:
        cells = pc.if_else(pc.equal(column, ""), None, column)
        numbers = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        numbers = pa.array([_float(cell) for cell in column.to_pylist()], pa.float64())
    return np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def _float(cell: str | None) -> float:
    try:
        return math.nan if cell is None else float(cell)
    except ValueError:
        return math.nan


def text_keys(texts: Sequence[str] | pa.ChunkedArray) -> pa.ChunkedArray:
    """What is the same text: white space and Unicode composition aside; nothing is missing."""
    return pa.chunked_array(list(map(_keys, _chunks(texts))), type=pa.string())


def stripped(cells: Sequence[str] | pa.ChunkedArray) -> pa.ChunkedArray:
    """The cells without outer white space; missing ones stay missing."""
    chunks = []
    for chunk in _chunks(cells):
        others = np.flatnonzero(~TextBytes.of(chunk).plain_ends())
        written = chunk.take(pa.array(others)).to_pylist()
        chunks.append(_replaced(chunk, others, [cell and cell.strip() for cell in written]))
    return pa.chunked_array(chunks, type=pa.string())


def _chunks(texts: Sequence[str] | pa.ChunkedArray) -> Iterator[pa.StringArray]:
    for start in range(0, len(texts), _AT_ONCE):
        part = texts[start : start + _AT_ONCE]
        array = part if isinstance(part, pa.ChunkedArray) else pa.array(part, type=pa.string())
        yield from array.chunks if isinstance(array, pa.ChunkedArray) else [array]


def _keys(texts: pa.StringArray) -> pa.StringArray:
    others = np.flatnonzero(_doubtful(TextBytes.of(texts)))
    composed = unicodedata.normalize
    # Nothing of ASCII is composed, and looking takes a fraction of the time.
    keys = [
        " ".join((t if t.isascii() else composed("NFC", t)).split())
        for t in texts.take(pa.array(others)).to_pylist()
    ]
    return _replaced(texts, others, keys)


def _replaced(
    texts: pa.StringArray, rows: npt.NDArray[np.int64], others: Sequence[str | None]
) -> pa.StringArray:
    """The texts with others in some rows."""
    if not len(rows):
        return texts
    mask = np.zeros(len(texts), dtype=bool)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), pa.array(others, pa.string()))


def _doubtful(content: TextBytes) -> npt.NDArray[np.bool_]:
    """Which texts may hold white space but for single inner spaces, or parts to be composed."""
    data, ends = content.data, content.ends
    marked = content.kinds(_WHITE).view(np.bool_).copy()
    space = data == 0x20
    marked[1:] |= space[1:] & space[:-1]
    filled = ends[:-1] < ends[1:]
    first, last = ends[:-1][filled], ends[1:][filled] - 1
    marked[first] |= space[first]
    marked[last] |= space[last]
    doubtful = content.counts(np.flatnonzero(marked)) > 0
    wide = np.flatnonzero(content.kinds(_first_bytes()))
    codes = _codes(data, wide)
    beyond = (codes > 0xFFFF) & ((codes < _BEYOND.start) | (codes >= _BEYOND.stop))
    parts = np.where(codes > 0xFFFF, beyond, _parts()[np.minimum(codes, 0xFFFF)])
    return np.asarray(doubtful | (content.counts(wide[parts]) > 0))


def _codes(data: npt.NDArray[np.uint8], wide: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The character that begins at each of these places, none of ASCII."""
    lead = data[wide].astype(np.int64)
    length = 2 + (lead >= 0xE0) + (lead >= 0xF0)
    codes = lead & (0x7F >> length)
    for k in range(1, 4):
        there = length > k
        codes[there] = codes[there] << 6 | (data[wide[there] + k] & 0x3F)
    return codes


@lru_cache(maxsize=1)
def _parts() -> npt.NDArray[np.bool_]:
    """Of every character below U+10000: whether it is white space, or composes with others.

    A string without those that have a class of combining, change by themselves or come second in
    some composition is composed as it is (Unicode Standard Annex 15, quick check).
    """
    parts = np.zeros(0x10000, dtype=bool)
    parts[0x1100:0x1200] = True  # the parts of Korean syllables
    for code in range(0x80, 0x10000):
        letter = chr(code)
        pair = unicodedata.decomposition(letter)
        if pair and not pair.startswith("<") and " " in pair:
            parts[int(pair.rpartition(" ")[2], 16) % 0x10000] = True
        if (
            letter.isspace()
            or unicodedata.combining(letter)
            or not unicodedata.is_normalized("NFC", letter)
        ):
            parts[code] = True
    return parts


@lru_cache(maxsize=1)
def _first_bytes() -> bytes:
    """Of every byte whether a character begins with it that may be one of :func:`_parts`."""
    parts = _parts()
    table = bytearray(256)
    table[0xF0:] = bytes([1]) * 16
    for byte in range(0xC2, 0xE0):
        table[byte] = int(parts[(byte & 0x1F) << 6 :][:64].any())
    for byte in range(0xE0, 0xF0):
        table[byte] = int(parts[(byte & 0x0F) << 12 :][:4096].any())
    return bytes(table)


_WHITE = bytes(chr(code).isspace() and code != 0x20 for code in range(128)) + bytes(128)
