"""Ids of texts: those of the file where they serve, else numbers of records; unique in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from llkd.datasets.characters import storable
from llkd.datasets.readers.records import Records
from llkd.datasets.readers.tables import Column
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
    arrays: list[pa.Array] = []
    own = True
    for part in parts:
        own_ids, why = _own(part)
        if why and len(parts) > 1:
            why = f"{plain(part.name)}: {why}"
        warnings += [why] if why else []
        own = own and own_ids is not None
        arrays.append(_numbers(part) if own_ids is None else own_ids)
    if len(parts) == 1:
        return pa.chunked_array(arrays), warnings
    joined = pa.chunked_array(arrays)
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
    return pa.chunked_array(named), warnings


def _numbers(part: Named) -> pa.Array:
    numbers: Any = part.records.numbers
    if numbers is None:
        new_numbers = part.rows + 1
    else:
        new_numbers = np.asarray(numbers, dtype=np.int64)[part.rows]
    return pa.array(new_numbers).cast(pa.string())


def _own(part: Named) -> tuple[pa.Array | None, str]:
    """The file's own ids, or None and why not."""
    if part.column is None:
        return None, ""
    records = part.records
    values = Column([records.table.column(part.column)]).take(part.rows)
    ids = [storable(value or "") for value in values]
    blank = [records.number(int(row)) for row, ident in _with(part, ids) if not ident.strip()]
    ids_so_far: set[str] = set()
    twice: list[int] = []
    for row, ident in _with(part, ids):
        if ident in ids_so_far and ident.strip():
            twice.append(records.number(int(row)))
        ids_so_far.add(ident)
    if not blank and not twice:
        return pa.array(ids, type=pa.string()), ""
    reasons = []
    if blank:
        reasons.append(f"is blank in {places('record', blank)}")
    if twice:
        reasons.append(f"repeats itself in {places('record', twice)}")
    return None, (
        f"The id column {quoted(part.column)} {' and '.join(reasons)}, so the ids are record "
        "numbers."
    )


def _with(part: Named, ids: list[str]) -> Any:
    return zip(part.rows, ids, strict=True)
