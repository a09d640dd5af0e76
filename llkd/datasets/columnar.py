"""Reads Parquet as a table of strings: numbers and dates as words, structs as dotted columns."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llkd.datasets.header import name_columns
from llkd.datasets.limits import MAX_BYTES
from llkd.datasets.tables import Content, Progress, check_size, text_array
from llkd.datasets.wording import listed, plain
from llkd.errors import DataError


def read_parquet(data: bytes, name: str, progress: Progress = None) -> Content:
    """Read the bytes of a Parquet file.

    Raises:
        DataError: it is damaged, unpacks to too much, or has no rows.
    """
    table = _load(data, name)
    if not table.num_rows:
        raise DataError(f"{plain(name)} has columns and no rows. Choose a file with a text in it.")
    nested = [f.name for f in table.schema if pa.types.is_struct(f.type)]
    table = _flat(table)
    names, _, warnings = name_columns(list(table.column_names), table.num_columns)
    check_size(table.num_rows, table.num_columns, name)
    if nested:
        inner = [n for n in names if n.split(".", 1)[0] in nested]
        warnings.append(
            f"The nested {'column' if len(nested) == 1 else 'columns'} {listed(nested, 5)} of "
            f"{plain(name)} {'was' if len(nested) == 1 else 'were'} read as {listed(inner, 5)}."
        )
    columns: list[pa.ChunkedArray] = []
    lists: dict[str, list[int]] = {}
    typed: dict[str, int] = {}
    replaced: dict[str, int] = {}
    total = 0
    for column, values in zip(names, table.columns, strict=True):
        total += sum(_written_bytes(chunk) for chunk in values.chunks)
        if total > MAX_BYTES:
            raise _too_large(name)
        kind = values.type
        filled = len(values) - values.null_count
        if pa.types.is_nested(kind):
            lists[column] = pc.indices_nonzero(values.is_valid()).to_pylist()
        elif not _holds_text(kind) and filled:
            typed[column] = filled
        texts, changed = _texts(values)
        if changed:
            replaced[column] = changed
        columns.append(texts)
        if progress:
            progress(table.num_rows)
    return Content(
        pa.table(columns, names=names),
        rows=table.num_rows,
        warnings=tuple(warnings),
        lists=lists,
        typed=typed,
        replaced=replaced,
    )


def _load(data: bytes, name: str) -> pa.Table:
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        if not file.metadata.num_rows:
            return file.schema_arrow.empty_table()
        check_size(file.metadata.num_rows, len(file.schema_arrow), name)
        groups = range(file.num_row_groups)
        if sum(file.metadata.row_group(k).total_byte_size for k in groups) > MAX_BYTES:
            raise _too_large(name)
        table = _read(data, _dictionaries(file.metadata), name)
        table.validate()
        return table
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError) as error:
        raise DataError(
            f"{plain(name)} is a damaged Parquet file ({plain(error, 120)}). Export or download "
            "it again."
        ) from None


def _too_large(name: str) -> DataError:
    return DataError(
        f"{plain(name)} unpacks to more than {MAX_BYTES >> 30} GiB. Split it, or keep only the "
        "columns that are needed."
    )


def _dictionaries(metadata: pq.FileMetaData) -> list[str]:
    """The columns of bytes or strings that are stored with a dictionary, as paths."""
    found = set()
    for group in range(metadata.num_row_groups):
        for position in range(metadata.num_columns):
            column = metadata.row_group(group).column(position)
            if column.physical_type == "BYTE_ARRAY" and column.has_dictionary_page:
                found.add(column.path_in_schema)
    return sorted(found)


def _read(data: bytes, dictionaries: list[str], name: str) -> pa.Table:
    """Read with strings kept as dictionaries: written out, a small file may fill the memory."""
    try:
        return pq.ParquetFile(pa.BufferReader(data), read_dictionary=dictionaries).read()
    except pa.ArrowNotImplementedError:  # some encodings cannot be kept so
        pass
    batches = []
    total = 0
    for batch in pq.ParquetFile(pa.BufferReader(data)).iter_batches(batch_size=1_000):
        total += batch.nbytes
        if total > MAX_BYTES:
            raise _too_large(name)
        batches.append(batch)
    return pa.Table.from_batches(batches)


def _holds_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _holds_text(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return _holds_text(kind.storage_type)
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or _is_bytes(kind)
        or pa.types.is_null(kind)
    )


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _flat(table: pa.Table) -> pa.Table:
    """Structs as dotted columns, to any depth."""
    while any(pa.types.is_struct(kind) for kind in table.schema.types):
        table = table.flatten()
    return table


def _written_bytes(values: pa.Array) -> int:
    """Bytes of all values written out; a dictionary is small and may stand for very much."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        if not len(values.dictionary) or not _holds_text(kind.value_type):
            return 32 * len(values)
        lengths = pc.take(pc.binary_length(values.dictionary), values.indices)
        return int(pc.sum(lengths).as_py() or 0)
    if pa.types.is_struct(kind):
        return sum(_written_bytes(field) for field in values.flatten())
    if pa.types.is_map(kind):
        return _written_bytes(values.keys) + _written_bytes(values.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _written_bytes(values.flatten())
    return int(values.nbytes)


def _texts(values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, int]:
    """The values as strings, and how many held bytes that are no UTF-8."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        values = pa.chunked_array([c.storage for c in values.chunks], type=kind.storage_type)
        kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if not pa.types.is_nested(kind):
        try:
            texts = values.cast(pa.large_string())
            texts.validate(full=True)
            return _small(texts), 0
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
    written = [_written(value) for value in values.to_pylist()]
    array, _ = text_array([text for text, _ in written])
    return pa.chunked_array([array]), sum(changed for _, changed in written)


def _small(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    chunks = []
    for chunk in texts.chunks:
        for start in range(0, len(chunk), 1_000_000):
            chunks.append(chunk.slice(start, 1_000_000).cast(pa.string()))
    return pa.chunked_array(chunks, type=pa.string())


def _written(value: Any) -> tuple[str | None, bool]:
    if value is None:
        return None, False
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8"), False
        except UnicodeDecodeError:
            return value.decode("utf-8", errors="replace"), True
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str), False
    return str(value), False
