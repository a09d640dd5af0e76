"""Pieces of a file in which every quote opens or closes a value, parsed by Arrow in one go.

Where each quote stands next to a separator, a line end or another quote, Arrow and Python's ``csv``
module read the same cells, to the letter. A piece that is otherwise, or has a row of another width
or the header again, is None here, and is read row by row with all that there is to tell about it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from llkd.datasets.readers.byte_source import BLOCK, ByteSource

_QUOTE, _LINE_FEED, _RETURN = b'"\n\r'
_MARK = b"\xef\xbb\xbf"  # a byte order mark: Arrow would leave it out


@dataclass(frozen=True)
class Place:
    """A place between two records: the bytes and the lines before it."""

    offset: int = 0
    lines: int = 0


@dataclass(frozen=True)
class PlainPiece:
    """Whole records as a table of strings, and the place behind them."""

    table: pa.Table
    end: Place


class PieceReader:
    """Reads pieces of UTF-8 bytes whose records have one width; ``header`` is a row that ends it.

    ``separator`` is one character of ASCII.
    """

    def __init__(
        self, data: ByteSource, separator: str, names: list[str], header: list[str] | None
    ) -> None:
        self._data, self._separator, self._names = data, separator, names
        self._header = header if len(names) > 1 else None
        beside = np.zeros(256, dtype=bool)
        beside[[ord(separator), _LINE_FEED, _RETURN, _QUOTE]] = True
        self._beside = beside

    def read(self, place: Place) -> PlainPiece | None:
        """The piece of some MiB that begins at ``place``; None where it must be read by rows."""
        block = self._data.part(place.offset, place.offset + BLOCK).whole()
        last = place.offset + len(block) >= self._data.size
        if block.startswith(_MARK):
            return None
        codes = np.frombuffer(block, dtype=np.uint8)
        quotes = np.flatnonzero(codes == _QUOTE)
        end = _end_of_records(block, quotes, last)
        quotes = quotes[: np.searchsorted(quotes, end)]
        if not end or len(quotes) % 2 or not self._quotes_are_plain(codes[:end], quotes):
            return None
        table = self._parsed(block[:end] if end < len(block) else block)
        if table is None or self._holds_header(table):
            return None
        return PlainPiece(table, Place(place.offset + end, place.lines + _lines(block, end)))

    def _quotes_are_plain(self, codes: np.ndarray, quotes: np.ndarray) -> bool:
        """Whether quotes open after, and close before, a separator, a line end or a quote."""
        opening, closing = quotes[::2], quotes[1::2]
        opening = opening[1:] if len(opening) and opening[0] == 0 else opening
        closing = closing[:-1] if len(closing) and closing[-1] == len(codes) - 1 else closing
        return bool(
            self._beside[codes[opening - 1]].all() and self._beside[codes[closing + 1]].all()
        )

    def _parsed(self, block: bytes) -> pa.Table | None:
        names = list(map(str, range(len(self._names))))
        try:
            table = csv.read_csv(
                pa.BufferReader(block),
                read_options=csv.ReadOptions(
                    use_threads=False, block_size=len(block) + 1, column_names=names
                ),
                parse_options=csv.ParseOptions(
                    delimiter=self._separator, newlines_in_values=True, ignore_empty_lines=True
                ),
                convert_options=csv.ConvertOptions(
                    check_utf8=False,  # of the whole file, before
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[],
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid:  # a row of another width
            return None
        return table.rename_columns(self._names)

    def _holds_header(self, table: pa.Table) -> bool:
        if self._header is None:
            return False
        again = pc.equal(table.column(0), self._header[0])
        if not pc.any(again).as_py():
            return False
        for column, name in zip(table.columns[1:], self._header[1:], strict=True):
            again = pc.and_(again, pc.equal(column, name))
        return bool(pc.any(again).as_py())


def _end_of_records(block: bytes, quotes: np.ndarray, last: bool) -> int:
    """Where the last whole record ends: behind a line end that is in no quotes; 0 for nowhere."""
    if last:
        return len(block)
    end = block.rfind(b"\n") + 1
    while end:
        before = int(np.searchsorted(quotes, end))
        if before % 2 == 0:
            break
        end = block.rfind(b"\n", 0, int(quotes[before - 1])) + 1
    return end


def _lines(block: bytes, end: int) -> int:
    """How many line ends there are up to ``end``: of Unix, of Windows and of old Macs."""
    feeds = block.count(b"\n", 0, end)
    returns = block.count(b"\r", 0, end)
    return feeds + returns - (block.count(b"\r\n", 0, end) if returns else 0)
