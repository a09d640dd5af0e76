"""Ids of texts: those of the file where they serve, else numbers of records; unique in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llkd.datasets.characters import storable
from llkd.datasets.checks.text_bytes import TextBytes
from llkd.datasets.readers.records import Records
from llkd.datasets.readers.tables import Column
from llkd.datasets.readers.temp_buffer import steps
from llkd.datasets.wording import places, plain, quoted


@dataclass(frozen=True)
class Named:
    """The kept rows of one file, and the column with their ids, if there is one."""

    records: Records
    name: str
    column: str | None
    rows: npt.NDArray[np.int64]


def ids_of(parts: list[Named]) -> tuple[pa.ChunkedArray, list[str]]:
    """An id for each kept row, and what to tell: why ids of a file were not used or were changed.

    Of several files, ids that would not be unique are put after the name of their file.
    """
    warnings: list[str] = []
    arrays: list[pa.ChunkedArray] = []
    own = True
    for part in parts:
        own_ids, why = _own(part)
        if why and len(parts) > 1:
            why = f"{plain(part.name)}: {why}"
        warnings += [why] if why else []
        own = own and own_ids is not None
        arrays.append(_numbers(part) if own_ids is None else own_ids)
    if len(parts) == 1:
        return arrays[0], warnings
    joined = pa.chunked_array([chunk for array in arrays for chunk in array.chunks])
    if own and pc.count_distinct(joined).as_py() == len(joined):
        return joined, warnings
    named = [
        pc.binary_join_element_wise(storable(part.name), array, ":")
        for part, array in zip(parts, arrays, strict=True)
    ]
    if own:
        warnings.append(
            "Some ids stand in more than one file, so each was put after the name of its file "
            f"(such as {quoted(named[0][0].as_py())})."
        )
    chunks = [chunk for array in named for chunk in array.chunks]
    return pa.chunked_array(chunks, type=pa.string()), warnings


def _numbers(part: Named) -> pa.ChunkedArray:
    numbers: Any = part.records.numbers
    if numbers is None:
        new_numbers = part.rows + 1
    else:
        new_numbers = np.asarray(numbers, dtype=np.int64)[part.rows]
    return pa.chunked_array([pa.array(new_numbers).cast(pa.string())])


def _own(part: Named) -> tuple[pa.ChunkedArray | None, str]:
    """The file's own ids, or None and why not."""
    if part.column is None:
        return None, ""
    records = part.records
    column = records.table.column(part.column)
    as_written = _of_rows(column, part.rows)
    if _serve(as_written):
        return as_written, ""
    values = Column([column]).take(part.rows)
    ids = [storable(value or "") for value in values]
    blank = [records.number(int(row)) for row, ident in _with(part, ids) if not ident.strip()]
    ids_so_far: set[str] = set()
    twice: list[int] = []
    for row, ident in _with(part, ids):
        if ident in ids_so_far and ident.strip():
            twice.append(records.number(int(row)))
        ids_so_far.add(ident)
    if not blank and not twice:
        return pa.chunked_array([pa.array(ids, type=pa.string())]), ""
    reasons = []
    if blank:
        reasons.append(f"is blank in {places('record', blank)}")
    if twice:
        reasons.append(f"repeats itself in {places('record', twice)}")
    return None, (
        f"The id column {quoted(part.column)} {' and '.join(reasons)}, so the ids are record "
        "numbers."
    )


def _of_rows(column: pa.ChunkedArray, rows: npt.NDArray[np.int64]) -> pa.ChunkedArray:
    """The cells of ascending rows, chunk by chunk."""
    if len(rows) == len(column):
        return column
    chunks, start = [], 0
    for chunk in steps(column.chunks):
        here = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + len(chunk))]
        chunks.append(chunk.take(pa.array(here - start)))
        start += len(chunk)
    return pa.chunked_array(chunks, type=column.type)


def _serve(ids: pa.ChunkedArray) -> bool:
    """Whether all are plainly ids that can be stored as they are: visible, no NUL, no two alike."""
    if ids.null_count:
        return False
    for chunk in ids.chunks:
        content = TextBytes.of(chunk)
        if not content.plain_ends().all() or not content.data.all():
            return False
    return bool(pc.count_distinct(ids).as_py() == len(ids))


def _with(part: Named, ids: list[str]) -> Any:
    return zip(part.rows, ids, strict=True)
