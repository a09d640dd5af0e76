"""Cells of a table that hold JSON: hostile words, read with a limit and never raised on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

LONGEST = 16 << 20
"""Characters of JSON in one cell that are read."""


class Cells:
    """The columns of a table, cell by cell."""

    def __init__(self, table: pa.Table) -> None:
        """``table``: string columns."""
        self._table = table
        self.columns: tuple[str, ...] = tuple(table.column_names)

    def column(self, name: str) -> Iterator[tuple[int, str]]:
        """Every cell with something in it, by record; nothing for a column that is not there."""
        if name not in self.columns:
            return
        record = 0
        for chunk in self._table.column(name).chunks:
            for value in chunk.to_pylist():
                if value:
                    yield record, value
                record += 1


def parsed(cell: Any) -> Any:
    """What a cell of JSON holds; None for what is no JSON."""
    if not isinstance(cell, str) or len(cell) > LONGEST:
        return None
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None


def listed_value(cell: Any) -> list[dict[str, Any]]:
    """The objects of a list, in a cell or as it is; empty for anything else."""
    values = parsed(cell) if isinstance(cell, str) else cell
    return [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []
