"""Which records are usable texts, and the sentences about those that are not or look odd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from llkd.datasets.characters import visible
from llkd.datasets.checks.class_names import cleaned
from llkd.datasets.checks.text_bytes import TextBytes, matching
from llkd.datasets.limits import LONG_TEXT
from llkd.datasets.readers.records import Records
from llkd.datasets.readers.tables import Column
from llkd.datasets.readers.temp_buffer import steps
from llkd.datasets.wording import count, places, quoted

USABLE, BLANK, LIST = range(3)
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# UTF-8 that was read as Windows-1252 before the text was saved (``cafÃ©``), and what follows the
# byte C3 in each of these.
_MOJIBAKE = "Ã[\x80-\xbf]|â€|Ð[\x80-\xbf]Ñ|ï¿½"
_AFTER_C3 = np.isin(np.arange(256), [letter.encode()[1] for letter in "ÃâÐï"])
_LETTER = r"[0-9A-Za-z_\pL\pN]"  # any of them is visible
_NUL, _CONTROL, _BEFORE_CONTROL, _BEFORE_MOJIBAKE = 1, 2, 3, 4
_CONTROLS = {*range(0x01, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F}
_MARKED = {0x00: _NUL, 0xC2: _BEFORE_CONTROL, 0xC3: _BEFORE_MOJIBAKE}
_KINDS = bytes(_CONTROL if code in _CONTROLS else _MARKED.get(code, 0) for code in range(256))


@dataclass(frozen=True)
class Scan:
    """What one look at a column of texts found, row by row.

    ``state`` is USABLE, BLANK or LIST; ``hashes`` are equal for texts that are equal but for outer
    spaces (and hardly ever for others); the rest are rows of usable texts that look odd.
    """

    state: npt.NDArray[np.uint8]
    hashes: Rows
    long: Rows
    controls: Rows
    unstorable: Rows
    misdecoded: Rows


def scan(texts: pa.ChunkedArray, lists: Sequence[int]) -> Scan:
    """Look at every text once, some thousand at a time; ``lists`` are rows that hold no text."""
    state = np.full(len(texts), USABLE, dtype=np.uint8)
    state[np.asarray(lists, dtype=np.int64)] = LIST
    hashes = np.zeros(len(texts), dtype=np.int64)
    odd: list[list[Rows]] = [[], [], [], []]
    start = 0
    for chunk in steps(texts.chunks):
        here = slice(start, start + len(chunk))
        state[here][_blank(chunk) & (state[here] != LIST)] = BLANK
        usable = state[here] == USABLE
        hashes[here] = np.where(usable, _hashes(chunk), 0)
        for rows, found_here in zip(odd, _odd(chunk), strict=True):
            rows.append(start + found_here[usable[found_here]])
        start += len(chunk)
    none = np.zeros(0, dtype=np.int64)
    return Scan(state, hashes, *(np.concatenate([none, *rows]) for rows in odd))


def _blank(texts: pa.StringArray) -> Mask:
    """Which texts have nothing to read; few must be looked at one by one."""
    doubtful = np.ones(len(texts), dtype=bool)
    doubtful[matching(texts, _LETTER)] = False
    blank = np.zeros(len(texts), dtype=bool)
    places = np.flatnonzero(doubtful)
    cells = texts.take(pa.array(places)).to_pylist()
    blank[places] = [cell is None or not visible(cell) for cell in cells]
    return blank


def _hashes(texts: pa.StringArray) -> Rows:
    """A hash of each text without outer spaces, equal within this process."""
    cells = texts.to_pylist()
    for row in np.flatnonzero(~TextBytes.of(texts).plain_ends()).tolist():
        cell = cells[row]
        cells[row] = cell and cell.strip()
    return np.fromiter(map(hash, cells), dtype=np.int64, count=len(cells))


def _odd(texts: pa.StringArray) -> Iterator[Rows]:
    """Rows of long texts, of control characters, of what cannot be stored, of wrong decoding."""
    content = TextBytes.of(texts)
    sizes = np.diff(content.ends)
    long = np.flatnonzero(sizes > LONG_TEXT)
    yield long[[len(text) > LONG_TEXT for text in texts.take(pa.array(long)).to_pylist()]]
    kinds = content.kinds(_KINDS)
    seldom = np.flatnonzero(kinds)
    kinds = kinds[seldom]
    after = content.data[np.minimum(seldom + 1, max(len(content.data) - 1, 0))]
    latin = (kinds == _BEFORE_CONTROL) & (after >= 0x80) & (after < 0xA0)  # U+0080 to U+009F
    yield content.texts_at(seldom[(kinds == _CONTROL) | latin])
    yield content.texts_at(seldom[kinds == _NUL])
    doubtful = seldom[(kinds == _BEFORE_MOJIBAKE) & _AFTER_C3[after]]
    yield matching(texts, _MOJIBAKE, content.texts_at(doubtful))


@dataclass(frozen=True)
class RowMask:
    """Which rows of one file are kept, and what was found on the way.

    ``keep`` has an entry for each row; ``conflicts`` are rows whose text comes again with another
    label.
    """

    scan: Scan
    keep: Mask
    conflicts: Sequence[int] = ()

    @property
    def blank(self) -> list[int]:
        """The rows without anything to read."""
        return np.flatnonzero(self.scan.state == BLANK).tolist()

    @property
    def lists(self) -> list[int]:
        """The rows with a list or an object in place of a text."""
        return np.flatnonzero(self.scan.state == LIST).tolist()


def row_mask_warnings(records: Records, column: str, row_mask: RowMask) -> list[str]:
    """About texts that were left out, changed from another type, or labelled twice."""
    warnings = []
    if row_mask.blank:
        single = len(row_mask.blank) == 1
        warnings.append(
            f"{count(len(row_mask.blank), 'text')} of {records.table.num_rows:,} in the column "
            f"{quoted(column)} {'is' if single else 'are'} blank and "
            f"{'was' if single else 'were'} left out "
            f"({places('record', [records.number(row) for row in row_mask.blank])})."
        )
    if row_mask.lists:
        single = len(row_mask.lists) == 1
        warnings.append(
            f"{count(len(row_mask.lists), 'value')} of the column {quoted(column)} "
            f"{'is a list or an object' if single else 'are lists or objects'} and no text, and "
            f"{'was' if single else 'were'} left out "
            f"({places('record', [records.number(row) for row in row_mask.lists])})."
        )
    typed = records.typed.get(column, 0)
    if typed:
        warnings.append(
            f"{count(typed, 'value')} of the column {quoted(column)} "
            f"{'is' if typed == 1 else 'are'} no text but a number, date or truth value; each was "
            "kept as it is written."
        )
    if row_mask.conflicts:
        single = len(row_mask.conflicts) == 1
        numbers = sorted(records.number(row) for row in row_mask.conflicts)
        warnings.append(
            f"{count(len(numbers), 'text')} {'comes' if single else 'come'} again with another "
            f"label ({places('record', numbers)}); the first label counts."
        )
    return warnings


def replacement_warnings(records: Records, columns: Iterable[str | None]) -> list[str]:
    """About values of these columns that held no valid Unicode."""
    return [
        f"{count(records.replaced[column], 'value')} of the column {quoted(column)} "
        f"{'holds' if records.replaced[column] == 1 else 'hold'} characters that are no valid "
        "Unicode; each was replaced by �."
        for column in columns
        if column is not None and records.replaced.get(column)
    ]


def typed_labels(records: Records, label: str) -> list[str]:
    """About labels that are numbers, truth values, lists or objects in the file."""
    typed = records.typed.get(label, 0)
    rows = np.asarray(records.lists.get(label, ()), dtype=np.int64)
    cells = Column([records.table.column(label)]).take(rows)
    lists = sum(
        (label_text := cleaned(cell)) is not None and label_text[0] in "[{" for cell in cells
    )
    warnings = []
    if typed and typed < records.table.num_rows - records.table.column(label).null_count:
        warnings.append(
            f"The label column {quoted(label)} mixes words with numbers or truth values; 1 and '1' "
            "count as the same label."
        )
    if lists:
        warnings.append(
            f"{count(lists, 'label')} in the column {quoted(label)} "
            f"{'is a list or an object' if lists == 1 else 'are lists or objects'}; each counts as "
            "one label, as it is written."
        )
    return warnings


def text_warnings(records: Records, row_mask: RowMask) -> list[str]:
    """What is odd about the texts that are kept."""

    def only_usable(rows: Rows) -> list[int]:
        return [records.number(int(row)) for row in rows[row_mask.keep[rows]]]

    text_scan = row_mask.scan
    long, controls, broken = map(
        only_usable, (text_scan.long, text_scan.controls, text_scan.unstorable)
    )
    wrong = len(only_usable(text_scan.misdecoded))
    warnings = []
    if long:
        warnings.append(
            f"{count(len(long), 'text')} {'has' if len(long) == 1 else 'have'} more than "
            f"{LONG_TEXT:,} characters ({places('record', long)}); models see only the beginning."
        )
    if controls:
        warnings.append(
            f"{count(len(controls), 'text')} {'holds' if len(controls) == 1 else 'hold'} control "
            f"characters ({places('record', controls)}); they were kept."
        )
    if broken:
        warnings.append(
            f"{count(len(broken), 'text')} {'holds' if len(broken) == 1 else 'hold'} NUL or other "
            f"characters that cannot be stored ({places('record', broken)}); each was replaced by "
            "�."
        )
    if wrong > 1 and wrong * 50 > row_mask.keep.sum():
        warnings.append(
            f"{count(wrong, 'text')} look wrongly decoded before they were saved (such as 'Ã©' for "
            "'é'); they were kept as they are."
        )
    return warnings
