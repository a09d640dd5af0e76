"""Near-duplicates among texts that are checked already: of an import that did not wait for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from llkd.datasets.checks.repeats import Near, find_near, find_repeats
from llkd.datasets.checks.scan import scan
from llkd.datasets.limits import CHUNK_ROWS
from llkd.datasets.readers.tables import Column
from llkd.datasets.text_set import TextSet

NEAR_LATER = "near_duplicates_later"
"""In the report of an import whose near-duplicates are still to be looked for."""


def find_near_in(texts: pd.Series, looked_at: Callable[[int], None] = lambda texts: None) -> Near:
    """The near-duplicates of a column of texts, all of them usable; see :func:`find_near`."""
    array = pa.array(texts).cast(pa.string())
    whole = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    pieces = [
        chunk.slice(start, CHUNK_ROWS)
        for chunk in whole.chunks
        for start in range(0, len(chunk), CHUNK_ROWS)
    ]
    chunks = pa.chunked_array(pieces, type=pa.string())
    no_gold: list[Any] = [None] * len(chunks)
    column = Column([chunks])
    repeats = find_repeats(scan(chunks, ()).hashes, np.arange(len(chunks)), column, no_gold)
    return find_near(column, repeats, looked_at)


def with_near(text_set: TextSet) -> TextSet:
    """The text set with its near-duplicates looked for, and its groups by them."""
    near = find_near_in(text_set.texts["text"])
    warnings = (*text_set.warnings, *near.warnings())
    return replace(
        text_set, near=near.counted, groups=near.first, warnings=warnings, near_later=False
    )
