"""Finds the text, label and id columns: by the name given, or by a guess that must be safe."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llkd.datasets.characters import is_number, visible
from llkd.datasets.readers.records import Records
from llkd.datasets.readers.tables import Column
from llkd.datasets.vocabulary import LABEL, MAYBE_ID, SURE_ID, TEXT, normal
from llkd.datasets.wording import choices, plain, quoted
from llkd.errors import DataError

_SAMPLE = 2_000
_SAMPLE_CELLS = 1_000_000
_SPREAD = 20_000
_SPREAD_BYTES = 8 << 20
_WORD = re.compile(r"[^\W\d_]{2}|[\u2e80-\ufaff]")  # two letters, or one of Chinese or Japanese
_MOSTLY_NUMBERS = 0.95
_FEW = 5  # values; fewer say nothing about a column
_MANY = 20
_LONG = 15  # characters on average, from which on values read like texts
_MAX_CLASSES = 30


@dataclass(frozen=True)
class Look:
    """What a column's values are like: how many, how long, how many of them numbers."""

    name: str
    values: int
    mean_length: float
    numbers: float
    words: float
    lists: bool

    @property
    def texts(self) -> bool:
        """Whether the column can hold texts at all."""
        return self.values > 0 and self.numbers < _MOSTLY_NUMBERS and not self.lists

    @property
    def wordy(self) -> bool:
        """Whether most values hold a word, as texts do and dates do not."""
        return self.texts and self.words >= 0.5


def look_at(records: Records, column: str, spread: bool = False) -> Look:
    """Look at the first 2,000 values of a column, or at up to 20,000 spread over all of them."""
    values = records.table.column(column)
    if not spread:
        values = values.slice(0, min(max(_SAMPLE_CELLS // len(records.columns), 50), _SAMPLE))
    else:
        most = int(_SPREAD_BYTES * len(values) / max(values.nbytes, 1))
        number = min(len(values), max(most, 200), _SPREAD)
        rows = np.unique(np.linspace(0, len(values) - 1, number).astype(np.int64))
        values = pa.array(Column([values]).take(rows), type=pa.string())
    cells = [v for v in values.to_pylist() if v is not None and visible(v)]
    lists = 2 * len(records.lists.get(column, ())) > records.table.num_rows
    numbers = sum(map(is_number, cells)) / len(cells) if cells else 0.0
    words = sum(_WORD.search(v) is not None for v in cells) / len(cells) if cells else 0.0
    mean = sum(map(len, cells)) / len(cells) if cells else 0.0
    return Look(column, len(cells), mean, numbers, words, lists)


def find_column(records: Records, wanted: str, option: str) -> str:
    """The column called ``wanted``: exactly, or but for outer spaces and capitals.

    Raises:
        DataError: there is none; the sentence lists the columns and names ``option``.
    """
    columns = records.columns
    if wanted in columns:
        return wanted
    for shorten in (str.strip, lambda name: name.strip().casefold()):
        alike = [column for column in columns if shorten(column) == shorten(wanted)]
        if len(alike) == 1:
            return alike[0]
    raise DataError(
        f"There is no column {quoted(wanted)} in {plain(records.name)}. Its columns are "
        f"{choices(columns)}. Choose one of them with {option}."
    )


def guess_text(records: Records) -> str | None:
    """The text column, when its name says so or no other column comes near; else None."""
    columns = records.columns
    if len(columns) == 1:
        return columns[0] if look_at(records, columns[0]).texts else None
    by_name = {normal(column.rsplit(".", 1)[-1]): column for column in reversed(columns)}
    by_name |= {normal(column): column for column in reversed(columns)}
    for name in TEXT:
        if name in by_name and look_at(records, by_name[name]).texts:
            return by_name[name]
    looks = [look for look in (look_at(records, c) for c in columns) if look.wordy]
    other = [look for look in looks if normal(look.name) not in {*LABEL, *SURE_ID}]
    looks = sorted(other, key=lambda look: -look.mean_length)
    if not looks:
        return None
    first = looks[0]
    if len(looks) == 1:
        return first.name
    if first.mean_length >= _LONG and first.mean_length >= 1.5 * looks[1].mean_length:
        return first.name
    return None


def guess_label(records: Records, text: str | None, ident: str | None = None) -> str | None:
    """The label column: by its name, else a column of few short values that come often."""
    rest = [c for c in records.columns if c not in {text, ident}]
    lists = {c for c in rest if normal(c) in LABEL and look_at(records, c).lists}
    called = column_called_label(records, {text, ident, *lists})
    if called is not None:
        return called
    for column in rest[:100]:
        look = look_at(records, column)
        if not look.values or look.lists or look.numbers > 0.5 or look.mean_length > 40:
            continue
        values = pc.count_distinct(records.table.column(column).slice(0, _SAMPLE)).as_py()
        if 2 <= values <= _MAX_CLASSES and look.values >= 5 * values:
            return column
    return None


def column_called_label(records: Records, others: Collection[str | None]) -> str | None:
    """The column whose name says that it holds labels, the likeliest one; none of ``others``."""
    rest = [column for column in records.columns if column not in others]
    by_name = {normal(column): column for column in reversed(rest)}
    return next((by_name[name] for name in LABEL if name in by_name), None)


def guess_id(records: Records) -> str | None:
    """The id column: by a sure name, or by a likely one whose values are all there and differ."""
    by_name = {normal(column): column for column in reversed(records.columns)}
    for name in SURE_ID:
        if name in by_name:
            return by_name[name]
    for name in MAYBE_ID:
        if name in by_name and _unique(records.table.column(by_name[name])):
            column = by_name[name]
            if name != "column_1" or look_at(records, column).numbers == 1.0:
                return column
    return None


def _unique(values: pa.ChunkedArray) -> bool:
    return values.null_count == 0 and pc.count_distinct(values).as_py() == len(values)


def text_column(records: Records, wanted: str | None) -> tuple[str, list[str]]:
    """The text column by name or guess, checked to hold texts; and what to tell about it.

    Raises:
        DataError: there is none, no guess is safe, or its values are lists or numbers.
    """
    if wanted is None:
        guessed = guess_text(records) or _named_text(records)
        if guessed is None and not any(look_at(records, c).wordy for c in records.columns):
            raise DataError(
                f"No column of {plain(records.name)} looks like texts. Its columns are "
                f"{choices(records.columns)}. Choose a file with a column of texts."
            )
        if guessed is None:
            raise DataError(
                f"It is not clear which column of {plain(records.name)} holds the texts. Its "
                f"columns are {choices(records.columns)}. Choose one of them with --text-column."
            )
        column = guessed
    else:
        column = find_column(records, wanted, "--text-column")
    look = look_at(records, column, spread=True)
    if look.lists:
        raise DataError(
            f"The column {quoted(column)} of {plain(records.name)} holds lists and no texts."
            + _instead(records, column)
        )
    return column, _number_warnings(records, look, guessed=wanted is None)


def _named_text(records: Records) -> str | None:
    """A column that is called like a text but holds none: the error should be about it."""
    by_name = {normal(column): column for column in reversed(records.columns)}
    return next((by_name[name] for name in TEXT if name in by_name), None)


def _number_warnings(records: Records, look: Look, guessed: bool) -> list[str]:
    """Refuse a column of numbers; of a handful of values, or for want of another, only tell."""
    if look.values and look.numbers >= _MOSTLY_NUMBERS:
        if guessed or look.values >= _MANY or _better(records, look.name):
            chunks = records.table.column(look.name).chunks
            cells = (v for chunk in chunks for v in chunk.to_pylist())
            example = next(v for v in cells if v is not None and is_number(v))
            raise DataError(
                f"The column {quoted(look.name)} of {plain(records.name)} holds numbers and no "
                f"texts (for example {quoted(example)}).{_instead(records, look.name)}"
            )
    if look.values < _FEW or look.numbers < 0.5:
        return []
    return [
        f"The column {quoted(look.name)} of {plain(records.name)} does not look like texts: "
        f"{look.numbers:.0%} of its values are numbers. They were kept as written."
    ]


def _better(records: Records, column: str) -> str | None:
    guess = guess_text(records)
    if guess is None or guess == column:
        return None
    return guess if look_at(records, guess).mean_length >= _LONG else None


def _instead(records: Records, column: str) -> str:
    better = _better(records, column)
    if better:
        return f" Choose {quoted(better)} with --text-column."
    others = [c for c in records.columns if c != column]
    if not others:
        return " Choose a file with a column of texts."
    return f" Choose another column with --text-column: {choices(others)}."
