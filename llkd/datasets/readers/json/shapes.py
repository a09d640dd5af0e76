"""Where the records of a JSON document are.

An array of objects is the usual shape. Also read, and told: an array of texts, rows below a header
row, records in one key of an object or keyed by id, whole columns, one single record, and objects
one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.header import name_columns
from llkd.datasets.readers.json.values import Reader, skip_space
from llkd.datasets.wording import listed, plain, quoted
from llkd.errors import DataError

_ADVICE = 'Write an array of objects, such as [{"text": "..."}], or one object in each line.'


@dataclass(frozen=True)
class Shape:
    """The records in order (what is no object will be left out), and what to tell."""

    records: Iterable[Any]
    warnings: tuple[str, ...] = ()
    concatenated: bool = False


def array_records(data: ByteSource, reader: Reader, name: str) -> Shape:
    """The records of a document that is one array; they are read one by one.

    Raises:
        DataError: it is no JSON, or holds nothing that could be a record.
    """
    return _of_array(reader.items(data, name), name)


def find_records(text: str, start: int, reader: Reader, name: str) -> Shape:
    """Find the records of a document whose first value begins at ``start`` and is no array.

    Raises:
        DataError: it is no JSON, or holds nothing that could be a record.
    """
    value, end = reader.value(text, start, name)
    end = skip_space(text, end)
    if not isinstance(value, dict):
        raise DataError(f"{plain(name)} holds a single value and no records. {_ADVICE}")
    if end < len(text):
        return Shape(
            _one_after_the_other(value, text, end, reader, name),
            (f"{plain(name)} holds objects one after the other; each was read as a record.",),
            concatenated=True,
        )
    return _of_object(value, name)


def _one_after_the_other(
    first: Any, text: str, position: int, reader: Reader, name: str
) -> Iterator[Any]:
    yield first
    while position < len(text):
        value, position = reader.value(text, position, name)
        yield value
        position = skip_space(text, position)


def _of_array(items: Iterator[Any], name: str) -> Shape:
    try:
        first = next(items)
    except StopIteration:
        return Shape(())
    rest = chain([first], items)
    if isinstance(first, dict):
        return Shape(rest)
    if isinstance(first, list):
        return _rows(first, items, name, f"{plain(name)} holds rows; the first was taken as names.")
    return Shape({"text": item} if isinstance(item, str) else item for item in rest)


def _rows(header: list[Any], rows: Iterable[Any], name: str, warning: str) -> Shape:
    if not header or not all(isinstance(cell, str) for cell in header):
        raise DataError(f"{plain(name)} holds lists without names for their values. {_ADVICE}")
    names, _, warnings = name_columns(header, len(header))
    return Shape(
        (
            dict(zip(names, row, strict=True))
            if isinstance(row, list) and len(row) == len(names)
            else row
            for row in rows
        ),
        (warning, *warnings),
    )


def _of_object(value: dict[str, Any], name: str) -> Shape:
    if not value:
        raise DataError(f"{plain(name)} holds an empty object and no records. {_ADVICE}")
    for shape in _SHAPES:
        records_shape = shape(value, name)
        if records_shape:
            return records_shape
    return Shape([value], (f"{plain(name)} holds a single object; it was read as one record.",))


def _split(value: dict[str, Any], name: str) -> Shape | None:
    """Pandas' ``orient="split"``: names and rows apart."""
    columns, rows = value.get("columns"), value.get("data")
    if not isinstance(columns, list) or not isinstance(rows, list):
        return None
    warning = f"{plain(name)} holds names and rows apart; they were joined."
    return _rows(columns, rows, name, warning)


def _wrapped(value: dict[str, Any], name: str) -> Shape | None:
    """Records inside one key, as web services send them."""
    keys = [
        key
        for key, inner in value.items()
        if isinstance(inner, list) and inner and all(isinstance(i, dict) for i in inner)
    ]
    if not keys or _is_record(value):
        return None
    if len(keys) < len(value) and all(isinstance(inner, list) for inner in value.values()):
        return None  # whole columns, one of them of objects
    if len(keys) > 1:
        raise DataError(
            f"{plain(name)} holds several lists of records ({listed(keys, 5)}). Export one of them."
        )
    warning = f"The records of {plain(name)} were taken from its key {quoted(keys[0])}."
    return Shape(value[keys[0]], (warning,))


def _is_record(value: dict[str, Any]) -> bool:
    return isinstance(value.get("text"), str)


def _columns(value: dict[str, Any], name: str) -> Shape | None:
    """Whole columns: lists of one length, or pandas' default of numbered objects."""
    inner = list(value.values())
    warnings = (f"{plain(name)} holds whole columns; they were joined into records.",)
    if len(inner) > 0 and all(isinstance(i, list) for i in inner):
        if len({len(i) for i in inner}) != 1:
            raise DataError(f"{plain(name)} holds columns of unequal length. {_ADVICE}")
        return Shape(
            (dict(zip(value, row, strict=True)) for row in zip(*inner, strict=True)), warnings
        )
    if not inner or not all(isinstance(i, dict) and i for i in inner):
        return None
    positions = list(dict.fromkeys(key for i in inner for key in i))
    if not all(position.isdecimal() for position in positions):
        return None
    return Shape(({key: value[key].get(p) for key in value} for p in positions), warnings)


def _keyed(value: dict[str, Any], name: str) -> Shape | None:
    """Records keyed by their id."""
    if len(value) < 2 or not all(isinstance(i, dict) for i in value.values()):
        return None
    warning = f"The records of {plain(name)} are keyed; each key went into the column 'key'."
    return Shape(({"key": key, **inner} for key, inner in value.items()), (warning,))


_SHAPES: tuple[Callable[[dict[str, Any], str], Shape | None], ...] = (
    _split,
    _wrapped,
    _columns,
    _keyed,
)
