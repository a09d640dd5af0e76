"""Where a table's header is, and what its columns are called.

Decided on the first records: a known name settles it; titles above the header have one cell; a
first record that looks like the records below it is data.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from llkd.datasets.characters import is_number
from llkd.datasets.vocabulary import KNOWN, normal
from llkd.datasets.wording import listed, plain

Row = Sequence[str | None]
_TITLE_ROWS = 12
_TELLING = 4  # rows; in fewer a value that comes again may do so by chance
_DATE = re.compile(r"[\d\s.,:/+TZ-]*\d[\d\s.,:/+TZ-]*")


@dataclass(frozen=True)
class Header:
    """``index`` of the header among the first records, None when the file has none."""

    index: int | None

    @property
    def first_data(self) -> int:
        """Index of the first data record."""
        return 0 if self.index is None else self.index + 1


def _cells(row: Row) -> list[str]:
    return [cell.strip() for cell in row if cell is not None and cell.strip()]


def find_header(rows: Sequence[Row], named: Collection[str] = ()) -> Header:
    """Find the header among the first records (none of them wholly empty).

    ``named`` are columns that the user asked for: a record that holds one is the header.
    """
    if not rows:
        return Header(None)
    for index, row in enumerate(rows[: _TITLE_ROWS + 1]):
        if named and not {normal(name) for name in named}.isdisjoint(map(normal, _cells(row))):
            return Header(index)
    if has_known_name(rows[0]):
        return Header(0)
    below = _below_titles(rows)
    if below:
        return Header(below)
    return Header(None) if _is_data(rows) else Header(0)


def has_known_name(row: Row) -> bool:
    """Whether a cell is a usual column name, such as ``text`` or ``label``."""
    return any(normal(cell) in KNOWN for cell in _cells(row))


def looks_like_names(row: Row) -> bool:
    """Whether the cells could be column names: short, different, no numbers."""
    cells = _cells(row)
    if any(cell is not None and cell != cell.strip() for cell in row):
        return False
    if len(cells) < 2 or len(set(cells)) < len(cells):
        return False
    return all(len(cell) <= 60 and not is_number(cell) for cell in cells)


def _below_titles(rows: Sequence[Row]) -> int | None:
    """The index of a header below title rows, each with a single cell."""
    for index, row in enumerate(rows[: _TITLE_ROWS + 1]):
        cells = _cells(row)
        if len(cells) == 1:
            continue
        below = rows[index + 1 :]
        if not index or not below or not (looks_like_names(row) or has_known_name(row)):
            return None
        wide = sum(len(_cells(r)) >= 2 for r in below)
        return index if 2 * wide >= len(below) else None
    return None


def _is_data(rows: Sequence[Row]) -> bool:
    """Whether the first record is one of the data and no header."""
    first, rest = rows[0], rows[1:]
    if not rest or any(_cells(row) == _cells(first) for row in rest):
        return False
    data = False
    for column, cell in enumerate(first):
        if cell is None or not cell.strip():
            continue
        below = (row[column] for row in rest if column < len(row))
        values = [value for value in below if value and value.strip()]
        numeric = bool(values) and all(_DATE.fullmatch(value) for value in values)
        if numeric and not _DATE.fullmatch(cell):
            return False
        if numeric and is_number(cell):
            data = data or not _numbered(first)
        elif len(first) > 1 and len(rest) >= _TELLING and cell in values:
            data = True
        elif _sentence(cell):
            data = True
    return data


def _numbered(row: Row) -> bool:
    """Whether the numbers among the cells are 0, 1, 2 ... or years, as in some headers."""
    numbers = [cell for cell in _cells(row) if is_number(cell)]
    plain_numbers = [int(n) for n in numbers if n.isdecimal() and len(n) < 9]
    if len(plain_numbers) < len(numbers):
        return False
    if all(1900 <= n <= 2100 for n in plain_numbers):
        return True
    start = plain_numbers[0]
    counted = plain_numbers == list(range(start, start + len(plain_numbers)))
    return start in (0, 1) and counted and len(numbers) == len(_cells(row)) > 1


def _sentence(cell: str) -> bool:
    return len(cell) >= 25 and cell.count(" ") >= 3 and cell.rstrip("\"')”’ ")[-1:] in ".!…"


def name_columns(header: Row | None, width: int) -> tuple[list[str], list[int], list[str]]:
    """The columns' names, made unique; the positions without a name; and what to tell.

    A blank name becomes ``column_3``; the second of two equal names becomes ``text (2)``.
    """
    raw = [(cell or "").strip() for cell in header] if header is not None else []
    raw += [""] * (width - len(raw))
    used_names = set(raw)
    names: list[str] = []
    blank: list[int] = []
    twice: list[str] = []
    names_so_far: set[str] = set()
    for position, cell in enumerate(raw):
        name = cell
        if not cell:
            blank.append(position)
            name = _free(f"column_{position + 1}", used_names)
        elif cell in names_so_far:
            twice.append(cell)
            name = _free(cell, used_names)
        names_so_far.add(cell)
        used_names.add(name)
        names.append(name)
    warnings = []
    if twice:
        different = sorted(set(twice))
        listing = listed([f"'{plain(t, 60)}'" for t in different], 5)
        warnings.append(
            f"{'The column name' if len(different) == 1 else 'The column names'} {listing} "
            f"{'stands' if len(different) == 1 else 'stand'} more than once; the later ones are "
            f"called '{plain(different[0], 60)} (2)' and so on."
        )
    return names, blank, warnings


def _free(name: str, used_names: set[str]) -> str:
    if name not in used_names:
        return name
    number = 2
    while f"{name} ({number})" in used_names:
        number += 1
    return f"{name} ({number})"
