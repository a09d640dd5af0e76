"""From records to checked texts: usable, unlike each other, each with an id of its own.

Texts stay in Arrow columns, beyond some MiB in scratch files, so that a file may be larger than
the memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from llkd.datasets.characters import visible
from llkd.datasets.columns import find_column, guess_id
from llkd.datasets.columns import text_column as choose_text
from llkd.datasets.files import File, find_parts
from llkd.datasets.findings import (
    Glance,
    Sorting,
    glance,
    replaced_told,
    sorting_told,
    text_warnings,
    typed_labels,
)
from llkd.datasets.ids import Named, ids_of
from llkd.datasets.labels import by_frequency, cleaned, label_warnings
from llkd.datasets.records import Records, read_blocks, read_records
from llkd.datasets.repeats import NearDuplicates, Repeats, find_near, find_repeats
from llkd.datasets.scratch import Spool, steps
from llkd.datasets.statistics import Statistics, measure
from llkd.datasets.tables import Column, Progress
from llkd.datasets.wording import count, listed, plain, quoted
from llkd.errors import ConfigError, DataError

_PASTED = "the pasted text"
_ALL_OR_NOTHING = "Nothing was imported: mend this file, or leave it out."
NEAR = ("keep", "drop", "ignore")


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes:
        text_column: guessed when None and the guess is safe.
        label_column: None means that there is no gold.
        id_column: guessed when None; ids are numbers of records where it does not serve.
        keep_duplicates: keep a text (outer spaces aside) that came before.
        near: near-duplicates are counted and kept (``keep``), left out but for the first of each
            group (``drop``), or not looked for (``ignore``).
        blocks: in plain text a text is a block of lines up to a blank line, and not one line.
    """

    text_column: str | None = None
    label_column: str | None = None
    id_column: str | None = None
    keep_duplicates: bool = False
    near: Literal["keep", "drop", "ignore"] = "keep"
    blocks: bool = False

    def __post_init__(self) -> None:
        if self.near not in NEAR:
            raise ConfigError(
                f"Near-duplicates can be treated as {', '.join(NEAR)}, but it was {self.near!r}."
            )


@dataclass(frozen=True)
class FileCount:
    """One file of an import: how it was read, its records, and how many texts were kept."""

    name: str
    format: str
    encoding: str | None
    rows: int
    kept: int


@dataclass(frozen=True)
class TextSet:
    """Texts that can be labelled.

    ``texts`` has the columns ``id`` (str, unique), ``text`` (str, as in the file) and ``gold``
    (str or None), in the order of the file; several files add ``source``, the file's name.
    ``rows`` counts the records. ``dropped`` says what was left out and why: ``blank``,
    ``duplicate``, ``near_duplicate``, ``malformed`` (lists in place of texts, rows with too many
    fields and, though they are no records, lines that cannot be read). ``labels`` are the gold
    labels, the most frequent first. ``near`` counts near-duplicates, None where nobody looked;
    ``groups`` holds for each text the position of the first one that it repeats or nearly repeats.
    """

    texts: pd.DataFrame
    rows: int
    dropped: dict[str, int]
    labels: tuple[str, ...]
    warnings: tuple[str, ...]
    files: tuple[FileCount, ...] = ()
    near: NearDuplicates | None = None
    groups: npt.NDArray[np.int64] | None = field(default=None, repr=False)

    @property
    def kept(self) -> int:
        """How many texts there are."""
        return len(self.texts)

    @cached_property
    def statistics(self) -> Statistics:
        """Lengths and languages of the texts, measured once."""
        return measure(self.texts["text"])


@dataclass(frozen=True)
class _Part:
    """One file as it was read, with the columns that matter."""

    records: Records
    name: str
    column: str
    label: str | None
    ident: str | None
    text: pa.ChunkedArray
    gold: list[str | None]
    glance: Glance
    told: tuple[str, ...]


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
    files: Sequence[File], reading: Reading | None = None, *, progress: Progress = None
) -> TextSet:
    """Read the texts of files and folders, with gold labels where ``reading`` says so.

    All files have the text column in common. Ids that would come twice are put after the name of
    their file.

    Raises:
        NotFound: there is no such file.
        DataError: a file or a column cannot be used; the sentence says where and what to do.
    """
    reading = reading or Reading()
    found = find_parts(files)
    several = len(found.parts) > 1
    parts: list[_Part] = []
    read = 0

    def so_far(rows: int) -> None:
        if progress:
            progress(read + rows)

    for part in found.parts:
        try:
            parts.append(_read(part, reading, parts[0] if parts else None, so_far))
        except DataError as error:
            told = str(error)
            told = told if part.label in told else f"{part.label}: {told}"
            raise (DataError(f"{told} {_ALL_OR_NOTHING}") if several else error) from None
        read += parts[-1].records.rows
    return _text_set(parts, reading, found.warnings)


def texts_from_lines(pasted: str, *, blocks: bool = False, near: str = "keep") -> TextSet:
    """The texts of a paste box: each line with something visible on it, or each block of lines.

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
    part = _Part(
        records, _PASTED, "text", None, None, column, [None] * len(texts), glance(column, ()), ()
    )
    return _text_set([part], Reading(near=near), ())  # type: ignore[arg-type]


def _read(part: Any, reading: Reading, first: _Part | None, progress: Progress) -> _Part:
    asked = (reading.text_column, reading.label_column, reading.id_column)
    if first:  # files of one import have their columns in common
        asked = (first.column, first.label or reading.label_column, first.ident)
    records = read_records(
        part.path,
        part.name,
        member=part.member,
        named=[wanted for wanted in asked if wanted],
        blocks=reading.blocks,
        progress=progress,
    )
    column, told = _text_column(records, asked[0], first)
    label = find_column(records, asked[1], "--label-column") if asked[1] else None
    if label == column:
        raise DataError(
            f"The column {quoted(column)} of {plain(records.name)} cannot be both the text and the "
            "label. Choose another one with --label-column."
        )
    if reading.id_column:
        ident: str | None = find_column(records, reading.id_column, "--id-column")
    else:
        ident = guess_id(records)
    text = records.table.column(column)
    looked = glance(text, records.lists.get(column, ()))
    if not (looked.state == 0).any():
        raise DataError(
            f"{plain(records.name)} holds no usable text: "
            f"{count(len(text), 'value')} of the column {quoted(column)} "
            f"{'is' if len(text) == 1 else 'are'} blank. Choose another column with --text-column."
        )
    ident = ident if ident != column else None
    gold = _gold(records, label)
    name = part.label
    return _Part(records, name, column, label, ident, text, gold, looked, tuple(told))


def _text_column(
    records: Records, wanted: str | None, first: _Part | None
) -> tuple[str, list[str]]:
    """The text column; of a further file the one that has the name of the first file's."""
    if first is None or len(records.columns) == len(first.records.columns) == 1:
        return choose_text(records, None if first else wanted)
    try:
        find_column(records, first.column, "--text-column")
    except DataError:
        raise DataError(
            f"{plain(records.name)} has no column {quoted(first.column)}, which holds the texts of "
            f"{plain(first.name)}; its columns are {listed(records.columns, 12)}. Give the columns "
            "the same name in all files."
        ) from None
    return choose_text(records, wanted)


def _gold(records: Records, label: str | None) -> list[str | None]:
    if label is None:
        return [None] * records.table.num_rows
    known: dict[str | None, str | None] = {}  # a label comes often; clean each spelling once
    gold: list[str | None] = []
    for chunk in steps(records.table.column(label).chunks):
        for spelled in chunk.to_pylist():
            if spelled not in known:
                known[spelled] = cleaned(spelled)
            gold.append(known[spelled])
    return gold


def _text_set(parts: list[_Part], reading: Reading, warnings: Sequence[str]) -> TextSet:
    states = np.concatenate([part.glance.state for part in parts])
    usable = np.flatnonzero(states == 0)
    column = Column([part.text for part in parts])
    gold = np.concatenate([np.asarray(part.gold, dtype=object) for part in parts])
    hashes = np.concatenate([part.glance.hashes for part in parts])
    repeats = find_repeats(hashes, usable, column, gold)
    near = find_near(column, repeats) if reading.near != "ignore" else None
    groups = repeats.first if near is None else near.first
    keep = states == 0
    if not reading.keep_duplicates:
        keep[usable] = repeats.first[usable] == usable
    dropped = {"duplicate": int(len(usable) - keep.sum())}
    if near is not None and reading.near == "drop":
        # A near-duplicate goes; an exact repeat stands or falls with the text that it repeats.
        gone = near.first[repeats.first[usable]] != repeats.first[usable]
        dropped["near_duplicate"] = int((keep[usable] & gone).sum())
        keep[usable[gone]] = False
    sortings = _sortings(parts, keep, repeats)
    told = _told(parts, sortings, reading)
    kept = np.flatnonzero(keep)
    ids, ids_told = _ids(parts, sortings)
    kept_gold: list[str | None] = gold[kept].tolist()
    if parts[0].label is not None:
        told += label_warnings(kept_gold, parts[0].label)
        told += [line for part in parts for line in typed_labels(part.records, str(part.label))]
    sources = [part.name for part in parts]
    columns: dict[str, Any] = {"id": ids, "text": _texts(parts, sortings), "gold": kept_gold}
    if len(parts) > 1:
        columns["source"] = np.repeat(
            np.asarray(sources, dtype=object), [int(sorting.keep.sum()) for sorting in sortings]
        )
    dropped["blank"] = int((states == 1).sum())
    dropped["malformed"] = sum(p.records.left_out for p in parts) + int((states == 2).sum())
    order = ("blank", "duplicate", "near_duplicate", "malformed")
    return TextSet(
        texts=frame(columns),
        rows=sum(part.records.rows for part in parts),
        dropped={reason: dropped[reason] for reason in order if dropped.get(reason)},
        labels=by_frequency(kept_gold),
        warnings=tuple(dict.fromkeys([*warnings, *told, *ids_told])),
        files=tuple(
            FileCount(
                part.name,
                part.records.format,
                part.records.encoding,
                part.records.rows,
                int(sorting.keep.sum()),
            )
            for part, sorting in zip(parts, sortings, strict=True)
        ),
        near=None if near is None else near.counted,
        groups=_positions(groups, kept),
    )


def _positions(groups: npt.NDArray[np.int64], kept: npt.NDArray[np.int64]) -> Any:
    """Groups of rows as groups of kept texts: each has the position of its first kept text."""
    _, first, inverse = np.unique(groups[kept], return_index=True, return_inverse=True)
    return first[inverse.ravel()].astype(np.int64)


def _sortings(parts: list[_Part], keep: npt.NDArray[np.bool_], repeats: Repeats) -> list[Sorting]:
    sortings = []
    start = 0
    for part in parts:
        end = start + len(part.text)
        here = repeats.conflicts[(repeats.conflicts >= start) & (repeats.conflicts < end)]
        sortings.append(Sorting(part.glance, keep[start:end], (here - start).tolist()))
        start = end
    return sortings


def _told(parts: list[_Part], sortings: list[Sorting], reading: Reading) -> list[str]:
    told: list[str] = []
    if len(parts) > 1:
        told.append(_files_told(parts))
    for part, sorting in zip(parts, sortings, strict=True):
        lines = [*part.records.warnings, *part.told]
        lines += replaced_told(part.records, (part.column, part.label))
        lines += sorting_told(part.records, part.column, sorting)
        lines += text_warnings(part.records, sorting)
        if len(parts) > 1:
            shown = plain(part.name)
            lines = [line if shown in line else f"{shown}: {line}" for line in lines]
        told += lines
    return told


def _files_told(parts: list[_Part]) -> str:
    shown = [f"{plain(part.name, 60)} ({part.records.rows:,})" for part in parts]
    rows = sum(part.records.rows for part in parts)
    return f"{count(rows, 'record')} of {len(parts):,} files were joined: {listed(shown, 8)}."


def _ids(parts: list[_Part], sortings: list[Sorting]) -> tuple[pa.ChunkedArray, list[str]]:
    return ids_of(
        [
            Named(part.records, part.name, part.ident, np.flatnonzero(sorting.keep))
            for part, sorting in zip(parts, sortings, strict=True)
        ]
    )


def _texts(parts: list[_Part], sortings: list[Sorting]) -> pa.ChunkedArray:
    """The texts that are kept; what cannot be stored is replaced."""
    if all(s.keep.all() and not len(s.glance.unstorable) for s in sortings):
        return pa.chunked_array([c for p in parts for c in p.text.chunks], type=pa.string())
    spool = Spool()
    for part, sorting in zip(parts, sortings, strict=True):
        start = 0
        for chunk in steps(part.text.chunks):
            keep = sorting.keep[start : start + len(chunk)]
            start += len(chunk)
            kept = chunk.filter(pa.array(keep))
            if len(sorting.glance.unstorable):
                kept = pa.compute.replace_substring(kept, "\0", "\ufffd")
            if len(kept):
                spool.add(pa.table({"text": kept}))
    return spool.table().column("text")


def frame(columns: dict[str, Any]) -> pd.DataFrame:
    """The frame of a text set; texts stay in Arrow, the rest are objects: a missing label is None.

    ``columns`` are sequences of equal length by name.
    """
    made = {}
    for key, values in columns.items():
        if isinstance(values, pa.ChunkedArray):
            made[key] = pd.Series(pd.arrays.ArrowExtensionArray(values))
        else:
            made[key] = pd.Series(list(values), dtype=object)
    return pd.DataFrame(made)
