"""The files of an import joined: what is kept of them, under which ids, and what is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from llkd.datasets.findings import (
    Sorting,
    replaced_told,
    sorting_told,
    text_warnings,
    typed_labels,
)
from llkd.datasets.ids import Named, ids_of
from llkd.datasets.labels import by_frequency, label_warnings
from llkd.datasets.parts import Part, unused_label
from llkd.datasets.repeats import Repeats, find_near, find_repeats
from llkd.datasets.scratch import Spool, steps
from llkd.datasets.tables import Column
from llkd.datasets.text_set import FileCount, Reading, TextSet, frame
from llkd.datasets.wording import Note, count, listed, plain


def joined(parts: list[Part], reading: Reading, warnings: Sequence[str]) -> TextSet:
    """The text set of all parts, in their order; ``warnings`` are told first."""
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
    told += [] if near is None else near.told()
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
        label_column=parts[0].label,
        unused_label=next(filter(None, map(unused_label, parts)), None),
    )


def _positions(groups: npt.NDArray[np.int64], kept: npt.NDArray[np.int64]) -> Any:
    """Groups of rows as groups of kept texts: each has the position of its first kept text."""
    _, first, inverse = np.unique(groups[kept], return_index=True, return_inverse=True)
    return first[inverse.ravel()].astype(np.int64)


def _sortings(parts: list[Part], keep: npt.NDArray[np.bool_], repeats: Repeats) -> list[Sorting]:
    sortings = []
    start = 0
    for part in parts:
        end = start + len(part.text)
        here = repeats.conflicts[(repeats.conflicts >= start) & (repeats.conflicts < end)]
        sortings.append(Sorting(part.glance, keep[start:end], (here - start).tolist()))
        start = end
    return sortings


def _told(parts: list[Part], sortings: list[Sorting], reading: Reading) -> list[str]:
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
            lines = [line if shown in line else type(line)(f"{shown}: {line}") for line in lines]
        told += lines
    return told


def _files_told(parts: list[Part]) -> str:
    shown = [f"{plain(part.name, 60)} ({part.records.rows:,})" for part in parts]
    rows = sum(part.records.rows for part in parts)
    return Note(f"{count(rows, 'record')} of {len(parts):,} files were joined: {listed(shown, 8)}.")


def _ids(parts: list[Part], sortings: list[Sorting]) -> tuple[pa.ChunkedArray, list[str]]:
    return ids_of(
        [
            Named(part.records, part.name, part.ident, np.flatnonzero(sorting.keep))
            for part, sorting in zip(parts, sortings, strict=True)
        ]
    )


def _texts(parts: list[Part], sortings: list[Sorting]) -> pa.ChunkedArray:
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
