"""From records to checked texts: usable, unlike each other, each with an id of its own.

Texts stay in Arrow columns, beyond some MiB in scratch files, so that a file may be larger than
the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from llkd.datasets.characters import visible
from llkd.datasets.checks.class_names import Cells
from llkd.datasets.checks.scan import USABLE, scan
from llkd.datasets.files import File, find_parts
from llkd.datasets.merge import joined
from llkd.datasets.parsed_file import ParsedFile, gold_of, read_part
from llkd.datasets.readers.fasttext import LABEL_COLUMN
from llkd.datasets.readers.records import Records, read_blocks
from llkd.datasets.readers.tables import Progress
from llkd.datasets.text_set import Reading, TextSet
from llkd.errors import DataError

_PASTED = "the pasted text"
ALL_OR_NOTHING = "Nothing was imported: mend this file, or leave it out."


def read_texts(
    path: str | Path, *, name: str | None = None, progress: Progress = None, **reading: Any
) -> TextSet:
    """Read the texts of one file, or of all in a folder or an archive; see :func:`read_files`.

    Args:
        path: see :func:`llkd.datasets.read_records`.
        name: the file's original name where ``path`` is a temporary copy.
        progress: told the number of records read so far.
        reading: the fields of :class:`Reading`.
    """
    return read_files([File(str(path), name)], Reading(**reading), progress=progress)


def read_files(
    files: Sequence[File],
    reading: Reading | None = None,
    *,
    progress: Progress = None,
    on_file: Callable[[str, int], None] = lambda name, files: None,
) -> TextSet:
    """Read the texts of files and folders, with gold labels where ``reading`` says so.

    All files have the text column in common. Ids that would come twice are put after the name of
    their file. ``on_file`` is told the name of each before it is read, and how
    many there are.

    Raises:
        NotFound: there is no such file.
        DataError: a file or a column cannot be used; the sentence says where and what to do.
    """
    reading = reading or Reading()
    found_parts = find_parts(files)
    several = len(found_parts.parts) > 1
    parts: list[ParsedFile] = []
    read = 0

    def so_far(rows: int) -> None:
        if progress:
            progress(read + rows)

    for part in found_parts.parts:
        on_file(part.label, len(found_parts.parts))
        try:
            parts.append(read_part(part, reading, parts[0] if parts else None, so_far))
        except DataError as error:
            message = str(error)
            message = message if part.label in message else f"{part.label}: {message}"
            raise (DataError(f"{message} {ALL_OR_NOTHING}") if several else error) from None
        read += parts[-1].records.rows
    return joined(parts, reading, found_parts.warnings)


def texts_from_lines(pasted: str, *, blocks: bool = False, near: str = "keep") -> TextSet:
    """The texts of a paste box: each line with something visible on it, or each block of lines.

    Labels before them as fastText writes them are their gold.

    Raises:
        DataError: no line holds a text.
    """
    lines = StringIO(pasted.removeprefix("\ufeff"), newline=None)
    if blocks:
        texts = list(read_blocks(lines))
    else:
        texts = [line.rstrip("\n") for line in lines]
    texts = [text for text in texts if visible(text)]
    if not texts:
        raise DataError(f"There is no text in {_PASTED}. Paste at least one line.")
    records = Records.of_texts(_PASTED, texts)
    column = records.table.column("text")
    label = LABEL_COLUMN if LABEL_COLUMN in records.columns else None
    text_scan = scan(column, ())
    if not (text_scan.state == USABLE).any():
        raise DataError(f"There is no text in {_PASTED}, only labels. Paste texts behind them.")
    gold = gold_of(records, label, Cells())
    part = ParsedFile(records, _PASTED, "text", label, None, column, gold, text_scan, ())
    reading = Reading(label_column=label, near=near)  # type: ignore[arg-type]
    return joined([part], reading, ())
