"""Which texts of a plane pass filters: one mask for plane, map, table, command line and Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from llkd.config.text_filters import NOBODY, PERSON, TEACHER, TextFilters
from llkd.curation.labels import teacher_labels
from llkd.curation.plane import Plane
from llkd.selection import signals
from llkd.store import Store

AGREES, DIFFERS, UNKNOWN = "agrees", "differs", "unknown"
FilterColumns = Mapping[str, np.ndarray]
"""What filters look at, by kind, each ``[n]`` in the order of the plane's rows."""


def filtered_rows(
    store: Store, plane: Plane, filters: TextFilters, texts: pd.Series | None = None
) -> np.ndarray:
    """The rows of the plane that pass all filters, a mask ``[n]`` over ``plane.frame``.

    ``texts`` are all texts of the project by row, read where they are needed and not given.
    """
    if not filters:
        return np.ones(len(plane.frame), dtype=bool)
    return filter_mask(filter_columns(store, plane, filters.kinds, texts), filters, plane)


def filter_mask(columns: FilterColumns, filters: TextFilters, plane: Plane) -> np.ndarray:
    """The mask ``[n]`` of these columns: all kinds must hold, of each kind any value."""
    mask = np.ones(len(plane.frame), dtype=bool)
    for each in filters.filters:
        column = columns[each.kind]
        if each.kind in _RANGES:
            mask &= _in_ranges(column, each.values)
        elif each.kind in _MARKS:
            mask &= np.isin(column, [value == "yes" for value in each.values])
        elif each.kind == "label":
            mask &= np.isin(column, [plane.classes.places.get(key, -2) for key in each.values])
        else:
            mask &= pd.Series(column).isin(list(each.values)).to_numpy()
    return mask


def filter_columns(
    store: Store, plane: Plane, kinds: tuple[str, ...], texts: pd.Series | None = None
) -> FilterColumns:
    """What filters of these kinds look at."""
    return {kind: _COLUMNS[kind](store, plane, texts) for kind in kinds}


def authors(store: Store, plane: Plane) -> np.ndarray:
    """Who gave the label of each row ``[n]``: ``teacher``, ``nobody`` or ``@`` and a name."""
    frame = plane.frame
    by = np.where(frame["teacher_label"] >= 0, TEACHER, NOBODY).astype(object)
    people = np.flatnonzero(frame["human_label"].to_numpy() >= 0)
    if len(people):
        names = store.history.labellers(plane.project.id)
        rows = frame["row"].to_numpy()[people]
        by[people] = [PERSON + names.get(int(row), "") for row in rows]
    return by


def _agreement(first: str, second: str) -> Callable[..., np.ndarray]:
    def column(store: Store, plane: Plane, texts: pd.Series | None) -> np.ndarray:
        a, b = (plane.frame[name].to_numpy() for name in (first, second))
        values = np.where(a == b, AGREES, DIFFERS).astype(object)
        values[(a < 0) | (b < 0)] = UNKNOWN
        return values

    return column


def _of_frame(name: str) -> Callable[..., np.ndarray]:
    def column(store: Store, plane: Plane, texts: pd.Series | None) -> np.ndarray:
        return plane.frame[name].to_numpy()

    return column


def _refined(store: Store, plane: Plane, texts: pd.Series | None) -> np.ndarray:
    """Which labels of the teacher are others than they would be without refinement."""
    frame = plane.frame
    if plane.refinement is None:
        return np.zeros(len(frame), dtype=bool)
    plain: Any = signals.with_refinement(plane.calibration, False)
    before = teacher_labels(store, plane.labeling_run, plain)
    label = np.full(plane.project.rows, -1, dtype=np.int64)
    known = before.row < plane.project.rows
    label[before.row[known]] = before.label[known]
    return np.asarray(label[frame["row"].to_numpy()] != frame["teacher_label"].to_numpy())


def _noted(store: Store, plane: Plane, texts: pd.Series | None) -> np.ndarray:
    return np.isin(plane.frame["row"].to_numpy(), store.history.noted_rows(plane.project.id))


def _length(store: Store, plane: Plane, texts: pd.Series | None) -> np.ndarray:
    if texts is None:
        texts = store.projects.texts(plane.project, ["text"])["text"]
    characters = texts.str.len().fillna(0).to_numpy(dtype=np.float64)
    return np.asarray(characters[plane.frame["row"].to_numpy()])


def _split(store: Store, plane: Plane, texts: pd.Series | None) -> np.ndarray:
    split = store.projects.texts(plane.project, ["split"])["split"]
    pool = (split == "pool").to_numpy()[plane.frame["row"].to_numpy()]
    return np.where(pool, "pool", "held-out").astype(object)


def _added(store: Store, plane: Plane, texts: pd.Series | None) -> np.ndarray:
    return np.searchsorted(plane.project.stages, plane.frame["row"].to_numpy(), side="right")


def _authors(store: Store, plane: Plane, texts: pd.Series | None) -> np.ndarray:
    return authors(store, plane)


def _in_ranges(values: np.ndarray, ranges: tuple[Any, ...]) -> np.ndarray:
    """Within any of the ranges, ends included; what is unknown (NaN) is in none."""
    mask = np.zeros(len(values), dtype=bool)
    for each in ranges:
        inside = ~np.isnan(values)
        if each.low is not None:
            inside &= values >= each.low
        if each.high is not None:
            inside &= values <= each.high
        mask |= inside
    return mask


_RANGES = ("confidence", "uncertainty", "disagreement", "length")
_MARKS = ("flag", "note", "excluded", "refined")
_COLUMNS: dict[str, Callable[..., np.ndarray]] = {
    "label": _of_frame("label"),
    "by": _authors,
    "student": _agreement("teacher_label", "student_label"),
    "people": _agreement("teacher_label", "human_label"),
    "gold": _agreement("label", "gold"),
    "confidence": _of_frame("confidence"),
    "uncertainty": _of_frame("information_need"),
    "disagreement": _of_frame("disagreement"),
    "refined": _refined,
    "flag": _of_frame("flagged"),
    "note": _noted,
    "excluded": _of_frame("excluded"),
    "length": _length,
    "added": _added,
    "split": _split,
}
