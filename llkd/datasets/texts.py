"""From records to checked texts: usable, unlike each other, each with an id of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pandas as pd

from llkd.datasets.characters import storable, visible
from llkd.datasets.columns import find_column, guess_id
from llkd.datasets.columns import text_column as choose_text
from llkd.datasets.findings import (
    Sorting,
    replaced_told,
    sort_texts,
    sorting_told,
    text_warnings,
    typed_labels,
)
from llkd.datasets.labels import by_frequency, cleaned, label_warnings
from llkd.datasets.records import Records, read_records
from llkd.datasets.tables import Progress
from llkd.datasets.wording import count, places, plain, quoted
from llkd.errors import DataError

_PASTED = "the pasted text"


@dataclass(frozen=True)
class TextSet:
    """Texts that can be labelled.

    ``texts`` has the columns ``id`` (str, unique), ``text`` (str, as in the file) and ``gold``
    (str or None), in the order of the file. ``rows`` counts the records of the file. ``dropped``
    says what was left out and why: ``blank``, ``duplicate``, ``malformed`` (lists in place of
    texts, rows with too many fields and, though they are no records, lines that cannot be read).
    ``labels`` are the gold labels, the most frequent first.
    """

    texts: pd.DataFrame
    rows: int
    dropped: dict[str, int]
    labels: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def kept(self) -> int:
        """How many texts there are."""
        return len(self.texts)


def read_texts(
    path: str | Path,
    *,
    name: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    id_column: str | None = None,
    keep_duplicates: bool = False,
    progress: Progress = None,
) -> TextSet:
    """Read the texts of a file, with gold labels where ``label_column`` says.

    Args:
        path: see :func:`llkd.datasets.read_records`.
        name: the file's original name where ``path`` is a temporary copy.
        text_column: guessed when None and the guess is safe.
        label_column: None means that there is no gold.
        id_column: guessed when None; ids are numbers of records where it does not serve.
        keep_duplicates: keep a text (outer spaces aside) that came before.
        progress: told the number of records read so far.

    Raises:
        NotFound: there is no such file.
        DataError: the file or a column cannot be used; the sentence says where and what to do.
    """
    named = [wanted for wanted in (text_column, label_column, id_column) if wanted]
    records = read_records(path, name, named=named, progress=progress)
    column, told = choose_text(records, text_column)
    label = find_column(records, label_column, "--label-column") if label_column else None
    if label == column:
        raise DataError(
            f"The column {quoted(column)} of {plain(records.name)} cannot be both the text and the "
            "label. Choose another one with --label-column."
        )
    ident = find_column(records, id_column, "--id-column") if id_column else guess_id(records)
    ident = ident if ident != column else None
    texts = records.table.column(column).to_pylist()
    gold = _gold(records, label)
    sorting = sort_texts(texts, gold, set(records.lists.get(column, ())), keep_duplicates)
    if not sorting.keep:
        raise DataError(
            f"{plain(records.name)} holds no usable text: "
            f"{count(len(texts), 'value')} of the column {quoted(column)} "
            f"{'is' if len(texts) == 1 else 'are'} blank. Choose another column with --text-column."
        )
    kept = [texts[row] for row in sorting.keep]
    kept_gold = [gold[row] for row in sorting.keep]
    ids, ids_told = _ids(records, ident, sorting.keep)
    warnings = [*records.warnings, *told, *replaced_told(records, (column, label))]
    warnings += sorting_told(records, column, sorting)
    kept, text_told = text_warnings(kept, [records.number(row) for row in sorting.keep])
    warnings += text_told + ids_told
    if label is not None:
        warnings += label_warnings(kept_gold, label) + typed_labels(records, label)
    return _text_set(ids, kept, kept_gold, records.rows, records.left_out, sorting, warnings)


def texts_from_lines(pasted: str) -> TextSet:
    """The texts of a paste box: each line with something visible on it is one.

    Raises:
        DataError: no line holds a text.
    """
    lines = [line.rstrip("\n") for line in StringIO(pasted.removeprefix("\ufeff"), newline=None)]
    texts = [line for line in lines if visible(line)]
    if not texts:
        raise DataError(f"There is no text in {_PASTED}. Paste at least one line.")
    gold: list[str | None] = [None] * len(texts)
    sorting = sort_texts(texts, gold, set(), keep_duplicates=False)
    kept, warnings = text_warnings(
        [texts[row] for row in sorting.keep], [row + 1 for row in sorting.keep]
    )
    ids = [str(row + 1) for row in sorting.keep]
    return _text_set(ids, kept, [None] * len(kept), len(texts), 0, sorting, warnings)


def _text_set(
    ids: list[str],
    texts: list[str],
    gold: list[str | None],
    rows: int,
    left_out: int,
    sorting: Sorting,
    warnings: Iterable[str],
) -> TextSet:
    dropped = {
        "blank": len(sorting.blank),
        "duplicate": sorting.duplicates,
        "malformed": left_out + len(sorting.lists),
    }
    return TextSet(
        texts=frame(ids, texts, gold),
        rows=rows,
        dropped={reason: number for reason, number in dropped.items() if number},
        labels=by_frequency(gold),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def frame(ids: Sequence[str], texts: Sequence[str], gold: Sequence[str | None]) -> pd.DataFrame:
    """The frame of a text set; object columns, so that a missing label is None."""
    columns = {"id": ids, "text": texts, "gold": gold}
    return pd.DataFrame({key: pd.Series(list(v), dtype=object) for key, v in columns.items()})


def _gold(records: Records, label: str | None) -> list[str | None]:
    if label is None:
        return [None] * records.table.num_rows
    known: dict[str | None, str | None] = {}  # a label comes often; clean each spelling once
    labels = records.table.column(label).to_pylist()
    for spelled in labels:
        if spelled not in known:
            known[spelled] = cleaned(spelled)
    return [known[spelled] for spelled in labels]


def _ids(records: Records, column: str | None, keep: Sequence[int]) -> tuple[list[str], list[str]]:
    """The ids of the kept rows: the column's, or record numbers where it does not serve."""
    made = [str(records.number(row)) for row in keep]
    if column is None:
        return made, []
    values = records.table.column(column).to_pylist()
    ids = [storable(values[row] or "") for row in keep]
    blank = [records.number(row) for row, ident in zip(keep, ids, strict=True) if not ident.strip()]
    seen: set[str] = set()
    twice: list[int] = []
    for row, ident in zip(keep, ids, strict=True):
        if ident in seen and ident.strip():
            twice.append(records.number(row))
        seen.add(ident)
    if not blank and not twice:
        return ids, []
    reasons = []
    if blank:
        reasons.append(f"is blank in {places('record', blank)}")
    if twice:
        reasons.append(f"repeats itself in {places('record', twice)}")
    return made, [
        f"The id column {quoted(column)} {' and '.join(reasons)}, so the ids are record numbers."
    ]
