"""One file of an import, with the columns that matter found and its texts looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from llkd.datasets.annotations import Annotations, annotations_of
from llkd.datasets.annotations.reading import own_id
from llkd.datasets.checks.class_names import Cells
from llkd.datasets.checks.columns import column_called_label, find_column, guess_id, look_at
from llkd.datasets.checks.columns import text_column as choose_text
from llkd.datasets.checks.scan import (
    Scan,
    scan,
)
from llkd.datasets.readers.records import Records, read_records
from llkd.datasets.readers.tables import Progress
from llkd.datasets.readers.temp_buffer import steps
from llkd.datasets.text_set import Reading
from llkd.datasets.wording import count, listed, plain, quoted
from llkd.errors import DataError


@dataclass(frozen=True)
class ParsedFile:
    """One file as it was read, with the columns that matter.

    ``annotations``: what people said in an annotation tool, of the question ``question`` where one
    was chosen; ``label`` is None then.
    """

    records: Records
    name: str
    column: str
    label: str | None
    ident: str | None
    text: pa.ChunkedArray
    gold: list[str | None]
    scan: Scan
    warnings: tuple[str, ...]
    annotations: Annotations | None = None
    question: str | None = None


def read_part(
    part: Any, reading: Reading, first: ParsedFile | None, progress: Progress
) -> ParsedFile:
    """Read one file or member; of a further one (``first`` is given) with the same columns.

    Raises DataError: a column is missing or no text is usable.
    """
    if first:  # files of one import have their columns in common
        label_column = first.label or first.question or reading.label_column
        reading = replace(
            reading, text_column=first.column, label_column=label_column, id_column=first.ident
        )
    column_names = (reading.text_column, reading.label_column, reading.id_column)
    records = read_records(
        part.path,
        part.name,
        member=part.member,
        named=[wanted for wanted in column_names if wanted],
        blocks=reading.blocks,
        progress=progress,
    )
    return parse_records(records, part.label, reading, first)


def parse_records(
    records: Records, name: str, reading: Reading, first: ParsedFile | None = None
) -> ParsedFile:
    """Records called ``name``, their columns found and their texts looked at.

    Raises DataError: a column is missing or no text is usable.
    """
    column, warnings = _text_column(records, reading.text_column, first)
    label = None
    annotations = annotations_of(records, column, reading.label_column)
    of_question = annotations is not None and (
        reading.label_column is None or annotations.pick(reading.label_column)[1] is not None
    )
    if reading.label_column and not of_question:
        label = find_column(records, reading.label_column, "--label-column")
    if label == column:
        raise DataError(
            f"The column {quoted(column)} of {plain(records.name)} cannot be both the text and the "
            "label. Choose another one with --label-column."
        )
    if reading.id_column:
        ident: str | None = find_column(records, reading.id_column, "--id-column")
    else:
        ident = own_id(records) or guess_id(records)
    text = records.table.column(column)
    text_scan = scan(text, records.lists.get(column, ()))
    if not (text_scan.state == 0).any():
        raise DataError(
            f"{plain(records.name)} holds no usable text: "
            f"{count(len(text), 'value')} of the column {quoted(column)} "
            f"{'is' if len(text) == 1 else 'are'} blank. Choose another column with --text-column."
        )
    ident = ident if ident != column else None
    cells = Cells()
    gold = gold_of(records, label, cells)
    if label is not None:
        warnings += cells.changes(label)
    return ParsedFile(
        records,
        name,
        column,
        label,
        ident,
        text,
        gold,
        text_scan,
        tuple(warnings),
        annotations if label is None else None,
        reading.label_column if of_question else None,
    )


def _text_column(
    records: Records, wanted: str | None, first: ParsedFile | None
) -> tuple[str, list[str]]:
    """The text column; of a further file the one that has the name of the first file's."""
    if first is None or len(records.columns) == len(first.records.columns) == 1:
        return choose_text(records, None if first else wanted)
    try:
        find_column(records, first.column, "--text-column")
    except DataError:
        raise DataError(
            f"{plain(records.name)} has no column {quoted(first.column)}, which holds the texts of "
            f"{plain(first.name)}; its columns are {listed(records.columns, 12)}. Give the columns "
            "the same name in all files."
        ) from None
    return choose_text(records, wanted)


def unused_label(part: ParsedFile) -> str | None:
    """About a column that is called like a label and was not taken as gold, if there is one."""
    records = part.records
    if part.annotations is not None:
        return None
    column = column_called_label(records, {part.column, part.ident})
    if part.label is not None or column is None or not look_at(records, column).values:
        return None
    where = f"The column {quoted(column)} of {plain(part.name)} was not taken as gold labels: "
    if look_at(records, column).lists:
        return (
            f"{where}its values are lists or objects, and a text has one label here. Write one "
            f"label in each cell, and choose it with --label-column {quoted(column)}."
        )
    return (
        f"{where}no label column was chosen. If people gave these labels, choose it with "
        f"--label-column {quoted(column)}, or as the gold label on the Data page."
    )


def gold_of(records: Records, label: str | None, cells: Cells) -> list[str | None]:
    """The labels of a column, cleaned; None for each record where there is no column."""
    if label is None:
        return [None] * records.table.num_rows
    gold: list[str | None] = []
    for chunk in steps(records.table.column(label).chunks):
        gold += map(cells, chunk.to_pylist())
    return gold
