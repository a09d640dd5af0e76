"""The files of an import joined: what is kept of them, under which ids, and what is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from llkd.datasets.annotations.judgements import PeopleLabels, of_positions
from llkd.datasets.checks.class_names import by_frequency, label_warnings
from llkd.datasets.checks.ids import Named, ids_of
from llkd.datasets.checks.repeats import Repeats, find_near, find_repeats
from llkd.datasets.checks.scan import (
    RowMask,
    replacement_warnings,
    row_mask_warnings,
    text_warnings,
    typed_labels,
)
from llkd.datasets.limits import MANY_TEXTS
from llkd.datasets.parsed_file import ParsedFile, unused_label
from llkd.datasets.readers.tables import Column
from llkd.datasets.readers.temp_buffer import TableSpool, steps
from llkd.datasets.text_set import FileCount, Reading, TextSet, frame
from llkd.datasets.wording import Note, count, listed, plain


def joined(parts: list[ParsedFile], reading: Reading, warnings: Sequence[str]) -> TextSet:
    """The text set of all parts, in their order; ``warnings`` are told first."""
    states = np.concatenate([part.scan.state for part in parts])
    usable = np.flatnonzero(states == 0)
    column = Column([part.text for part in parts])
    gold = np.concatenate([np.asarray(part.gold, dtype=object) for part in parts])
    hashes = np.concatenate([part.scan.hashes for part in parts])
    repeats = find_repeats(hashes, usable, column, gold)
    later = may_wait(parts, reading, len(usable))
    near = find_near(column, repeats) if reading.near != "ignore" and not later else None
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
    row_masks = _row_masks(parts, keep, repeats)
    merge_warnings = _merge_warnings(parts, row_masks, reading)
    merge_warnings += [] if near is None else near.warnings()
    kept_rows = np.flatnonzero(keep)
    ids, id_warnings = _ids(parts, row_masks)
    kept_gold: list[str | None] = gold[kept_rows].tolist()
    if parts[0].label is not None:
        merge_warnings += label_warnings(kept_gold, parts[0].label)
        merge_warnings += [
            line for part in parts for line in typed_labels(part.records, str(part.label))
        ]
    people, people_notes = _people(parts, keep, repeats)
    merge_warnings += people_notes
    sources = [part.name for part in parts]
    columns: dict[str, Any] = {"id": ids, "text": _texts(parts, row_masks), "gold": kept_gold}
    if len(parts) > 1:
        columns["source"] = np.repeat(
            np.asarray(sources, dtype=object), [int(row_mask.keep.sum()) for row_mask in row_masks]
        )
    dropped["blank"] = int((states == 1).sum())
    dropped["malformed"] = sum(p.records.left_out for p in parts) + int((states == 2).sum())
    order = ("blank", "duplicate", "near_duplicate", "malformed")
    return TextSet(
        texts=frame(columns),
        rows=sum(part.records.rows for part in parts),
        dropped={reason: dropped[reason] for reason in order if dropped.get(reason)},
        labels=by_frequency(kept_gold),
        warnings=tuple(dict.fromkeys([*warnings, *merge_warnings, *id_warnings])),
        files=tuple(
            FileCount(
                part.name,
                part.records.format,
                part.records.encoding,
                part.records.rows,
                int(row_mask.keep.sum()),
            )
            for part, row_mask in zip(parts, row_masks, strict=True)
        ),
        near=None if near is None else near.counted,
        groups=_positions(groups, kept_rows),
        label_column=parts[0].label,
        people=people,
        unused_label=next(filter(None, map(unused_label, parts)), None),
        near_later=later,
    )


def may_wait(parts: list[ParsedFile], reading: Reading, texts: int) -> bool:
    """Whether near-duplicates may be looked for after the import.

    Only where nothing rests on them: they stay in any case, and no text has a label by which it
    could be held out, so that none can have its like on the other side.
    """
    labels = any(part.label is not None or part.annotations is not None for part in parts)
    return reading.near_later and reading.near == "keep" and not labels and texts >= MANY_TEXTS


def _people(
    parts: list[ParsedFile], keep: npt.NDArray[np.bool_], repeats: Repeats
) -> tuple[PeopleLabels | None, list[str]]:
    """People's labels of the kept texts; a repeat's are those of the text that stands for it."""
    places = np.cumsum(keep) - 1
    joint: PeopleLabels | None = None
    notes: list[str] = []
    start = 0
    for part in parts:
        if part.annotations is not None:
            rows = start + np.arange(len(part.text))
            stands = np.where(keep[rows], rows, repeats.first[rows])
            usable = (stands >= 0) & keep[np.maximum(stands, 0)]
            position = {
                int(record): int(places[stands[record]]) for record in np.flatnonzero(usable)
            }
            labels, sentences = of_positions(part.annotations, part.question, position)
            notes += [Note(sentence) for sentence in sentences]
            if labels is not None:
                joint = labels if joint is None else joint.with_those_of(labels)
        start += len(part.text)
    return joint, notes


def _positions(groups: npt.NDArray[np.int64], kept_rows: npt.NDArray[np.int64]) -> Any:
    """Groups of rows as groups of kept texts: each has the position of its first kept text."""
    _, first, inverse = np.unique(groups[kept_rows], return_index=True, return_inverse=True)
    return first[inverse.ravel()].astype(np.int64)


def _row_masks(
    parts: list[ParsedFile], keep: npt.NDArray[np.bool_], repeats: Repeats
) -> list[RowMask]:
    row_masks = []
    start = 0
    for part in parts:
        end = start + len(part.text)
        here = repeats.conflicts[(repeats.conflicts >= start) & (repeats.conflicts < end)]
        row_masks.append(RowMask(part.scan, keep[start:end], (here - start).tolist()))
        start = end
    return row_masks


def _merge_warnings(
    parts: list[ParsedFile], row_masks: list[RowMask], reading: Reading
) -> list[str]:
    warnings: list[str] = []
    if len(parts) > 1:
        warnings.append(_files_sentence(parts))
    for part, row_mask in zip(parts, row_masks, strict=True):
        lines = [*part.records.warnings, *part.warnings]
        lines += replacement_warnings(part.records, (part.column, part.label))
        lines += row_mask_warnings(part.records, part.column, row_mask)
        lines += text_warnings(part.records, row_mask)
        if len(parts) > 1:
            shown = plain(part.name)
            lines = [line if shown in line else type(line)(f"{shown}: {line}") for line in lines]
        warnings += lines
    return warnings


def _files_sentence(parts: list[ParsedFile]) -> str:
    shown = [f"{plain(part.name, 60)} ({part.records.rows:,})" for part in parts]
    rows = sum(part.records.rows for part in parts)
    return Note(f"{count(rows, 'record')} of {len(parts):,} files were joined: {listed(shown, 8)}.")


def _ids(parts: list[ParsedFile], row_masks: list[RowMask]) -> tuple[pa.ChunkedArray, list[str]]:
    return ids_of(
        [
            Named(part.records, part.name, part.ident, np.flatnonzero(row_mask.keep))
            for part, row_mask in zip(parts, row_masks, strict=True)
        ]
    )


def _texts(parts: list[ParsedFile], row_masks: list[RowMask]) -> pa.ChunkedArray:
    """The texts that are kept; what cannot be stored is replaced."""
    if all(s.keep.all() and not len(s.scan.unstorable) for s in row_masks):
        return pa.chunked_array([c for p in parts for c in p.text.chunks], type=pa.string())
    spool = TableSpool()
    for part, row_mask in zip(parts, row_masks, strict=True):
        start = 0
        for chunk in steps(part.text.chunks):
            keep = row_mask.keep[start : start + len(chunk)]
            start += len(chunk)
            kept_texts = chunk.filter(pa.array(keep))
            if len(row_mask.scan.unstorable):
                kept_texts = pa.compute.replace_substring(kept_texts, "\0", "\ufffd")
            if len(kept_texts):
                spool.add(pa.table({"text": kept_texts}))
    return spool.table().column("text")
