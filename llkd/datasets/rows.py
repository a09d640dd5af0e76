"""Every record of a file with its text, blank and repeated ones too: what is to be classified."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llkd.datasets.characters import storable
from llkd.datasets.checks.columns import find_column, guess_id
from llkd.datasets.checks.columns import text_column as choose_text
from llkd.datasets.checks.scan import USABLE, RowMask, replacement_warnings, scan, text_warnings
from llkd.datasets.readers.records import read_records
from llkd.datasets.readers.tables import Progress
from llkd.datasets.wording import count, places, plain, quoted
from llkd.errors import DataError


@dataclass(frozen=True)
class Rows:
    """All records of a file that hold one text each or none, in its order.

    ``ids`` are those of the id column as they are (they may repeat), or record numbers where there
    is none; a text is None where a record has nothing visible in it.
    """

    ids: list[str]
    texts: list[str | None]
    column: str
    warnings: tuple[str, ...]

    def __len__(self) -> int:
        """How many records."""
        return len(self.ids)

    @property
    def blank(self) -> int:
        """How many of them hold no text."""
        return sum(text is None for text in self.texts)


def read_rows(
    path: str | Path,
    *,
    name: str | None = None,
    text_column: str | None = None,
    id_column: str | None = None,
    progress: Progress = None,
) -> Rows:
    """Read the text of every record; the columns are found as by :func:`llkd.datasets.read_texts`.

    Raises:
        NotFound: there is no such file.
        DataError: the file or a column cannot be used, or no record holds a text.
    """
    named = [wanted for wanted in (text_column, id_column) if wanted]
    records = read_records(path, name, named=named, progress=progress)
    column, column_warnings = choose_text(records, text_column)
    ident = find_column(records, id_column, "--id-column") if id_column else guess_id(records)
    lists = set(records.lists.get(column, ()))
    texts = records.table.column(column)
    text_scan = scan(texts, sorted(lists))
    usable = text_scan.state == USABLE
    if not usable.any():
        raise DataError(
            f"{plain(records.name)} holds no text in the column {quoted(column)}. Choose another "
            "column with --text-column."
        )
    notes = [
        storable(text) if there else None
        for text, there in zip(texts.to_pylist(), usable, strict=True)
    ]
    odd = text_warnings(records, RowMask(text_scan, usable))
    warnings = [
        *records.warnings,
        *column_warnings,
        *replacement_warnings(records, (column,)),
        *odd,
    ]
    if lists:
        numbers = [records.number(row) for row in sorted(lists)]
        warnings.append(
            f"{count(len(lists), 'value')} of the column {quoted(column)} "
            f"{'is a list or an object' if len(lists) == 1 else 'are lists or objects'} and no "
            f"text ({places('record', numbers)})."
        )
    if ident is None or ident == column:
        ids = [str(records.number(row)) for row in range(len(notes))]
    else:
        ids = [storable(value or "") for value in records.table.column(ident).to_pylist()]
    return Rows(ids, notes, column, tuple(dict.fromkeys(warnings)))
