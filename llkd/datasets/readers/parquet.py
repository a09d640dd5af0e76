"""Reads Parquet as a table of strings: numbers and dates as words, structs as dotted columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llkd.datasets.limits import CHUNK_ROWS, MAX_BYTES, MAX_RATIO, MAX_WHOLE_BYTES
from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.header import name_columns
from llkd.datasets.readers.tables import Content, Progress, check_size, text_array
from llkd.datasets.readers.temp_buffer import TableSpool
from llkd.datasets.wording import Note, listed, plain, quoted
from llkd.errors import DataError

_WRITTEN = 32 << 20  # bytes of strings at a time
FREE_BYTES = 1 << 30  # bytes of strings that any file may stand for: few values that come often
_FEW_ROWS = 1_000  # at a time, where strings cannot be kept as dictionaries


def read_parquet(data: ByteSource, name: str, progress: Progress = None) -> Content:
    """Read the bytes of a Parquet file, some MiB at a time.

    Raises:
        DataError: it is damaged, unpacks to too much, or has no rows.
    """
    try:
        file = pq.ParquetFile(data.open(), pre_buffer=False, buffer_size=1 << 20)
        schema = file.schema_arrow
        if not file.metadata.num_rows:
            raise DataError(
                f"{plain(name)} has columns and no rows. Choose a file with a text in it."
            )
        check_size(file.metadata.num_rows, len(schema), name)
        nested = [f.name for f in schema if pa.types.is_struct(f.type)]
        names, _, warnings = name_columns(list(_flat(schema.empty_table()).column_names), 0)
        check_size(file.metadata.num_rows, len(names), name)
        classes = _classes(schema)
        most = max(FREE_BYTES, min(MAX_BYTES, MAX_RATIO * data.size))
        strings = _Strings(names, name, most, classes)
        for batch in _batches(data, file.metadata):
            strings.add(_flat(pa.Table.from_batches([batch])))
            if progress:
                progress(strings.rows)
        if strings.rows != file.metadata.num_rows:
            raise ValueError(f"{strings.rows:,} of {file.metadata.num_rows:,} rows are there")
    except MemoryError:  # Arrow's is one of its exceptions, too
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        raise DataError(
            f"{plain(name)} is a damaged Parquet file ({plain(error, 120)}). Export or download "
            "it again."
        ) from None
    if nested:
        inner = [n for n in names if n.split(".", 1)[0] in nested]
        warnings.append(
            f"The nested {'column' if len(nested) == 1 else 'columns'} {listed(nested, 5)} of "
            f"{plain(name)} {'was' if len(nested) == 1 else 'were'} read as {listed(inner, 5)}."
        )
    warnings += [
        Note(
            f"The numbers of the column {quoted(column)} of {plain(name)} were read as the names "
            f"of classes that the file gives for them: {listed(class_names, 8)}."
        )
        for column, class_names in classes.items()
    ]
    return Content(
        strings.spool.table(),
        rows=strings.rows,
        warnings=tuple(warnings),
        lists=strings.lists,
        typed=strings.typed,
        replaced=strings.replaced,
    )


class _Strings:
    """Takes tables of one schema and keeps them as strings, with what was odd about them."""

    def __init__(
        self, names: list[str], name: str, most: int, classes: dict[str, list[str]]
    ) -> None:
        self.rows = self._bytes = 0
        self.spool = TableSpool()
        self.lists: dict[str, list[int]] = {}
        self.typed: dict[str, int] = {}
        self.replaced: dict[str, int] = {}
        self._names, self._name, self._most, self._classes = names, name, most, classes

    def add(self, table: pa.Table) -> None:
        """Take one table; it is cut where its strings, written out, would be very long."""
        size = sum(_written_bytes(chunk) for column in table.columns for chunk in column.chunks)
        if size > _WRITTEN and table.num_rows > 1:
            half = table.num_rows // 2
            self.add(table.slice(0, half))
            self.add(table.slice(half))
            return
        self._bytes += size
        if self._bytes > self._most:
            raise _too_large(self._name, self._most)
        if size > MAX_WHOLE_BYTES:
            raise _too_large(self._name, MAX_WHOLE_BYTES, " in one row")
        columns = []
        for column, values in zip(self._names, table.columns, strict=True):
            if column in self._classes:
                values = _named(values, self._classes[column])
            kind = values.type
            filled = len(values) - values.null_count
            if pa.types.is_nested(kind):
                rows = pc.indices_nonzero(values.is_valid()).to_pylist()
                self.lists.setdefault(column, []).extend(self.rows + row for row in rows)
            elif not _holds_text(kind) and filled:
                self.typed[column] = self.typed.get(column, 0) + filled
            texts, changed = _texts(values)
            if changed:
                self.replaced[column] = self.replaced.get(column, 0) + changed
            columns.append(texts)
        self.rows += table.num_rows
        self.spool.add(pa.table(columns, names=self._names))


def _classes(schema: pa.Schema) -> dict[str, list[str]]:
    """The names of classes by column, as the ``datasets`` library notes them in Parquet files.

    Columns of whole numbers only; nothing where the note cannot be understood.
    """
    names_of_column: dict[str, list[str]] = {}
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        for column, feature in features.items():
            names = feature["names"] if feature.get("_type") == "ClassLabel" else None
            there = schema.get_all_field_indices(column)
            if names and len(there) == 1 and pa.types.is_integer(schema.field(there[0]).type):
                if all(isinstance(name, str) and name.strip() for name in names):
                    names_of_column[column] = list(names)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return {}
    return names_of_column


def _named(values: pa.ChunkedArray, names: list[str]) -> pa.ChunkedArray:
    """Numbers of classes as names: nothing for a negative one; a number without a name stays."""
    numbers = values.cast(pa.int64(), safe=False)
    known = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(names)))
    named_values = pc.take(pa.array(names, pa.string()), pc.if_else(known, numbers, None))
    beyond = pc.if_else(pc.less(numbers, 0), None, numbers).cast(pa.string())
    return pc.coalesce(named_values, beyond)


def _batches(data: ByteSource, metadata: pq.FileMetaData) -> Iterator[pa.RecordBatch]:
    """The rows with strings kept as dictionaries: written out, a small file may fill the memory."""
    try:
        yield from _read(data, _dictionaries(metadata), CHUNK_ROWS)
    except pa.ArrowNotImplementedError:  # some encodings cannot be kept so
        yield from _read(data, [], _FEW_ROWS)


def _read(data: ByteSource, dictionaries: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    file = pq.ParquetFile(
        data.open(), read_dictionary=dictionaries, pre_buffer=False, buffer_size=1 << 20
    )
    for batch in file.iter_batches(batch_size=rows):
        batch.validate()
        yield batch


def _too_large(name: str, limit: int, where: str = "") -> DataError:
    return DataError(
        f"{plain(name)} unpacks to more than {limit >> 20:,} MiB{where}. Split it, or keep only "
        "the columns that are needed."
    )


def _dictionaries(metadata: pq.FileMetaData) -> list[str]:
    """The columns of bytes or strings that are stored with a dictionary, as paths."""
    columns = set()
    for group in range(metadata.num_row_groups):
        for position in range(metadata.num_columns):
            column = metadata.row_group(group).column(position)
            if column.physical_type == "BYTE_ARRAY" and column.has_dictionary_page:
                columns.add(column.path_in_schema)
    return sorted(columns)


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
            return texts.cast(pa.string()), 0
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
    written = [_written(value) for value in values.to_pylist()]
    array, _ = text_array([text for text, _ in written])
    return pa.chunked_array([array]), sum(changed for _, changed in written)


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
