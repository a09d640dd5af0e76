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
from llkd.datasets.json_shapes import Shape, find_records
from llkd.datasets.json_values import Number, Reader, skip_space, too_deep
from llkd.datasets.tables import Cell, Content, Progress, check_size, text_array
from llkd.datasets.wording import count, places, plain
from llkd.errors import DataError

_MAX_LEVELS = 20
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
        self._size = 0
        self._tables: list[pa.Table] = []
        self._names: dict[tuple[str, ...], str] = {}
        self._taken: set[str] = set()

    def add(self, record: Mapping[str, Any]) -> None:
        """Take one record."""
        self._put(record, ())
        self._size += 1
        self.rows += 1
        if self._size >= _CHUNK_RECORDS or self._size * len(self._chunk) >= _CHUNK_CELLS:
            self._flush()

    def _put(self, record: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for key, value in record.items():
            here = (*path, key)
            if isinstance(value, dict) and value and len(here) < _MAX_LEVELS:
                self.lists.setdefault(self._column(here), []).append(self.rows)
                self._put(value, here)
                continue
            column = self._column(here)
            cells = self._chunk.setdefault(column, [])
            cells.extend([None] * (self._size - len(cells)))
            cells.append(self._cell(value, column))

    def _column(self, path: tuple[str, ...]) -> str:
        known = self._names.get(path)
        if known is not None:
            return known
        plain_name = without_surrogates(".".join(path)) or "column_1"
        name, number = plain_name, 2
        while name in self._taken:
            name = f"{plain_name} ({number})"
            number += 1
        self._names[path] = name
        self._taken.add(name)
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
        self._tables.append(pa.table(arrays, names=names))
        self._chunk, self._size = {}, 0
        if self._progress:
            self._progress(self.rows)

    def table(self) -> pa.Table:
        """The table of all records; a key that a record lacks is missing there."""
        if self._size:
            self._flush()
        names = {column for table in self._tables for column in table.column_names}
        check_size(self.rows, len(names), self._name)
        return pa.concat_tables(self._tables, promote_options="default")


def read_json(
    data: bytes, name: str, lines: bool, progress: Progress = None
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
    text = data.decode("utf-8")
    reader = Reader()
    columns = _Columns(name, progress)
    start = skip_space(text, 0)
    head = _first_lines(text, start)
    try:
        if _is_lines(head, lines):
            warnings, left_out = _read_lines(text, reader, columns, name)
            kind = "jsonl"
        else:
            shape = find_records(text, start, reader, name)
            warnings, left_out = _read_shape(shape, columns, name)
            kind = "jsonl" if shape.concatenated else "json"
    except RecursionError:
        raise too_deep(text, start, name) from None
    if not columns.rows:
        raise DataError(f"{plain(name)} holds no records. Choose a file with at least one text.")
    warnings += _told(reader, name)
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


def _first_lines(text: str, start: int, limit: int = 10) -> list[str]:
    found: list[str] = []
    for line in _lines(text, start):
        if line.strip():
            found.append(line)
            if len(found) == limit:
                break
    return found


def _lines(text: str, start: int = 0) -> Iterator[str]:
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


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


def _read_lines(text: str, reader: Reader, columns: _Columns, name: str) -> tuple[list[str], int]:
    bad: list[int] = []
    for number, line in enumerate(_lines(text), start=1):
        line = line.strip(" \t\r\ufeff")
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


def _told(reader: Reader, name: str) -> list[str]:
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
