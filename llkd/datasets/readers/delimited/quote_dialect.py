"""Ways of quoting values, and reading records by one of them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import TextIOWrapper

from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.delimited.plain_pieces import Place
from llkd.datasets.readers.delimited.separators import Separator
from llkd.datasets.wording import plain, quoted
from llkd.errors import DataError

_MAX_SEPARATORS = 1_000_000  # in one line
BEGINNING = Place()


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


class RecordReader:
    """Records of a file by one way of quoting, each with the number of the line it begins on.

    Lines without a character are none. ``place`` is the one behind the last record.
    """

    def __init__(
        self,
        data: ByteSource,
        separator: Separator,
        habit: QuoteDialect,
        name: str,
        *,
        long_lines: bool,
        place: Place = BEGINNING,
    ) -> None:
        """``long_lines``: whether some line may be very long, see :func:`has_long_line`."""
        stream = TextIOWrapper(
            data.part(place.offset, data.size).open(), encoding="utf-8", newline=""
        )
        self._offset = place.offset
        self._lines_before = place.lines
        if place == BEGINNING:
            for _ in range(separator.skip):
                self._offset += _bytes_of(stream.readline())
            self._lines_before = separator.skip
        self.place = Place(self._offset, self._lines_before)
        lines: Iterable[str] = stream
        if long_lines:
            lines = _bounded(lines, separator, name, self._lines_before + 1)
        self._reader = csv.reader(
            self._counted(lines),
            delimiter=separator.character,
            quotechar=habit.mark,
            quoting=csv.QUOTE_MINIMAL if habit.quotes else csv.QUOTE_NONE,
            escapechar="\\" if habit.backslash else None,
            skipinitialspace=habit.after_space,
            strict=True,
        )
        self._records = self._read()

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """The records that are left. Raises BrokenQuote for one that cannot be read."""
        return self._records

    def _read(self) -> Iterator[tuple[int, list[str]]]:
        begins = self._lines_before + 1
        try:
            for row in self._reader:
                lines = self._lines_before + self._reader.line_num
                self.place = Place(self._offset, lines)
                if row:
                    yield begins, row
                begins = lines + 1
        except csv.Error as error:
            raise BrokenQuote(begins, str(error)) from None

    def _counted(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self._offset += _bytes_of(line)
            yield line


def _bytes_of(line: str) -> int:
    return len(line) if line.isascii() else len(line.encode("utf-8"))


def has_long_line(data: ByteSource) -> bool:
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


def _bounded(lines: Iterable[str], separator: Separator, name: str, first: int) -> Iterator[str]:
    """The lines; one with a million separators is refused before it becomes a million values."""
    for number, line in enumerate(lines, start=first):
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
