"""What was found in a file before anything is stored: the preview of the Data page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from llkd.datasets.checks.columns import guess_id, guess_label, guess_text
from llkd.datasets.files import File, find_parts
from llkd.datasets.limits import HEAD_ROWS
from llkd.datasets.readers.records import Records, frame_of, read_records


@dataclass(frozen=True)
class Source:
    """A file's format, columns and first records.

    ``format`` is csv (any separator), json, jsonl, parquet, xlsx or text; ``member`` the file
    inside a zip archive; ``head`` the first 20 records, every cell a string; ``rows`` the number
    of records; the three columns are guesses, None where there is none or it would not be safe.
    """

    name: str
    format: str
    encoding: str | None
    delimiter: str | None
    member: str | None
    columns: tuple[str, ...]
    head: pd.DataFrame
    rows: int
    text_column: str | None
    label_column: str | None
    id_column: str | None
    warnings: tuple[str, ...]


def inspect(path: str | Path, name: str | None = None) -> Source:
    """Read the file at ``path`` and say what is in it; nothing is stored.

    Raises:
        NotFound: there is no such file.
        DataError: it is empty, damaged or not supported.
    """
    return source_of(read_records(path, name))


def inspect_files(
    files: Sequence[File], *, on_file: Callable[[str, int], None] = lambda name, files: None
) -> tuple[Source, ...]:
    """Read files and folders, and say what is in each table of them; nothing is stored.

    ``on_file`` is told the name of each before it is read, and how many there are.

    Raises:
        NotFound: there is no such file.
        DataError: one is empty, damaged or not supported; nothing of the others is read then.
    """
    parts = find_parts(files)
    sources = []
    for part in parts.parts:
        on_file(part.label, len(parts.parts))
        sources.append(source_of(read_records(part.path, part.name, member=part.member)))
    if parts.warnings:
        sources[0] = replace(sources[0], warnings=(*parts.warnings, *sources[0].warnings))
    return tuple(sources)


def source_of(records: Records) -> Source:
    """The preview of records that are read already."""
    text = guess_text(records)
    ident = guess_id(records)
    ident = ident if ident != text else None
    return Source(
        name=records.name,
        format=records.format,
        encoding=records.encoding,
        delimiter=records.delimiter,
        member=records.member,
        columns=records.columns,
        head=frame_of(records.table.slice(0, HEAD_ROWS)).fillna(""),
        rows=records.rows,
        text_column=text,
        label_column=guess_label(records, text, ident),
        id_column=ident,
        warnings=records.warnings,
    )
