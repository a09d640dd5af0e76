"""The rows of a curated set as one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from llkd.curation import Plane
from llkd.exporting.columns import COLUMNS, PROBABILITIES, USUAL_GROUPS
from llkd.exporting.splits import places, validation_rows
from llkd.selection import signals
from llkd.selection.weights import WEIGHTINGS, selection_weights

DECIMALS = 6
"""Of every number: another machine's last bits differ, and its rows must not."""


@dataclass(frozen=True)
class Options:
    """How a curated set is written: formats, groups of columns, share of validation and its seed.

    ``seed`` is that of the split.
    """

    formats: tuple[str, ...] = ("csv",)
    columns: tuple[str, ...] = USUAL_GROUPS
    validation: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class ExportContext:
    """What the plane does not hold: all texts, and of all rows the source of their confidence.

    ``times`` is how often each row was trained on, None without a run; ``weighting`` the run's.
    ``notes`` are people's by row, a line each.
    """

    texts: pd.Series
    source: np.ndarray
    times: pd.Series | None = None
    weighting: str = "product"
    notes: Mapping[int, str] = field(default_factory=dict)


def curated_table(
    plane: Plane, mask: np.ndarray, beyond: ExportContext, options: Options
) -> pa.Table:
    """The kept rows that have a label, in row order, with the columns that were asked for."""
    positions = np.flatnonzero(mask & (plane.frame["label"].to_numpy() >= 0))
    frame = plane.frame.iloc[positions]
    names = pa.array(plane.names, pa.string())
    rows = frame["row"].to_numpy()
    label, human = frame["label"].to_numpy(), frame["human_label"].to_numpy()
    teacher = frame["teacher_label"].to_numpy()
    texts = pa.array(beyond.texts.iloc[rows], pa.string())

    def classes(index: np.ndarray) -> pa.Array:
        return names.take(pa.array(index, pa.int64(), mask=index < 0))

    columns: dict[str, Any] = {
        "id": lambda: pa.array(frame["id"].astype(str), pa.string()),
        "text": lambda: texts,
        "label": lambda: classes(label),
        "labelled_by": lambda: _either(human >= 0, "person", "teacher"),
        "teacher_label": lambda: classes(teacher),
        "teacher_confidence": lambda: _numbers(frame["confidence"].to_numpy()),
        "confidence_source": lambda: pa.array(
            beyond.source[rows], pa.string(), mask=teacher < 0, from_pandas=True
        ),
        PROBABILITIES: lambda: _lists(plane.probabilities[positions]),
        "human_label": lambda: classes(human),
        "note": lambda: pa.array([beyond.notes.get(int(row)) for row in rows], pa.string()),
        "flagged": lambda: _either(frame["flagged"].to_numpy(dtype=bool), "yes", "no"),
        "weight": lambda: _numbers(_weights(plane, positions, beyond.weighting)),
        "gold": lambda: classes(frame["gold"].to_numpy()),
    }
    if options.validation:
        columns["split"] = lambda: _split(texts, label, options)
    if plane.student_probabilities is not None:
        student = plane.student_probabilities
        columns["information_need"] = lambda: _numbers(frame["information_need"].to_numpy())
        columns["student_label"] = lambda: classes(frame["student_label"].to_numpy())
        columns["student_confidence"] = lambda: _numbers(signals.confidence(student[positions]))
    if beyond.times is not None:
        times = beyond.times.reindex(rows, fill_value=0)
        columns["times_trained_on"] = lambda: pa.array(times.to_numpy(), pa.int64())
    arrays = {
        name: columns[name]()
        for name, column in COLUMNS.items()
        if name in columns and (not column.group or column.group in options.columns)
    }
    return pa.table(arrays)


def _split(texts: pa.Array, label: np.ndarray, options: Options) -> pa.Array:
    where = places(texts.to_pylist(), options.seed)
    return _either(validation_rows(where, label, options.validation), "validation", "train")


def _either(first_where: np.ndarray, first: str, other: str) -> pa.Array:
    return pa.array([other, first]).take(pa.array(first_where.astype(np.int64)))


def _numbers(values: np.ndarray) -> pa.Array:
    return pa.array(np.round(values, DECIMALS) + 0.0, pa.float64(), from_pandas=True)


def _lists(values: np.ndarray) -> pa.Array:
    n, classes = values.shape
    ends = pa.array(np.arange(n + 1) * classes, pa.int32())
    flat = pa.array((np.round(values, DECIMALS) + 0.0).ravel(), pa.float64())
    missing = pa.array(np.isnan(values).any(axis=1))
    return pa.ListArray.from_arrays(ends, flat, mask=missing)


def weight_formula(plane: Plane, weighting: str) -> str:
    """How the column ``weight`` came about, in words."""
    people = "a person's label has 1, and so has a row without either signal"
    if plane.student_probabilities is None:
        return "1 for every row: information need is not known yet"
    spelled = {"product": "c·u", "mean": "(c + u) / 2", "none": "1"}.get(weighting, "c·u")
    sentence = (
        f"{spelled} of teacher confidence c and information need u, divided by its mean over the "
        f"kept rows the teacher labelled; {people}"
    )
    if weighting not in WEIGHTINGS:
        sentence += f" (the run's own weights, {weighting}, belong to the moment of a step)"
    return sentence


def _weights(plane: Plane, positions: np.ndarray, weighting: str) -> np.ndarray:
    frame = plane.frame.iloc[positions]
    sure, need = frame["confidence"].to_numpy(), frame["information_need"].to_numpy()
    known = np.isfinite(sure) & np.isfinite(need) & (frame["human_label"].to_numpy() < 0)
    used = weighting if weighting in WEIGHTINGS else "product"
    weight = selection_weights(np.where(known, sure, 0.0), np.where(known, need, 0.0), known, used)
    return np.where(known, weight, 1.0)
