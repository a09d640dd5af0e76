"""From a file to its records: unpack, recognise by content, decode, read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import TextIOWrapper
from pathlib import Path

import pandas as pd
import pyarrow as pa

from llkd.datasets.csv_injection import without_our_guards
from llkd.datasets.limits import MAX_WHOLE_BYTES
from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.charsets import Decoded, to_utf8
from llkd.datasets.readers.containers import Payload, is_workbook, open_payload
from llkd.datasets.readers.delimited.reader import read_delimited
from llkd.datasets.readers.delimited.separators import USUAL, Separator, find_separator
from llkd.datasets.readers.fasttext import looks_labelled, with_label_column
from llkd.datasets.readers.header import has_known_name, looks_like_names
from llkd.datasets.readers.json.records import read_json
from llkd.datasets.readers.json.values import Reader, skip_space
from llkd.datasets.readers.lookalikes import lookalike_warnings
from llkd.datasets.readers.parquet import read_parquet
from llkd.datasets.readers.signatures import (
    BINARY_ENDINGS,
    ENDINGS,
    PARQUET,
    SUPPORTED,
    ZIP,
    ending,
    refuse_foreign,
)
from llkd.datasets.readers.tables import Content, Progress, TableBuilder
from llkd.datasets.readers.workbook import read_workbook
from llkd.datasets.wording import plain
from llkd.errors import DataError

_MARKS = b' \t\r\n,;|"'
TITLES = {
    "csv": "a table of separated values",
    "json": "JSON",
    "jsonl": "JSON Lines",
    "parquet": "Parquet",
    "xlsx": "an Excel workbook",
    "text": "plain text",
}


@dataclass(frozen=True)
class Records:
    """All records of a file as strings.

    ``table`` is an Arrow table of string columns in the order of the file, ``frame`` the same as
    a pandas frame (cells ``str`` or None). ``rows`` counts the records of the file; ``left_out``
    what could not be read as one (rows with too many fields are among ``rows``, lines that are no
    record are not). The rest is as in :class:`llkd.datasets.readers.tables.Content`.
    """

    name: str
    format: str
    encoding: str | None
    delimiter: str | None
    member: str | None
    table: pa.Table
    rows: int
    left_out: int
    warnings: tuple[str, ...]
    numbers: Sequence[int] | None
    lists: Mapping[str, Sequence[int]]
    typed: Mapping[str, int]
    replaced: Mapping[str, int]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.table.column_names)

    @property
    def frame(self) -> pd.DataFrame:
        """All columns; cells are ``str`` or None."""
        return frame_of(self.table)

    @classmethod
    def of_texts(cls, name: str, texts: Sequence[str]) -> Records:
        """Texts that came from no file, as the records of one column."""
        builder = TableBuilder(["text"], name)
        for text in texts:
            builder.add((text,))
        content = with_label_column(Content(builder.table(), rows=builder.rows), name)
        return cls(
            name=name,
            format="text",
            encoding=None,
            delimiter=None,
            member=None,
            table=content.table,
            rows=content.rows,
            left_out=0,
            warnings=content.warnings,
            numbers=None,
            lists={},
            typed={},
            replaced=builder.replaced,
        )

    def number(self, row: int) -> int:
        """The record number, from 1, of a row of the table."""
        return row + 1 if self.numbers is None else self.numbers[row]


def frame_of(table: pa.Table) -> pd.DataFrame:
    """The table as a pandas frame of ``str`` and None."""
    columns = {
        name: pd.Series(column.to_pylist(), dtype=object)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return pd.DataFrame(columns)


def read_records(
    path: str | Path,
    name: str | None = None,
    *,
    member: str | None = None,
    named: Collection[str] = (),
    blocks: bool = False,
    progress: Progress = None,
) -> Records:
    """Read every record of the file at ``path``.

    Args:
        path: a CSV, TSV, JSON, JSON Lines, Parquet, XLSX or text file, also as .gz or in a .zip.
        name: its original name where ``path`` is a temporary copy.
        member: which file of a zip archive; None where it holds a single table.
        named: columns that the user asked for; they tell which line is the header.
        blocks: in plain text a record is a block of lines up to a blank line, and not one line.
        progress: told the number of records read so far.

    Raises:
        NotFound: there is no such file.
        DataError: it is empty, damaged or not supported; the sentence says where and what to do.
    """
    payload = open_payload(path, name, member)
    shown = payload.name if member is None else f"{payload.name}, {payload.member}"
    payload = replace(payload, name=shown)
    if not payload.data.size:
        raise DataError(f"{plain(shown)} is empty. Choose a file with at least one text.")
    encoding: str | None = None
    if payload.data.head.startswith(PARQUET):
        kind, content = "parquet", read_parquet(payload.data, shown, progress)
    elif payload.data.head.startswith(ZIP) and is_workbook(payload.data):
        kind, content = "xlsx", read_workbook(payload.data, shown, progress, named)
    else:
        refuse_foreign(payload.data, shown)
        decoded = to_utf8(payload.data, shown)
        payload = replace(payload, data=decoded.data)  # what was packed is no longer needed
        encoding = decoded.encoding
        kind, content = _read_text(decoded, payload, progress, named, blocks)
        content = replace(content, warnings=(*decoded.warnings, *content.warnings))
    if not content.table.num_rows:
        raise DataError(
            f"{plain(shown)} has column names and no rows. Choose a file with at least one text."
        )
    content = with_label_column(content, shown)
    return Records(
        name=shown,
        format=kind,
        encoding=encoding,
        delimiter=content.delimiter,
        member=payload.member,
        table=content.table,
        rows=content.rows,
        left_out=content.left_out,
        warnings=(
            *payload.warnings,
            *_unlike_its_name(payload.hint, shown, kind),
            *content.warnings,
        ),
        numbers=content.numbers,
        lists=content.lists,
        typed=content.typed,
        replaced=content.replaced,
    )


def _unlike_its_name(hint: str, name: str, kind: str) -> tuple[str, ...]:
    suffix = ending(hint)
    expected = ENDINGS.get(suffix)
    if expected == kind or (expected is None and suffix not in BINARY_ENDINGS):
        return ()
    if {expected, kind} == {"json", "jsonl"}:
        return ()
    return (f"{plain(name)} was read as {TITLES[kind]}, in spite of the ending {plain(suffix)}.",)


def _read_text(
    decoded: Decoded, payload: Payload, progress: Progress, named: Collection[str], blocks: bool
) -> tuple[str, Content]:
    name = payload.name
    data = decoded.data
    if data.blank():
        raise DataError(f"{plain(name)} is empty. Choose a file with at least one text.")
    suffix = ending(payload.hint)
    expected = ENDINGS.get(suffix)
    if _is_json(data, expected):
        content, kind = read_json(data, name, lines=expected == "jsonl", progress=progress)
        return kind, content
    if looks_labelled(data):
        return "text", read_lines(data, name, progress)
    separator = find_separator(data)
    if data.blank(_MARKS):
        raise DataError(f"{plain(name)} holds separators and no value. Choose another file.")
    if expected == "csv":
        return "csv", without_our_guards(read_delimited(data, name, progress, named), name)
    as_blocks = blocks and expected == "text"
    if not as_blocks and _is_table(data, separator, strict=expected == "text"):
        return "csv", without_our_guards(read_delimited(data, name, progress, named), name)
    if suffix in BINARY_ENDINGS or expected in {"json", "jsonl"}:
        raise DataError(
            f"{plain(name)} is not what its ending {plain(suffix)} says: it holds plain words and "
            f"no table. Export it again. Supported are {SUPPORTED}."
        )
    content = read_lines(data, name, progress, blocks)
    warnings = lookalike_warnings(data, separator, name)
    return "text", replace(content, warnings=(*content.warnings, *warnings))


def _is_json(data: ByteSource, expected: str | None) -> bool:
    """Whether to read as JSON: by its ending when it begins so, else by its first value."""
    head = data.head.lstrip()[:1]
    if expected in {"json", "jsonl"}:
        return head in {b"[", b"{", b'"', b"'"} or not _is_table(data, find_separator(data), True)
    if head not in {b"[", b"{"}:
        return False
    if data.size > MAX_WHOLE_BYTES:  # only lines or an array can be read
        return head == b"[" or data.head.lstrip()[1:2] == b'"'
    text = data.whole().decode("utf-8")
    start = skip_space(text, 0)
    try:
        value, end = Reader().value(text, start, "")
    except DataError:
        return False
    after = text[end : end + 1]
    if isinstance(value, dict):
        return bool(value) and (not after or after in " \r\n\t{")
    return isinstance(value, list) and skip_space(text, end) == len(text)


def _is_table(data: ByteSource, separator: Separator, strict: bool) -> bool:
    """Whether a text without a telling ending is a table: even rows below a line of names."""
    if separator.columns < 2 or separator.share < 0.9 or separator.character not in USUAL:
        return False
    head = data.head[: 64 << 10].decode("utf-8", errors="ignore")
    lines = [line for line in head.splitlines() if line.strip()]
    names = lines[separator.skip].split(separator.character)
    names = [name.strip().strip('"') for name in names]
    if len(lines) < 2 + separator.skip or not looks_like_names(names):
        return False
    return has_known_name(names) or not strict


def read_lines(
    data: ByteSource, name: str, progress: Progress = None, blocks: bool = False
) -> Content:
    """UTF-8 bytes as one text in each line that is not white space, or in each block of lines."""
    builder = TableBuilder(["text"], name, progress)
    stream = TextIOWrapper(data.open(), encoding="utf-8", newline=None)
    for text in read_blocks(stream) if blocks else stream:
        text = text.rstrip("\n")
        if text.strip():
            builder.add((text,))
    if not builder.rows:
        raise DataError(f"{plain(name)} is empty: no line holds a text. Choose another file.")
    return Content(builder.table(), rows=builder.rows)


def read_blocks(lines: Iterable[str]) -> Iterator[str]:
    """Lines that follow each other as one text, up to a line without anything but white space."""
    block: list[str] = []
    for line in lines:
        if line.strip():
            block.append(line)
        elif block:
            yield "".join(block).rstrip("\n")
            block = []
    if block:
        yield "".join(block).rstrip("\n")
