"""Finds the character between the values of a text file, or that there is none."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.header import has_known_name, looks_like_names

USUAL = (",", "\t", ";", "|")
_UNUSUAL = ("^", "~", "`", "¦", "\x1f", "\x01")
_NONE = ("\x1f", "\x1e", "\x1d", "\x1c", "\x02", "\x03", "\x04")
_ROWS = 200
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n')


@dataclass(frozen=True)
class Separator:
    """The character; for a single column, one that does not occur.

    ``skip`` is how many lines stand before the table, ``inside`` whether a single column holds
    usual separators, ``share`` which part of the first rows has the usual number of values,
    ``titled`` whether the first line does not hold the separator.
    """

    character: str
    columns: int
    share: float
    skip: int = 0
    inside: bool = False
    titled: bool = False
    quoted_header: bool = False

    @property
    def rank(self) -> tuple[bool, float, int]:
        """What makes one separator better than another."""
        return not self.titled, self.share, self.columns

    @property
    def unusual(self) -> bool:
        """Whether the user should hear which character it is."""
        return self.columns > 1 and self.character not in USUAL


def find_separator(data: ByteSource) -> Separator:
    """Judge the first 200 records of the UTF-8 ``data``."""
    sample = _sample(data)
    named = _SEP_LINE.match(sample)
    if named:
        rest = sample[named.end() :]
        rows = _rows(rest, named.group(1), quotes=True)
        return Separator(named.group(1), max(map(len, rows), default=1), 1.0, skip=1)
    first_line = next((line for line in sample.splitlines() if line.strip()), "")
    inside = False
    best: Separator | None = None
    for character in (*USUAL, *_UNUSUAL):
        if character not in sample:
            continue
        if character in _UNUSUAL and best:
            break
        judged = _judged(sample, character, first_line)
        inside = inside or (judged is None and character in USUAL)
        if judged and (best is None or judged.rank > best.rank):
            best = judged
    if best:
        return best
    absent = next((c for c in _NONE if not data.holds(c.encode())), "\x1f")
    return Separator(absent, 1, 1.0, inside=inside and _outside_quotes(sample))


def _sample(data: ByteSource) -> str:
    head = data.head
    if len(head) < data.size and b"\n" in head:
        head = head[: head.rindex(b"\n") + 1]
    return head.decode("utf-8", errors="ignore")


def _rows(sample: str, character: str, quotes: bool) -> list[list[str]]:
    reader = csv.reader(
        StringIO(sample, newline=""),
        delimiter=character,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
    )
    try:
        return [row for row in islice(reader, _ROWS) if any(cell.strip() for cell in row)]
    except csv.Error:
        return []


def _judged(sample: str, character: str, first_line: str) -> Separator | None:
    best: Separator | None = None
    for quotes in (True, False):
        rows = _rows(sample, character, quotes)
        if not rows:
            continue
        widths = [len(row) for row in rows]
        if widths[0] < 2 and not _title_above(rows):
            continue
        usual = max(set(widths), key=lambda w: (widths.count(w), w))
        fits = sum(w >= 2 for w in widths) / len(widths)
        if fits < 0.5:
            continue
        share = (widths.count(max(widths[0], 2)) + widths.count(usual)) / (2 * len(widths))
        separator = Separator(
            character,
            usual,
            share,
            titled=widths[0] < 2,
            quoted_header=first_line.startswith('"'),
        )
        if character in _UNUSUAL and not (share == 1.0 and len(rows) > 1 and _plain_names(rows[0])):
            continue
        if best is None or separator.share > best.share:
            best = separator
    return best


def _title_above(rows: list[list[str]]) -> bool:
    """Whether the first row is a title above a table, and not the name of a single column."""
    widths = [len(row) for row in rows]
    titles = next((k for k, width in enumerate(widths) if width > 1), len(rows))
    table = widths[titles:]
    if titles > 12 or len(table) < 2 or has_known_name(rows[0]):
        return False
    even = table.count(max(set(table), key=table.count)) >= 0.95 * len(table)
    return even and looks_like_names(rows[titles])


def _plain_names(row: list[str]) -> bool:
    return all(re.fullmatch(r"[\w .-]{1,40}", cell) for cell in row)


def _outside_quotes(sample: str) -> bool:
    """Whether a usual separator splits a line, and is not only inside quoted texts."""
    return any(
        any(len(row) > 1 for row in _rows(sample, character, quotes=True))
        for character in (",", ";", "\t")
    )
