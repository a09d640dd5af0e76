"""The rows of a curated set as JSON Lines: a format, and what two sets are compared by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from json.encoder import encode_basestring

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llkd.datasets.checks.text_bytes import TextBytes

ROWS_RULE = (
    "SHA-256 of the rows as JSON Lines in UTF-8: an object a line, its columns in this order, no "
    "spaces, numbers as short as they read back the same, U+0085, U+2028 and U+2029 escaped; rows "
    "in the project's order. Without a validation split this is the SHA-256 of curated.jsonl."
)
PART_ROWS, PART_BYTES = (
    20_000,
    1 << 26,
)  # of a part; its lines may be six times as long as its values
_LINE_ENDS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPED = bytes(code < 0x20 or code in b'"\\' for code in range(256))
_BEGINS_LINE_END = bytes(code in (0xC2, 0xE2) for code in range(256))
_PLAIN = 1e-4, 1e6  # between these Arrow writes a number as JSON does, but for whole ones


def json_lines(table: pa.Table) -> Iterator[pa.StringArray]:
    """The rows as JSON, some thousands at a time, each with its line end, as ``ROWS_RULE`` says.

    Columns are strings, whole numbers, numbers or lists of numbers; missing ones become null.
    """
    start = 0
    while start < table.num_rows:
        rows = min(PART_ROWS, table.num_rows - start)
        while rows > 1 and table.slice(start, rows).nbytes > PART_BYTES:
            rows //= 2
        yield _lines(table.slice(start, rows))
        start += rows


def line_bytes(lines: pa.StringArray) -> memoryview:
    """The lines one after the other, as they stand in a file."""
    return TextBytes.of(lines).data.data


def rows_sha256(table: pa.Table) -> str:
    """The sum by which two curated sets are compared, whatever formats they were written in."""
    total = hashlib.sha256()
    for lines in json_lines(table):
        total.update(line_bytes(lines))
    return total.hexdigest()


def _lines(part: pa.Table) -> pa.StringArray:
    pieces: list[pa.Array | str] = []
    for k, (name, column) in enumerate(zip(part.column_names, part.columns, strict=True)):
        pieces += [f"{',' if k else '{'}{_text(name)}:", _spelled(pa.concat_arrays(column.chunks))]
    return pc.binary_join_element_wise(*pieces, "}\n", "")


def _spelled(column: pa.Array) -> pa.StringArray:
    """Every value of a column as JSON."""
    if pa.types.is_string(column.type):
        values = pc.binary_join_element_wise('"', _escaped(column), '"', "")
    elif pa.types.is_list(column.type):
        numbers = _numbers(column.flatten())
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        ends = pa.array(np.append(0, np.cumsum(lengths)), pa.int32())
        inner = pc.binary_join(pa.ListArray.from_arrays(ends, numbers), ",")
        values = pc.binary_join_element_wise("[", inner, "]", "")
        values = pc.if_else(column.is_valid(), values, None)
    else:
        values = _numbers(column)
    return pc.fill_null(values, "null")


def _text(value: str) -> str:
    spelled: str = encode_basestring(value)
    if not value.isascii():
        for end, escaped in _LINE_ENDS.items():
            spelled = spelled.replace(end, escaped)
    return spelled


def _escaped(texts: pa.StringArray) -> pa.StringArray:
    """The texts as they stand between the quotes; most need nothing."""
    content = TextBytes.of(texts)
    places = np.flatnonzero(content.kinds(_ESCAPED))
    begins = np.flatnonzero(content.kinds(_BEGINS_LINE_END))
    rows = np.union1d(
        content.texts_at(places), content.texts_at(begins[_ends(content.data, begins)])
    )
    if not len(rows):
        return texts
    others = [_text(text)[1:-1] for text in texts.take(pa.array(rows)).to_pylist()]
    mask = np.zeros(len(texts), dtype=bool)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), pa.array(others, pa.string()))


def _ends(data: npt.NDArray[np.uint8], begins: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """At which of these places one of ``_LINE_ENDS`` stands, in UTF-8."""
    after = np.append(data, np.zeros(2, np.uint8))
    first, second, third = data[begins], after[begins + 1], after[begins + 2]
    next_line = (first == 0xC2) & (second == 0x85)
    separator = (first == 0xE2) & (second == 0x80) & ((third == 0xA8) | (third == 0xA9))
    return np.asarray(next_line | separator)


def _numbers(values: pa.Array) -> pa.StringArray:
    """Numbers as short as they read back the same; missing ones stay missing."""
    spelled = pc.cast(values, pa.string())
    if not pa.types.is_floating(values.type):
        return spelled
    numbers = values.to_numpy(zero_copy_only=False)
    size = np.abs(numbers)
    there = values.is_valid().to_numpy(zero_copy_only=False)
    plain = (size >= _PLAIN[0]) & (size < _PLAIN[1]) & (numbers != np.rint(numbers))
    others = np.flatnonzero(there & ~plain)
    if not len(others):
        return spelled
    mask = np.zeros(len(numbers), dtype=bool)
    mask[others] = True
    known = {value: repr(value) for value in set(numbers[others].tolist())}
    written = [known[value] for value in numbers[others].tolist()]
    return pc.replace_with_mask(spelled, pa.array(mask), pa.array(written, pa.string()))
