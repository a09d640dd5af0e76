"""Gold labels: joined from a second file, and split into a pool and an evaluation part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from llkd.datasets.checks.class_names import Cells, by_frequency, label_warnings
from llkd.datasets.checks.columns import find_column, guess_id, guess_label, guess_text
from llkd.datasets.readers.records import Records
from llkd.datasets.text_set import TextSet
from llkd.datasets.untrusted import read_records
from llkd.datasets.wording import choices, count, plain, quoted
from llkd.errors import ConfigError, DataError


def with_gold(
    texts: TextSet,
    path: str | Path,
    *,
    name: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
) -> TextSet:
    """Give the texts the labels of a second file, joined by id, else by the text itself.

    Texts without a match keep the label they had. What did not match is counted in the warnings.

    Raises:
        NotFound: there is no such file.
        DataError: it has no such column, or nothing in it matches.
    """
    named = [wanted for wanted in (id_column, label_column) if wanted]
    records = read_records(path, name, named=named)
    by_text = guess_text(records)
    if label_column:
        label: str | None = find_column(records, label_column, "--label-column")
    else:
        label = guess_label(records, by_text, guess_id(records))
    if label is None:
        raise DataError(
            f"It is not clear which column of {plain(records.name)} holds the labels. Its columns "
            f"are {choices(records.columns)}. Choose one of them with --label-column."
        )
    ident = find_column(records, id_column, "--id-column") if id_column else guess_id(records)
    keys = texts.texts["id"].tolist()
    matched: dict[str, str] = {}
    gold_warnings: list[str] = []
    if ident is not None and ident != label:
        matched, gold_warnings = _labels_by(records, ident, label)
    hits = sum(key in matched for key in keys)
    if not hits and by_text is not None and by_text != label:
        keys = [text.strip() for text in texts.texts["text"]]
        matched, gold_warnings = _labels_by(records, by_text, label)
        hits = sum(key in matched for key in keys)
    if not hits:
        raise DataError(_no_match(records, ident, texts))
    gold = [matched.get(key, before) for key, before in zip(keys, texts.texts["gold"], strict=True)]
    warnings = [*texts.warnings, *records.warnings, *gold_warnings]
    warnings += _match_warnings(records, hits, keys, matched) + label_warnings(gold, label)
    return replace(
        texts,
        texts=texts.texts.assign(gold=pd.Series(gold, dtype=object)),
        labels=by_frequency(gold),
        label_column=label,
        unused_label=None,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _labels_by(records: Records, key_column: str, label: str) -> tuple[dict[str, str], list[str]]:
    """The label for each key; the first of several counts."""
    label_of: dict[str, str] = {}
    twice: set[str] = set()
    cells = Cells()
    keys = records.table.column(key_column).to_pylist()
    for key, spelled in zip(keys, records.table.column(label).to_pylist(), strict=True):
        value = cells(spelled)
        if key is None or value is None:
            continue
        key = key.strip()
        if label_of.setdefault(key, value) != value:
            twice.add(key)
    if not twice:
        return label_of, cells.changes(label)
    return label_of, [
        *cells.changes(label),
        f"{count(len(twice), 'value')} of the column {quoted(key_column)} in {plain(records.name)} "
        f"{'has' if len(twice) == 1 else 'have'} more than one label (for example "
        f"{quoted(min(twice))}); the first counts.",
    ]


def _no_match(records: Records, ident: str | None, texts: TextSet) -> str:
    here = quoted(texts.texts["id"].iloc[0])
    if ident is None:
        return (
            f"Nothing in {plain(records.name)} matches a text: it has no id column, and no text of "
            f"it is among the texts. Its columns are {choices(records.columns)}. Choose the one "
            "with the ids with --id-column."
        )
    cells = records.table.column(ident).to_pylist()
    there = next((quoted(cell) for cell in cells if cell), "none")
    return (
        f"No id in the column {quoted(ident)} of {plain(records.name)} matches a text ({there} "
        f"there, {here} here). Choose the column with the ids with --id-column."
    )


def _match_warnings(
    records: Records, hits: int, keys: Sequence[str], matched: dict[str, str]
) -> list[str]:
    warnings = []
    without = len(keys) - hits
    if without:
        few = "Only " if 2 * hits < len(keys) else ""
        warnings.append(
            f"{few}{hits:,} of {count(len(keys), 'text')} found a label in {plain(records.name)}; "
            f"{without:,} did not."
        )
    unused = len(matched.keys() - set(keys))
    if unused:
        warnings.append(
            f"{count(unused, 'label')} in {plain(records.name)} "
            f"{'belongs' if unused == 1 else 'belong'} to no text."
        )
    return warnings


def hold_out(
    gold: Sequence[str | None],
    share: float,
    seed: int = 0,
    groups: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.object_]:
    """Split texts into ``"pool"`` and ``"eval"``, class by class.

    Args:
        gold: a label for each text; what has none is always ``"pool"``.
        share: of the labelled texts, between 0 and 1, for ``"eval"``. Each class gives its part,
            to the nearest whole number in all; every class keeps one text in the pool and, with
            two or more, gives at least one.
        seed: of the draw.
        groups: for each text the position of the first text of its group. Texts of one group, such
            as near-duplicates, land on the same side; a group with an unlabelled text in it is in
            the pool. Classes then give no more than their part, and less where groups do not fit.

    Returns:
        An object array of ``"pool"`` and ``"eval"``, as long as ``gold``.

    Raises:
        ConfigError: the share is not between 0 and 1.
    """
    if not 0.0 < share < 1.0:
        raise ConfigError(
            f"The share to hold out lies between 0 and 1, such as 0.2, but it was {share:g}."
        )
    rows: dict[str, list[int]] = {}
    for row, label in enumerate(gold):
        if label is not None and isinstance(label, str) and label.strip():
            rows.setdefault(label, []).append(row)
    split: npt.NDArray[Any] = np.full(len(gold), "pool", dtype=object)
    rng = np.random.default_rng(seed)
    classes = sorted(rows)
    shared = {} if groups is None else _shared(groups)
    for label, size in zip(classes, _sizes([len(rows[c]) for c in classes], share), strict=True):
        held_rows = rng.choice(np.array(rows[label]), size=size, replace=False)
        split[held_rows] = "eval"
    if shared and groups is not None:
        _repair(split, rows, groups, shared, rng)
    return split


def _shared(groups: npt.NDArray[np.int64]) -> dict[int, list[int]]:
    """The rows of each group of two or more."""
    first, counts = np.unique(groups, return_counts=True)
    shared: dict[int, list[int]] = {}
    for row in np.flatnonzero(np.isin(groups, first[counts > 1])):
        shared.setdefault(int(groups[row]), []).append(int(row))
    return shared


def _repair(
    split: npt.NDArray[Any],
    rows: dict[str, list[int]],
    groups: npt.NDArray[np.int64],
    shared: dict[int, list[int]],
    rng: np.random.Generator,
) -> None:
    """Put every group on one side: back into the pool, then single texts in place of the lost."""
    lost: dict[str, int] = {}
    label_of = {row: label for label, members in rows.items() for row in members}
    for members in shared.values():
        held = [row for row in members if split[row] == "eval"]
        if not held or len(held) == len(members):
            continue
        split[members] = "pool"
        for row in held:
            lost[label_of[row]] = lost.get(label_of[row], 0) + 1
    for label in sorted(lost):
        free = [r for r in rows[label] if split[r] == "pool" and int(groups[r]) not in shared]
        in_pool = sum(split[row] == "pool" for row in rows[label])
        size = min(lost[label], len(free), in_pool - 1)
        split[rng.choice(np.array(free, dtype=np.int64), size=max(size, 0), replace=False)] = "eval"


def _sizes(counts: list[int], share: float) -> list[int]:
    """How many of each class are held out: largest remainders, then the bounds of each class."""
    exact = [share * count for count in counts]
    sizes = [int(size) for size in exact]
    left = round(sum(exact)) - sum(sizes)
    order = sorted(range(len(counts)), key=lambda k: (sizes[k] - exact[k], k))
    for k in order[: max(left, 0)]:
        sizes[k] += 1
    return [
        min(max(size, 1 if count > 1 else 0), count - 1)
        for size, count in zip(sizes, counts, strict=True)
    ]
