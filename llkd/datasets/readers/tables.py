"""What a format's reader hands over: a table of texts and what is odd about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llkd.datasets.characters import without_surrogates
from llkd.datasets.limits import CHUNK_CHARACTERS, CHUNK_ROWS, MAX_CELLS, MAX_COLUMNS, MAX_ROWS
from llkd.datasets.readers.temp_buffer import TableSpool, steps
from llkd.datasets.wording import count, listed, plain
from llkd.errors import DataError

Progress = Callable[[int], None] | None
Cell = str | None


@dataclass(frozen=True)
class Content:
    """A table whose columns are all strings or missing, in the order of the file.

    ``rows`` counts the records of the file, ``left_out`` what could not be read as one (rows with
    too many fields are among ``rows``, lines that are no record are not). ``numbers`` holds each
    row's record number where records were left out; ``lists`` the rows whose cell was a list or an
    object, by column; ``typed`` how many cells were numbers or truth values, by column;
    ``replaced`` how many cells held something that is no Unicode text, by column.
    """

    table: pa.Table
    rows: int
    left_out: int = 0
    warnings: tuple[str, ...] = ()
    delimiter: str | None = None
    numbers: Sequence[int] | None = None
    lists: Mapping[str, Sequence[int]] = field(default_factory=dict)
    typed: Mapping[str, int] = field(default_factory=dict)
    replaced: Mapping[str, int] = field(default_factory=dict)


def text_array(values: Sequence[Cell]) -> tuple[pa.Array, int]:
    """An Arrow string array, and how many cells lost half a surrogate pair."""
    try:
        return pa.array(values, type=pa.string()), 0
    except (UnicodeEncodeError, pa.ArrowInvalid):
        clean = [None if v is None else without_surrogates(v) for v in values]
        changed = sum(a != b for a, b in zip(values, clean, strict=True))
        return pa.array(clean, type=pa.string()), changed


def check_size(rows: int, columns: int, name: str) -> None:
    """Refuse a table that would not fit: too many columns, or too many cells in all."""
    if columns > MAX_COLUMNS:
        raise DataError(
            f"{plain(name)} has {columns:,} columns, but at most {MAX_COLUMNS:,} can be read. "
            "Keep the columns with the text, the label and the id."
        )
    if rows > MAX_ROWS:
        raise DataError(
            f"{plain(name)} has more than {MAX_ROWS:,} rows, the most that can be imported. Split "
            "the file, or keep a sample of it."
        )
    if rows * columns > MAX_CELLS:
        raise DataError(
            f"{plain(name)} has {count(columns, 'column')} and more than {rows - 1:,} rows, which "
            "is too large. Keep the columns with the text, the label and the id, or split the file."
        )


class TableBuilder:
    """Collects rows of equal width, a chunk at a time, so that few Python objects live at once."""

    def __init__(self, names: Sequence[str], name: str, progress: Progress = None) -> None:
        self.names = list(names)
        self._stored_rows = 0
        self.replaced: dict[str, int] = {}
        self._name = name
        self._progress = progress
        self._schema = pa.schema([(column, pa.string()) for column in self.names])
        self._pending: list[Sequence[Cell]] = []
        self._characters = 0
        self._spool = TableSpool()

    @property
    def rows(self) -> int:
        """How many rows were taken so far."""
        return self._stored_rows + len(self._pending)

    def add(self, row: Sequence[Cell]) -> None:
        """Take one row, which has as many cells as there are columns."""
        self._pending.append(row)
        self._characters += sum([len(cell) for cell in row if cell is not None])
        if len(self._pending) >= CHUNK_ROWS or self._characters >= CHUNK_CHARACTERS:
            self._flush()

    def add_table(self, table: pa.Table) -> None:
        """Take whole rows at once: strings in the builder's columns."""
        if self._pending:
            table = pa.concat_tables([self._of_pending(), table])
        for start in range(0, table.num_rows, CHUNK_ROWS):
            self._take(table.slice(start, CHUNK_ROWS))

    def _flush(self) -> None:
        self._take(self._of_pending())

    def _of_pending(self) -> pa.Table:
        arrays = []
        for column, values in zip(self.names, zip(*self._pending, strict=True), strict=True):
            array, changed = text_array(values)
            if changed:
                self.replaced[column] = self.replaced.get(column, 0) + changed
            arrays.append(array)
        self._pending, self._characters = [], 0
        return pa.table(arrays, schema=self._schema)

    def _take(self, table: pa.Table) -> None:
        self._stored_rows += table.num_rows
        check_size(self._stored_rows, len(self.names), self._name)
        self._spool.add(table)
        if self._progress:
            self._progress(self._stored_rows)

    def table(self) -> pa.Table:
        """The table of all rows."""
        if self._pending:
            self._flush()
        return self._spool.table() if self.rows else self._schema.empty_table()


def without_empty(
    table: pa.Table, blank_names: Sequence[int], name: str
) -> tuple[pa.Table, list[str]]:
    """Drop columns with neither a name nor a value; tell of those that have values."""
    empty = set()
    for position in blank_names:
        if not any(map(_holds_value, steps(table.column(position).chunks))):
            empty.add(position)
    column_numbers = [k for k in range(table.num_columns) if k not in empty]
    unnamed = [table.column_names[k] for k in blank_names if k not in empty]
    if empty and column_numbers:
        table = table.select(column_numbers)
    if not unnamed or len(unnamed) == len(column_numbers):
        return table, []
    single = len(unnamed) == 1
    return table, [
        f"{count(len(unnamed), 'column')} of {plain(name)} {'has' if single else 'have'} no name "
        f"and {'was' if single else 'were'} called {listed(unnamed, 3)}."
    ]


def _holds_value(values: pa.Array) -> bool:
    return bool(pc.any(pc.not_equal(pc.utf8_trim_whitespace(values), "")).as_py())


class Column:
    """The texts of one or more columns of strings, one after the other, read some at a time."""

    def __init__(self, columns: Sequence[pa.ChunkedArray]) -> None:
        self.chunks = [chunk for column in columns for chunk in column.chunks if len(chunk)]
        self._ends = np.cumsum([len(chunk) for chunk in self.chunks], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def take(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """The values in these rows, in that order."""
        values: list[str] = [""] * len(rows)
        order = np.argsort(rows, kind="stable")
        place = np.searchsorted(self._ends, rows[order], side="right")
        numbers = np.unique(place)
        for number, _ in zip(numbers, steps([self.chunks[k] for k in numbers]), strict=True):
            here = order[place == number]
            start = self._ends[number] - len(self.chunks[number])
            cells = self.chunks[number].take(pa.array(rows[here] - start)).to_pylist()
            for position, value in zip(here, cells, strict=True):
                values[position] = value
        return values
