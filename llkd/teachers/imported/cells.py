"""Cells of a file of labels as numbers, and texts as the keys they are matched by."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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


def text_keys(texts: Sequence[str]) -> list[str]:
    """What is the same text: white space and Unicode composition aside."""
    composed = unicodedata.normalize
    # Nothing of ASCII is composed, and looking takes a fraction of the time.
    return [" ".join((t if t.isascii() else composed("NFC", t)).split()) for t in texts]
