"""Ways of quoting values, and reading records by one of them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import TextIOWrapper

from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.delimited.separators import Separator
from llkd.datasets.wording import plain, quoted
from llkd.errors import DataError

_MAX_SEPARATORS = 1_000_000  # in one line


@dataclass(frozen=True)
class QuoteDialect:
    """One way of quoting, and what to tell when it was needed."""

    quotes: bool = True
    backslash: bool = False
    after_space: bool = False
    warning: str = ""
    mark: str = '"'


RULES = QuoteDialect()
SINGLE = QuoteDialect(warning="Its fields are in single quotes, which were taken away.", mark="'")
OTHERS = (
    SINGLE,
    QuoteDialect(after_space=True, warning="Spaces before quoted fields were left out."),
    QuoteDialect(
        backslash=True, warning="Quotes are escaped by backslashes, which were taken away."
    ),
    QuoteDialect(
        after_space=True,
        backslash=True,
        warning="Spaces before quoted fields and backslashes before quotes were left out.",
    ),
    QuoteDialect(
        quotes=False, warning="Quotes are not closed in it; they were read as plain characters."
    ),
)


class BrokenQuote(Exception):
    """The record that begins on ``line`` cannot be read by the habit."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def records(
    data: ByteSource, separator: Separator, habit: QuoteDialect, name: str
) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the line it begins on; lines without a character are none."""
    stream = TextIOWrapper(data.open(), encoding="utf-8", newline="")
    for _ in range(separator.skip):
        stream.readline()
    reader = csv.reader(
        _bounded(stream, separator, name) if _long_line(data) else stream,
        delimiter=separator.character,
        quotechar=habit.mark,
        quoting=csv.QUOTE_MINIMAL if habit.quotes else csv.QUOTE_NONE,
        escapechar="\\" if habit.backslash else None,
        skipinitialspace=habit.after_space,
        strict=True,
    )
    begins = separator.skip + 1
    try:
        for row in reader:
            if row:
                yield begins, row
            begins = separator.skip + reader.line_num + 1
    except csv.Error as error:
        raise BrokenQuote(begins, str(error)) from None


def _long_line(data: ByteSource) -> bool:
    """Whether some line may have more than a million bytes; costs far less than reading lines."""
    since = 0  # bytes since the last line end
    for block in data.blocks():
        end = block.find(b"\n")
        if since + (len(block) if end < 0 else end) > _MAX_SEPARATORS:
            return True
        start = end
        while end >= 0 and len(block) - start > _MAX_SEPARATORS:
            end = block.rfind(b"\n", start + 1, start + _MAX_SEPARATORS)
            if end < 0:
                return True
            start = end
        since = since + len(block) if start < 0 else len(block) - block.rfind(b"\n") - 1
    return False


def _bounded(lines: Iterable[str], separator: Separator, name: str) -> Iterator[str]:
    """The lines; one with a million separators is refused before it becomes a million values."""
    for number, line in enumerate(lines, start=separator.skip + 1):
        if len(line) > _MAX_SEPARATORS and line.count(separator.character) > _MAX_SEPARATORS:
            raise DataError(
                f"{plain(name)} has more than {_MAX_SEPARATORS:,} separators "
                f"({quoted(separator.character)}) in line {number:,}. Check that it has line ends."
            )
        yield line


def quotes_after_space(rows: list[list[str]]) -> bool:
    """Whether most of the first rows hold a field that is a space and then a quoted text."""
    hits = sum(any(_SPACED.fullmatch(cell) for cell in row) for row in rows)
    return bool(rows) and 2 * hits >= len(rows)


def cut_in_single_quotes(rows: list[list[str]]) -> bool:
    """Whether most of the first rows hold a single quote that is closed in a later field."""

    def cut(row: list[str]) -> bool:
        opens = [k for k, cell in enumerate(row) if _OPEN.match(cell)]
        return bool(opens) and any(_CLOSED.search(cell) for cell in row[opens[0] + 1 :])

    return bool(rows) and 2 * sum(map(cut, rows)) >= len(rows)


_OPEN = re.compile(r"\s*'[^']*$")
_CLOSED = re.compile(r"^[^']*'\s*$")
_SPACED = re.compile(r'\s+".*"\s*', re.S)
