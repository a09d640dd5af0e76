"""Reads JSON and JSON Lines as a table: finds the records and flattens them to columns.

Objects inside a record give dotted columns (``data.text``); a list stays as JSON in one cell and
is marked, so that it is never taken for a text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from llkd.datasets.characters import without_surrogates
from llkd.datasets.limits import CHUNK_CHARACTERS, MAX_WHOLE_BYTES
from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.json.shapes import Shape, array_records, find_records
from llkd.datasets.readers.json.values import Number, Reader, skip_space, too_deep
from llkd.datasets.readers.tables import Cell, Content, Progress, check_size, text_array
from llkd.datasets.readers.temp_buffer import TableSpool
from llkd.datasets.wording import count, places, plain
from llkd.errors import DataError

_MAX_LEVELS = 20
_SPACE = " \t\r\n"
_LONG_LINE = 64 << 20  # bytes; after one of these the format is known without the next
_CHUNK_CELLS = 1_000_000
_CHUNK_RECORDS = 10_000


class _Columns:
    """Records with any keys, turned into columns a chunk at a time."""

    def __init__(self, name: str, progress: Progress) -> None:
        self.rows = 0
        self.lists: dict[str, list[int]] = {}
        self.typed: dict[str, int] = {}
        self.replaced: dict[str, int] = {}
        self._name = name
        self._progress = progress
        self._chunk: dict[str, list[Cell]] = {}
        self._size = self._characters = 0
        self._spool = TableSpool()
        self._columns: set[str] = set()
        self._names: dict[tuple[str, ...], str] = {}
        self._used_names: set[str] = set()

    def add(self, record: Mapping[str, Any]) -> None:
        """Take one record."""
        self._set_value(record, ())
        self._size += 1
        self.rows += 1
        if (
            self._size >= _CHUNK_RECORDS
            or self._size * len(self._chunk) >= _CHUNK_CELLS
            or self._characters >= CHUNK_CHARACTERS
        ):
            self._flush()

    def _set_value(self, record: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for key, value in record.items():
            here = (*path, key)
            if isinstance(value, dict) and value and len(here) < _MAX_LEVELS:
                self.lists.setdefault(self._column(here), []).append(self.rows)
                self._set_value(value, here)
                continue
            column = self._column(here)
            cells = self._chunk.setdefault(column, [])
            cells.extend([None] * (self._size - len(cells)))
            cell = self._cell(value, column)
            self._characters += len(cell or "")
            cells.append(cell)

    def _column(self, path: tuple[str, ...]) -> str:
        known = self._names.get(path)
        if known is not None:
            return known
        plain_name = without_surrogates(".".join(path)) or "column_1"
        name, number = plain_name, 2
        while name in self._used_names:
            name = f"{plain_name} ({number})"
            number += 1
        self._names[path] = name
        self._used_names.add(name)
        return name

    def _cell(self, value: Any, column: str) -> Cell:
        if value is None:
            return None
        if isinstance(value, Number | bool):
            self.typed[column] = self.typed.get(column, 0) + 1
            return str(value) if isinstance(value, Number) else ("true" if value else "false")
        if isinstance(value, str):
            return value
        self.lists.setdefault(column, []).append(self.rows)
        return json.dumps(value, ensure_ascii=False)

    def _flush(self) -> None:
        check_size(self.rows, len(self._chunk), self._name)
        arrays = []
        for column, cells in self._chunk.items():
            cells.extend([None] * (self._size - len(cells)))
            array, changed = text_array(cells)
            if changed:
                self.replaced[column] = self.replaced.get(column, 0) + changed
            arrays.append(array)
        if not arrays:  # records without a key still are records
            arrays, names = [pa.nulls(self._size, pa.string())], ["column_1"]
        else:
            names = list(self._chunk)
        self._columns.update(names)
        self._spool.add(pa.table(arrays, names=names))
        self._chunk, self._size, self._characters = {}, 0, 0
        if self._progress:
            self._progress(self.rows)

    def table(self) -> pa.Table:
        """The table of all records; a key that a record lacks is missing there."""
        if self._size:
            self._flush()
        check_size(self.rows, len(self._columns), self._name)
        return self._spool.table()


def read_json(
    data: ByteSource, name: str, lines: bool, progress: Progress = None
) -> tuple[Content, str]:
    """Read UTF-8 bytes as JSON or JSON Lines; the content, and ``json`` or ``jsonl``.

    Args:
        data: the file as UTF-8.
        name: its name, for messages.
        lines: whether its ending says JSON Lines.
        progress: told the number of records read so far.

    Raises:
        DataError: it is no JSON, too deeply nested, or holds no records.
    """
    reader = Reader()
    columns = _Columns(name, progress)
    head = _first_lines(data)
    if _is_lines(head, lines):
        warnings, left_out = _read_lines(data, reader, columns, name)
        kind = "jsonl"
    elif head and head[0].lstrip(_SPACE).startswith("["):
        warnings, left_out = _read_shape(array_records(data, reader, name), columns, name)
        kind = "json"
    else:
        text = _document(data, name)
        start = skip_space(text, 0)
        try:
            shape = find_records(text, start, reader, name)
            warnings, left_out = _read_shape(shape, columns, name)
        except RecursionError:
            raise too_deep(text, start, name) from None
        kind = "jsonl" if shape.concatenated else "json"
    if not columns.rows:
        raise DataError(f"{plain(name)} holds no records. Choose a file with at least one text.")
    warnings += _number_warnings(reader, name)
    content = Content(
        columns.table(),
        rows=columns.rows,
        left_out=left_out,
        warnings=tuple(warnings),
        lists=columns.lists,
        typed=columns.typed,
        replaced=columns.replaced,
    )
    return content, kind


def _document(data: ByteSource, name: str) -> str:
    if data.size > MAX_WHOLE_BYTES:
        raise DataError(
            f"{plain(name)} is one JSON document of {data.size >> 20:,} MiB, which has to be read "
            f"as a whole and may have {MAX_WHOLE_BYTES >> 20:,} MiB. Export it as JSON Lines (one "
            "object in each line), which is read piece by piece."
        )
    return data.whole().decode("utf-8")


def _first_lines(data: ByteSource, limit: int = 10) -> list[str]:
    lines: list[str] = []
    with data.open() as stream:
        while len(lines) < limit and (line := stream.readline(MAX_WHOLE_BYTES)):
            if line.strip():
                lines.append(line.decode("utf-8", errors="ignore").removesuffix("\n"))
                if len(line) > _LONG_LINE:
                    break
    return lines


def _object(line: str, reader: Callable[[str], Any]) -> bool:
    try:
        return isinstance(reader(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_lines(head: list[str], lines: bool) -> bool:
    """Whether the file holds a record in each line: the first ones are objects by themselves."""
    parse = Reader().line
    if len(head) < 2:
        return lines and bool(head) and _object(head[0], parse)
    if _object(head[0], parse):
        return True
    if head[0].strip() == "{" or head[0].lstrip().startswith("["):
        return False
    return sum(_object(line, parse) for line in head) > 1


def _read_lines(
    data: ByteSource, reader: Reader, columns: _Columns, name: str
) -> tuple[list[str], int]:
    bad: list[int] = []
    for number, raw in enumerate(data.open(), start=1):
        line = raw.decode("utf-8").strip(_SPACE + "\ufeff")
        if not line:
            continue
        try:
            record = reader.line(line)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            columns.add(record)
        else:
            bad.append(number)
            check_size(len(bad), 1, name)
    if not bad:
        return [], 0
    if len(bad) > columns.rows:
        raise DataError(
            f"{plain(name)} is not valid JSON Lines: {count(len(bad), 'line')} "
            f"{'is' if len(bad) == 1 else 'are'} no JSON object ({places('line', bad)}). Write one "
            "JSON object in each line."
        )
    return [
        f"{count(len(bad), 'line')} of {plain(name)} {'is' if len(bad) == 1 else 'are'} no JSON "
        f"object and {'was' if len(bad) == 1 else 'were'} left out ({places('line', bad)})."
    ], len(bad)


def _read_shape(shape: Shape, columns: _Columns, name: str) -> tuple[list[str], int]:
    bad: list[int] = []
    for number, record in enumerate(_checked(shape.records), start=1):
        if record is None:
            bad.append(number)
        else:
            columns.add(record)
    warnings = list(shape.warnings)
    if bad:
        if len(bad) >= columns.rows:
            raise DataError(
                f"{plain(name)} holds values that are no records ({places('value', bad)}). Write "
                'an array of objects, such as [{"text": "..."}].'
            )
        warnings.append(
            f"{count(len(bad), 'value')} of {plain(name)} {'is' if len(bad) == 1 else 'are'} no "
            f"record and {'was' if len(bad) == 1 else 'were'} left out ({places('value', bad)})."
        )
    return warnings, len(bad)


def _checked(records: Iterable[Any]) -> Iterator[dict[str, Any] | None]:
    for record in records:
        yield record if isinstance(record, dict) else None


def _number_warnings(reader: Reader, name: str) -> list[str]:
    warnings = []
    if reader.repeated:
        warnings.append(
            f"{count(reader.repeated, 'object')} in {plain(name)} "
            f"{'has' if reader.repeated == 1 else 'have'} a key more than once; the last value "
            "counts."
        )
    if reader.constants:
        warnings.append(
            f"{plain(name)} holds NaN or Infinity ({count(reader.constants, 'time')}), which JSON "
            "does not allow; they are kept as words."
        )
    return warnings
