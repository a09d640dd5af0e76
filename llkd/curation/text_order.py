"""The order of a whole list of texts by any of its columns, however many there are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from llkd.curation.plane import Plane
from llkd.curation.random_order import random_order
from llkd.curation.text_filters import authors
from llkd.selection.signals import Floats
from llkd.store import Store

_OF_FRAME = {
    "row": "row",
    "label": "label",
    "gold": "gold",
    "confidence": "confidence",
    "uncertainty": "information_need",
    "student": "student_label",
    "disagreement": "disagreement",
    "flag": "flagged",
}
_CLASSES = ("label", "gold", "student")


def sort_values(
    store: Store, plane: Plane, positions: np.ndarray, texts: pd.Series, order: str
) -> Floats:
    """A number for each of these positions of the plane ``[m]``; NaN where it is unknown.

    ``order`` is a ``config.text_view.Order`` other than ``why`` and ``meaning``, which depend on
    more (see :func:`ranks`, ``meaning_scores``). ``texts`` are all texts of the project by row.
    """
    rows = plane.frame["row"].to_numpy()[positions]
    if order == "random":
        places = np.argsort(random_order(plane.project.stages))
        return np.asarray(places[rows], dtype=np.float64)
    if order == "text":
        return ranks(texts.iloc[rows])
    if order == "length":
        return texts.iloc[rows].str.len().to_numpy(dtype=np.float64)
    if order == "by":
        return ranks(authors(store, plane)[positions])
    if order == "note":
        noted = np.isin(rows, store.history.noted_rows(plane.project.id))
        return np.asarray(noted, dtype=np.float64)
    values = plane.frame[_OF_FRAME[order]].to_numpy(dtype=np.float64)[positions]
    return np.where(values < 0, np.nan, values) if order in _CLASSES else values


def in_order(positions: np.ndarray, values: Floats, descending: bool) -> np.ndarray:
    """The positions by their values, stable; unknown ones last whichever way it is sorted."""
    return positions[np.argsort(-values if descending else values, kind="stable")]


def ranks(words: pd.Series | np.ndarray | list[str]) -> Floats:
    """The place of each word in the alphabet of them all, whatever its case."""
    array = pa.array(words, type=pa.large_string(), from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    places = pc.rank(pc.utf8_lower(array), sort_keys="ascending", tiebreaker="dense")
    return np.asarray(places.to_numpy(zero_copy_only=False), dtype=np.float64)
