"""Texts that a program holds already, checked as those of a file are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from llkd.datasets.limits import CHUNK_ROWS
from llkd.datasets.merge import joined
from llkd.datasets.parsed_file import parse_records
from llkd.datasets.readers.records import Records
from llkd.datasets.readers.tables import check_size, text_array
from llkd.datasets.text_set import Reading, TextSet
from llkd.datasets.wording import plain
from llkd.errors import DataError

_COMPOUND = (list, tuple, set, dict, np.ndarray)


def texts_from_columns(
    columns: Mapping[str, Sequence[Any]], name: str, reading: Reading | None = None
) -> TextSet:
    """The texts of columns of ``n`` cells each, called ``name`` in what is told about them.

    A cell is text, a number, a truth value, or missing (None, NaN); numbers become their digits,
    ``1.0`` the ``1`` that it was before another cell was missing. A list or an object in place of a
    text is left out and counted, as in a file.

    Raises:
        DataError: there is no row, no such column or no usable text.
    """
    reading = reading or Reading()
    rows = max((len(cells) for cells in columns.values()), default=0)
    if not rows:
        raise DataError(f"There is no text in {plain(name)}. Give at least one.")
    check_size(rows, len(columns), name)
    arrays: dict[str, pa.ChunkedArray] = {}
    compound: dict[str, list[int]] = {}
    typed: dict[str, int] = {}
    replaced: dict[str, int] = {}
    for column, cells in columns.items():
        words = [cell if isinstance(cell, str) else _word(cell) for cell in cells]
        arrays[column], replaced[column] = _chunked(words)
        typed[column] = sum(isinstance(cell, int | float | np.generic) for cell in cells)
        compound[column] = [k for k, cell in enumerate(cells) if isinstance(cell, _COMPOUND)]
    records = Records(
        name=name,
        format="memory",
        encoding=None,
        delimiter=None,
        member=None,
        table=pa.table(arrays),
        rows=rows,
        left_out=0,
        warnings=(),
        numbers=None,
        lists={column: places for column, places in compound.items() if places},
        typed={column: number for column, number in typed.items() if number},
        replaced={column: number for column, number in replaced.items() if number},
    )
    return joined([parse_records(records, name, reading)], reading, ())


def string_columns(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Columns of cells as a table of strings; a missing cell stays one."""
    words = {
        column: [cell if isinstance(cell, str) else _word(cell) for cell in cells]
        for column, cells in columns.items()
    }
    return pa.table({column: _chunked(cells)[0] for column, cells in words.items()})


def _chunked(words: Sequence[str | None]) -> tuple[pa.ChunkedArray, int]:
    """The cells as Arrow strings, and how many lost half a surrogate pair."""
    parts = [
        text_array(words[start : start + CHUNK_ROWS]) for start in range(0, len(words), CHUNK_ROWS)
    ]
    return pa.chunked_array([array for array, _ in parts]), sum(changed for _, changed in parts)


def _word(cell: Any) -> str | None:
    """A cell that is no text, in characters; None where it is missing."""
    if cell is None:
        return None
    if isinstance(cell, _COMPOUND):
        return str(cell)
    if type(cell).__name__ in {"NAType", "NaTType"}:  # pandas' own marks of what is missing
        return None
    if isinstance(cell, float | np.floating):
        if cell != cell:
            return None
        return str(int(cell)) if float(cell).is_integer() else str(cell)
    return str(cell)
