"""What was read, as JSON beside columns of Arrow in a file: how one process hands it to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from llkd.datasets.annotations.judgements import PeopleLabels
from llkd.datasets.checks.repeats import NearDuplicates
from llkd.datasets.checks.statistics import Cut, Histogram, Statistics
from llkd.datasets.readers.records import Records
from llkd.datasets.readers.tables import text_array
from llkd.datasets.readers.temp_buffer import mapped, steps, write_stream
from llkd.datasets.rows import Rows
from llkd.datasets.source import Source
from llkd.datasets.text_set import FileCount, TextSet, frame
from llkd.datasets.wording import Note

Packed = dict[str, Any]
Keep = Callable[[Any], Any]
"""Puts a column into the file, or takes it out again."""

_NOT_PLAIN = {"table", "warnings", "numbers", "lists"}


def writer(file: IO[bytes]) -> Keep:
    """Takes an Arrow array, chunked or not; gives the place of it in the file."""

    def keep(values: Any) -> list[int]:
        if isinstance(values, pa.Array):
            values = pa.chunked_array([values])
        schema = pa.schema([("values", values.type)])
        return list(write_stream(file, schema, _batches(values, schema)))

    return keep


def _batches(values: pa.ChunkedArray, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for chunk in steps(values.chunks):
        yield pa.record_batch([chunk], schema=schema)


def reader(file: IO[bytes]) -> Keep:
    """Gives back the column at a place of the file, checked: every text is valid UTF-8."""
    whole = mapped(file)

    def take(place: Sequence[int]) -> pa.ChunkedArray:
        start, size = place
        column = pa.ipc.open_stream(whole.slice(start, size)).read_all().column(0)
        for chunk in steps(column.chunks):
            chunk.validate(full=True)
        return column

    return take


def _pack_warnings(warnings: Sequence[str]) -> list[list[Any]]:
    return [[str(warning), isinstance(warning, Note)] for warning in warnings]


def _warnings(packed: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    return tuple(Note(text) if note else text for text, note in packed)


def pack_records(records: Records, keep: Keep) -> Packed:
    """All of :class:`Records`."""
    plain = {f.name: getattr(records, f.name) for f in fields(records) if f.name not in _NOT_PLAIN}
    return {
        **plain,
        "typed": dict(records.typed),
        "replaced": dict(records.replaced),
        "warnings": _pack_warnings(records.warnings),
        "numbers": None if records.numbers is None else keep(_whole_numbers(records.numbers)),
        "lists": {column: keep(_whole_numbers(rows)) for column, rows in records.lists.items()},
        "columns": list(records.columns),
        "table": [keep(column) for column in records.table.columns],
    }


def unpack_records(packed: Packed, take: Keep) -> Records:
    """What :func:`pack_records` was given."""
    plain = {name: value for name, value in packed.items() if name not in {*_NOT_PLAIN, "columns"}}
    numbers = packed["numbers"]
    return Records(
        **plain,
        table=pa.table([take(place) for place in packed["table"]], names=packed["columns"]),
        warnings=_warnings(packed["warnings"]),
        numbers=None if numbers is None else take(numbers).to_pylist(),
        lists={column: take(place).to_pylist() for column, place in packed["lists"].items()},
    )


def _whole_numbers(values: Sequence[int]) -> pa.Array:
    return pa.array(values, type=pa.int64())


def pack_source(source: Source) -> Packed:
    """All of :class:`Source`, without a file."""
    plain = {f.name: getattr(source, f.name) for f in fields(source)}
    head = [source.head[column].tolist() for column in source.head.columns]
    return {**plain, "head": head, "warnings": _pack_warnings(source.warnings)}


def unpack_source(packed: Packed) -> Source:
    """What :func:`pack_source` was given."""
    columns = tuple(packed["columns"])
    head = {
        column: pd.Series(cells, dtype=object)
        for column, cells in zip(columns, packed["head"], strict=True)
    }
    return Source(
        **{
            **packed,
            "columns": columns,
            "head": pd.DataFrame(head, columns=list(columns)),
            "warnings": _warnings(packed["warnings"]),
        }
    )


def pack_rows(rows: Rows, keep: Keep) -> Packed:
    """All of :class:`Rows`."""
    return {
        "ids": keep(pa.array(rows.ids, pa.string())),
        "texts": keep(pa.array(rows.texts, pa.large_string())),
        "column": rows.column,
        "warnings": _pack_warnings(rows.warnings),
    }


def unpack_rows(packed: Packed, take: Keep) -> Rows:
    """What :func:`pack_rows` was given."""
    return Rows(
        ids=take(packed["ids"]).to_pylist(),
        texts=take(packed["texts"]).to_pylist(),
        column=packed["column"],
        warnings=_warnings(packed["warnings"]),
    )


def pack_text_set(texts: TextSet, keep: Keep) -> Packed:
    """All of :class:`TextSet`, its statistics too."""
    return {
        "texts": {name: keep(_arrow(texts.texts[name])) for name in texts.texts.columns},
        "rows": texts.rows,
        "dropped": dict(texts.dropped),
        "labels": list(texts.labels),
        "warnings": _pack_warnings(texts.warnings),
        "files": [asdict(file) for file in texts.files],
        "near": None if texts.near is None else asdict(texts.near),
        "near_later": texts.near_later,
        "groups": None if texts.groups is None else keep(pa.array(texts.groups)),
        "statistics": texts.statistics.document(),
        "label_column": texts.label_column,
        "unused_label": texts.unused_label,
        "people": None if texts.people is None else _pack_people(texts.people, keep),
    }


def _pack_people(people: PeopleLabels, keep: Keep) -> Packed:
    return {
        "tool": people.tool,
        "question": people.question,
        "position": keep(_whole_numbers(people.position)),
        "who": keep(pa.array(people.who, pa.string())),
        "label": keep(pa.array(people.label, pa.string())),
    }


def _unpack_people(packed: Packed, take: Keep) -> PeopleLabels:
    columns = {name: take(packed[name]).to_pylist() for name in ("position", "who", "label")}
    return PeopleLabels(packed["tool"], packed["question"], **columns)


def _arrow(series: pd.Series) -> Any:
    if isinstance(series.dtype, pd.ArrowDtype):
        return pa.array(series, type=pa.string())
    return text_array(series.tolist())[0]  # the name of a file may be no Unicode


def unpack_text_set(packed: Packed, take: Keep) -> TextSet:
    """What :func:`pack_text_set` was given."""
    columns: dict[str, Any] = {name: take(place) for name, place in packed["texts"].items()}
    for name in columns.keys() - {"id", "text"}:
        columns[name] = columns[name].to_pylist()
    groups, near = packed["groups"], packed["near"]
    return TextSet(
        texts=frame(columns),
        rows=packed["rows"],
        dropped=packed["dropped"],
        labels=tuple(packed["labels"]),
        warnings=_warnings(packed["warnings"]),
        files=tuple(FileCount(**file) for file in packed["files"]),
        near=None if near is None else NearDuplicates(**near),
        near_later=packed["near_later"],
        groups=None if groups is None else np.array(take(groups).to_numpy()),
        measured=unpack_statistics(packed["statistics"]),
        label_column=packed["label_column"],
        unused_label=packed["unused_label"],
        people=None if packed["people"] is None else _unpack_people(packed["people"], take),
    )


def unpack_statistics(document: Mapping[str, Any]) -> Statistics:
    """Of the document of :class:`Statistics`."""
    histogram = document["histogram"]
    return Statistics(
        **{
            **document,
            "histogram": Histogram(tuple(histogram["edges"]), tuple(histogram["counts"])),
            "cut": tuple(Cut(**cut) for cut in document["cut"]),
        }
    )
