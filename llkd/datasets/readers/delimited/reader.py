"""Reads separated values: finds the separator, the quoting and the header, and counts what is odd.

The file is first read by the rules (RFC 4180). Only where that fails, or rows come out uneven, are
other habits tried: quotes after a space, quotes escaped by a backslash, quotes as plain characters.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import islice

from llkd.datasets.limits import MAX_WHOLE_BYTES, SAMPLE_RECORDS
from llkd.datasets.readers.byte_source import BLOCK, ByteSource
from llkd.datasets.readers.delimited.plain_pieces import PieceReader
from llkd.datasets.readers.delimited.quote_dialect import (
    OTHERS,
    RULES,
    SINGLE,
    BrokenQuote,
    QuoteDialect,
    RecordReader,
    cut_in_single_quotes,
    has_long_line,
    quotes_after_space,
)
from llkd.datasets.readers.delimited.separators import Separator, find_separator
from llkd.datasets.readers.header import find_header, name_columns
from llkd.datasets.readers.tables import Content, Progress, TableBuilder, check_size, without_empty
from llkd.datasets.wording import choices, count, places, plain, quoted
from llkd.errors import DataError


@dataclass(frozen=True)
class _File:
    """What stays the same from one reading to the next."""

    data: ByteSource
    name: str
    separator: Separator
    progress: Progress
    named: Collection[str]
    long_lines: bool


class _Uneven(Exception):
    pass


@dataclass
class _Parsed:
    """One reading of the file."""

    name: str
    builder: TableBuilder
    blank_names: list[int]
    warnings: list[str]
    records: int = 0
    short: list[int] = field(default_factory=list)  # line numbers
    long: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    first: list[list[str]] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)  # record numbers

    @property
    def uneven(self) -> int:
        return len(self.short) + len(self.long)


def read_delimited(
    data: ByteSource, name: str, progress: Progress = None, named: Collection[str] = ()
) -> Content:
    """Read UTF-8 bytes as a table; ``named`` are columns that the user asked for.

    Raises:
        DataError: a quote is never closed, or most rows do not fit the header.
    """
    csv.field_size_limit(MAX_WHOLE_BYTES)  # of the whole process; the default refuses long texts
    separator = find_separator(data)
    check_size(1, separator.columns, name)
    parsed, habit = _best(_File(data, name, separator, progress, named, has_long_line(data)))
    warnings = list(parsed.warnings)
    if habit.warning:
        warnings.insert(0, f"{plain(name)}: {habit.warning}")
    if separator.inside:
        warnings.append(
            f"{plain(name)} was read as one column, separators included, because its first line "
            "names only one column."
        )
    elif separator.unusual:
        warnings.append(f"{plain(name)} is separated by {quoted(separator.character)}.")
    warnings += _dialect_warnings(parsed, name)
    table = parsed.builder.table()
    table, warnings_of_blank = without_empty(table, parsed.blank_names, name)
    left_out = len(parsed.long) + len(parsed.repeated)
    return Content(
        table,
        rows=parsed.records,
        left_out=left_out,
        warnings=tuple(warnings + warnings_of_blank),
        delimiter=separator.character if len(parsed.builder.names) > 1 else None,
        numbers=_remaining(parsed.records, parsed.skipped) if left_out else None,
    )


def _best(file: _File) -> tuple[_Parsed, QuoteDialect]:
    broken: BrokenQuote | None = None
    parsed: _Parsed | None = None
    single = False
    try:
        parsed = _parse(file, RULES)
        # A file that quotes its header with " does not quote its values with another mark.
        single = not file.separator.quoted_header and cut_in_single_quotes(parsed.first)
        if not parsed.uneven and not single and not quotes_after_space(parsed.first):
            return parsed, RULES
    except BrokenQuote as error:
        broken = error
    for habit in OTHERS:
        if not habit.quotes and (not broken or file.separator.quoted_header):
            continue
        if habit is SINGLE and not single:
            continue
        if habit.backslash and not file.data.holds(b'\\"'):
            continue
        if habit.after_space and not file.data.holds(b' "'):
            continue
        try:
            other = _parse(file, habit, even=True)
        except (BrokenQuote, _Uneven):
            continue
        if not quotes_after_space(other.first) or not habit.quotes:
            return other, habit
    if parsed is None:
        line = broken.line if broken else 1
        raise DataError(
            f"{plain(file.name)} has a quote in line {line:,} that is not closed as it should be. "
            'Close it, or write each quote inside a text twice (""), and import the file again.'
        )
    return parsed, RULES


def _parse(file: _File, habit: QuoteDialect, even: bool = False) -> _Parsed:
    """Read it all by one habit; with ``even``, raise _Uneven at the first row that does not fit."""
    name = file.name
    rows = RecordReader(file.data, file.separator, habit, name, long_lines=file.long_lines)
    first = list(islice(rows, SAMPLE_RECORDS))
    while first and not any(cell.strip() for cell in first[0][1]):
        first.pop(0)  # separators only, above the header
    sample = [row for _, row in first if any(cell.strip() for cell in row)]
    filled = [index for index, (_, row) in enumerate(first) if any(c.strip() for c in row)]
    header = find_header(sample, file.named)
    raw = None if header.index is None else sample[header.index]
    start = 0 if header.index is None else filled[header.index] + 1
    width = len(raw) if raw is not None else _usual_width(sample)
    shifted = raw is not None and _lacks_first_name(raw, [row for _, row in first[start:]])
    if shifted and raw is not None:
        raw = ["", *raw]
        width += 1
    names, blank, warnings = name_columns(raw, width)
    check_size(1, width, name)
    if shifted:
        blank = blank[1:]
        warnings.append(
            f"The header of {plain(name)} has one name fewer than the rows have values; the first "
            f"column was called '{names[0]}'."
        )
    warnings += _header_warnings(header.index, first[start - 1][0] if start else 1, names, name)
    parsed = _Parsed(name, TableBuilder(names, name, file.progress), blank, warnings)
    parsed.first = [row for _, row in first[start:]]
    _fill(parsed, raw, first[start:], even)
    if habit is RULES and not file.long_lines and file.separator.character.isascii():
        _fill_by_pieces(file, parsed, raw, rows)
    else:
        _fill(parsed, raw, rows, even)
    return parsed


def _fill_by_pieces(
    file: _File, parsed: _Parsed, raw: list[str] | None, rows: RecordReader
) -> None:
    """Some MiB at a time: at once where a piece keeps the rules throughout, else row by row."""
    place = rows.place
    pieces = PieceReader(file.data, file.separator.character, parsed.builder.names, raw)
    while place.offset < file.data.size:
        piece = pieces.read(place)
        if piece is not None:
            parsed.builder.add_table(piece.table)
            parsed.records += piece.table.num_rows
            place = piece.end
            continue
        by_row = RecordReader(
            file.data, file.separator, RULES, file.name, long_lines=False, place=place
        )
        for record in by_row:
            _fill(parsed, raw, [record], even=False)
            if by_row.place.offset >= place.offset + BLOCK:
                break
        place = by_row.place


def _fill(
    parsed: _Parsed,
    raw: list[str] | None,
    rows: Iterable[tuple[int, list[str]]],
    even: bool,
) -> None:
    width = len(parsed.builder.names)
    for number, (line, row) in enumerate(rows, start=parsed.records + 1):
        parsed.records = number
        if len(row) != width:
            if len(row) > width and not any(cell.strip() for cell in row[width:]):
                row = row[:width]  # a separator too many at the end
            elif even:
                raise _Uneven
            elif len(row) > width:
                parsed.long.append(line)
                parsed.skipped.append(number)
                check_size(number, 1, parsed.name)
                continue
            else:
                parsed.short.append(line)
                row = row + [None] * (width - len(row))  # type: ignore[list-item]
        elif row == raw and width > 1:
            parsed.repeated.append(line)
            parsed.skipped.append(number)
            check_size(number, 1, parsed.name)
            continue
        parsed.builder.add(row)


def _remaining(records: int, skipped: list[int]) -> list[int]:
    """The record numbers of the rows that were kept."""
    gone = set(skipped)
    return [number for number in range(1, records + 1) if number not in gone]


def _usual_width(sample: list[list[str]]) -> int:
    widths = [len(row) for row in sample]
    return max(set(widths), key=lambda w: (widths.count(w), w)) if widths else 1


def _lacks_first_name(raw: list[str], rows: list[list[str]]) -> bool:
    """Whether the header was saved without a name for the row index, as R does."""
    if len(rows) < 2 or any(len(row) != len(raw) + 1 or not row[-1].strip() for row in rows):
        return False
    return len({row[0] for row in rows}) == len(rows)


def _header_warnings(index: int | None, line: int, names: list[str], name: str) -> list[str]:
    shown = choices(names, 6)
    if index is None:
        return [
            f"{plain(name)} has no line of column names: its first line looks like data. Its "
            f"columns were called {shown}."
        ]
    if index:
        return [
            f"The header of {plain(name)} was taken from line {line:,} ({shown}); the lines above "
            "it were left out."
        ]
    return []


def _dialect_warnings(parsed: _Parsed, name: str) -> list[str]:
    width = len(parsed.builder.names)
    if len(parsed.long) > 1 and 2 * len(parsed.long) > parsed.records:
        raise DataError(
            f"{plain(name)} names {count(width, 'column')}, but {count(len(parsed.long), 'row')} "
            f"of {parsed.records:,} have more values ({places('line', parsed.long)}). Put texts "
            "that hold the separator in quotes, or repair the first line."
        )
    warnings = []
    if parsed.long:
        warnings.append(
            f"{count(len(parsed.long), 'row')} of {plain(name)} "
            f"{'has' if len(parsed.long) == 1 else 'have'} more values than the {width} columns "
            f"and {'was' if len(parsed.long) == 1 else 'were'} left out "
            f"({places('line', parsed.long)}). Put texts that hold the separator in quotes."
        )
    if parsed.short:
        warnings.append(
            f"{count(len(parsed.short), 'row')} of {plain(name)} "
            f"{'has' if len(parsed.short) == 1 else 'have'} fewer values than the {width} columns "
            f"({places('line', parsed.short)}); the missing ones are blank."
        )
    if parsed.repeated:
        warnings.append(
            f"The header of {plain(name)} comes again in {places('line', parsed.repeated)}, which "
            f"{'was' if len(parsed.repeated) == 1 else 'were'} left out."
        )
    return warnings
