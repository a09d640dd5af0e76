"""Reads one sheet of an XLSX workbook: the first visible one that holds a table.

Values are taken as they were last stored: no formula is run, no macro, no outside reference.
"""

from __future__ import annotations

import re
import warnings as python_warnings
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import chain, islice
from types import ModuleType
from typing import Any

from llkd.datasets.limits import MAX_COLUMNS, MAX_WHOLE_BYTES, SAMPLE_RECORDS
from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.containers import check_unpacked
from llkd.datasets.readers.header import find_header, name_columns
from llkd.datasets.readers.tables import (
    Cell,
    Content,
    Progress,
    TableBuilder,
    check_size,
    without_empty,
)
from llkd.datasets.wording import choices, listed, places, plain, quoted
from llkd.errors import DataError

_DOCTYPE = re.compile(rb"<\s*!\s*(DOCTYPE|ENTITY)", re.I)
_OVERLAP = 32
_MAX_ROWS = 1_048_576  # of a worksheet


@cache
def _openpyxl() -> ModuleType:
    import openpyxl

    # Its notes on styles and names concern no value; filtered once, not around each call, because
    # the filters belong to the whole process and imports may run in several threads.
    python_warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\b.*")
    return openpyxl


def read_workbook(
    data: ByteSource, name: str, progress: Progress = None, named: Collection[str] = ()
) -> Content:
    """Read the bytes of an XLSX workbook; ``named`` are columns that the user asked for.

    Raises:
        DataError: it is damaged, protected, unsafe, or has no sheet with values.
    """
    _check_parts(data, name)
    openpyxl = _openpyxl()
    try:
        book = openpyxl.load_workbook(data.open(), read_only=True, data_only=True, keep_links=False)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # openpyxl raises whatever its parser meets
        raise _damaged(name, error) from None
    try:
        sheets = [sheet for sheet in book.worksheets if hasattr(sheet, "iter_rows")]
        if not sheets:
            raise DataError(
                f"{plain(name)} has no sheet that can be read. Save it as an ordinary .xlsx "
                "workbook (not 'Strict Open XML'), or as CSV."
            )
        try:
            sheet, warnings = _choose(sheets, name)
            content = _read_sheet(sheet, name, progress, named)
        except (DataError, MemoryError):
            raise
        except Exception as error:  # as above, while the rows are read
            raise _damaged(name, error) from None
        return replace(content, warnings=(*warnings, *content.warnings))
    finally:
        book.close()


def _damaged(name: str, error: Exception) -> DataError:
    return DataError(
        f"{plain(name)} is a damaged workbook ({type(error).__name__}: {plain(error, 80)}). Open "
        "it in a spreadsheet program and save it again, or export the sheet as CSV."
    )


def _check_parts(data: ByteSource, name: str) -> None:
    """Refuse a workbook that unpacks to too much or whose XML declares entities."""
    try:
        with zipfile.ZipFile(data.open()) as archive:
            total = sum(member.file_size for member in archive.infolist())
            check_unpacked(total, data.size, name)
            if total > MAX_WHOLE_BYTES:
                raise DataError(
                    f"{plain(name)} unpacks to {total >> 20:,} MiB, but a workbook is read as a "
                    f"whole and may have {MAX_WHOLE_BYTES >> 20:,} MiB. Export the sheet as CSV, "
                    "which is read piece by piece."
                )
            read = 0
            for member in archive.infolist():
                if not member.filename.lower().endswith((".xml", ".rels")):
                    continue
                tail = b""
                with archive.open(member) as stream:
                    while block := stream.read(1 << 20):
                        read += len(block)
                        check_unpacked(read, data.size, name)
                        if _DOCTYPE.search((tail + block).replace(b"\0", b"")):
                            raise DataError(
                                f"{plain(name)} declares XML entities in "
                                f"{quoted(member.filename)}, which no spreadsheet program writes, "
                                "so it was not read. Export the sheet as CSV."
                            )
                        tail = block[-_OVERLAP:]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise _damaged(name, error) from None


def _choose(sheets: list[Any], name: str) -> tuple[Any, list[str]]:
    """The first visible sheet with a table, and what to tell about the others."""
    visible = [sheet for sheet in sheets if sheet.sheet_state == "visible"] or sheets
    candidates: list[tuple[Any, int, int]] = []  # sheet, width and rows of its beginning
    for sheet in visible:
        rows = [row for _, row in islice(_rows(sheet, name), SAMPLE_RECORDS)]
        if rows:
            width = max(sum(cell is not None for cell in row) for row in rows)
            candidates.append((sheet, width, len(rows)))
    if not candidates:
        raise DataError(
            f"{plain(name)} has no sheet with values. Check that the right file was chosen."
        )
    best = candidates[0]
    if best[1] == 1:  # a cover sheet is one column wide and shorter than the table behind it
        tables = [f for f in candidates[1:] if f[1] >= 2 and f[2] > best[2]]
        best = tables[0] if tables else best
    others = [quoted(sheet.title) for sheet in sheets if sheet is not best[0]]
    if not others:
        return best[0], []
    return best[0], [
        f"Of {plain(name)} only the sheet {quoted(best[0].title)} was read; "
        f"{listed(others, 5)} {'was' if len(others) == 1 else 'were'} left out."
    ]


def _rows(sheet: Any, name: str) -> Iterator[tuple[int, list[Cell | Any]]]:
    """Number and values of each row that holds more than white space."""
    sheet.reset_dimensions()  # a sheet may claim a million rows and have six
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > _MAX_ROWS:
            raise DataError(
                f"{plain(name)}, sheet {quoted(sheet.title)}, claims more than {_MAX_ROWS:,} rows. "
                "Save it again in a spreadsheet program, or export the sheet as CSV."
            )
        last = len(row)
        while last and (row[last - 1] is None or not str(row[last - 1]).strip()):
            last -= 1
        if last:
            yield number, list(row[: min(last, MAX_COLUMNS + 1)])


def _read_sheet(sheet: Any, name: str, progress: Progress, named: Collection[str]) -> Content:
    rows = _rows(sheet, name)
    first = list(islice(rows, SAMPLE_RECORDS))
    where = f"{plain(name)}, sheet {quoted(sheet.title)},"
    header = find_header([[_text(cell) for cell in row] for _, row in first], named)
    raw = None if header.index is None else [_text(cell) for cell in first[header.index][1]]
    data = first[header.first_data :]
    width = max([len(raw or ()), *(len(row) for _, row in data)], default=1)
    check_size(1, width, name)
    names, blank, warnings = name_columns(raw, width)
    if header.index is None:
        warnings.append(
            f"{where} has no row of column names: its first row looks like data. Its columns were "
            f"called {choices(names, 6)}."
        )
    elif header.index:
        shown = choices([n for k, n in enumerate(names) if k not in blank], 6)
        warnings.append(
            f"The header of {plain(name)} was taken from row {first[header.index][0]:,} of sheet "
            f"{quoted(sheet.title)} ({shown}); the rows above it were left out."
        )
    builder = TableBuilder(names, name, progress)
    typed = [0] * width
    beyond: list[int] = []
    characters = 0
    for number, row in chain(data, rows):
        if len(row) > width:
            beyond.append(number)
            row = row[:width]
        for column, cell in enumerate(row):
            if cell is not None and not isinstance(cell, str):
                typed[column] += 1
        texts = [_text(cell) for cell in row]
        # One long text, stored once, may stand in a million cells.
        characters += sum(len(text) for text in texts if text is not None)
        if characters > MAX_WHOLE_BYTES:
            raise DataError(
                f"{where} unpacks to more than {MAX_WHOLE_BYTES >> 20:,} MiB of cells. Split it, "
                "or keep only the columns that are needed."
            )
        builder.add(texts + [None] * (width - len(row)))
    if beyond:
        warnings.append(f"{where} has values beyond its columns in {places('row', beyond)}.")
    if not builder.rows:
        raise DataError(f"{where} has a header and no rows. Choose a file with at least one text.")
    table, unnamed = without_empty(builder.table(), blank, name)
    return Content(
        table,
        rows=builder.rows,
        warnings=tuple(warnings + unnamed),
        typed={names[k]: n for k, n in enumerate(typed) if n},
        replaced=builder.replaced,
    )


def _text(cell: Any) -> Cell:
    """A cell as a person reads it: 7 and not 7.0, a date without midnight."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        whole = cell.time() == time()
        return cell.date().isoformat() if whole else cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell)
