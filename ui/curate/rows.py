"""The table below the plane: which rows it lists, a page of them, and what is done with them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation
from llkd.curation import Plane
from ui.curate.scene import PICKED, Picked
from ui.decision_plane import Packed, Region
from ui.view import View

PAGE_ROWS = 100
LABELS = ("Label", "Gold", "Student's label")
MOST_AT_ONCE = 10_000
"""More decisions than a person can mean at once are refused with a sentence."""

KEPT, NOT_KEPT, ALL, MARKED = "Kept", "Not kept", "All", "Marked on the plane"
FLAGGED = "Flagged"
IN_ORDER = "Order of the data"
AT_RANDOM = "Random order"
"""The one random order there is: whoever labels along it labels a random sample."""
ORDERS = {
    IN_ORDER: None,
    AT_RANDOM: "row",
    "Teacher confidence": "confidence",
    "Information need": "information_need",
    "Label": "label",
    "Student's label": "student_label",
    "Gold": "gold",
    "Flag": "flagged",
    "Text": "text",
    "Why": "why",
}
HEADERS = {
    **{name: name for name in ("Text", "Flag", "Label", "Gold", "Student's label", "Why")},
    "Confidence": "Teacher confidence",
    "Need": "Information need",
}
"""The order of the whole list that a click on a column's header makes."""


@dataclass(frozen=True)
class Filter:
    """Which rows are listed and how. ``label`` is a class index, ``words`` must all occur."""

    shown: str = KEPT
    label: int | None = None
    words: str = ""
    order: str = IN_ORDER
    descending: bool = False
    region: Region | None = None
    picked: Picked | None = None


def listed(
    plane: Plane,
    packed: Packed,
    kept: np.ndarray,
    texts: pd.Series,
    wanted: Filter,
    view: View | None = None,
) -> np.ndarray:
    """Positions in the plane that the filter lets through, in its order. ``texts`` is by row.

    ``view`` has the thresholds by which a row is kept or not, for the order by why.
    """
    frame = plane.frame
    rows = frame["row"].to_numpy()
    keep = np.ones(len(frame), dtype=bool)
    if wanted.shown == KEPT:
        keep &= kept
    elif wanted.shown == NOT_KEPT:
        keep &= ~kept
    elif wanted.shown == FLAGGED:
        keep &= frame["flagged"].to_numpy()
    elif wanted.shown == MARKED:
        keep[:] = False
        if wanted.region is not None:
            keep[wanted.region.rows(packed)] = True
    elif wanted.shown == PICKED and wanted.picked is not None:
        found = np.searchsorted(rows, wanted.picked.rows)
        keep[:] = False
        keep[found] = True
    if wanted.label is not None:
        keep &= frame["label"].to_numpy() == wanted.label
    positions = np.flatnonzero(keep)
    if wanted.shown == PICKED and wanted.picked is not None and wanted.order == IN_ORDER:
        # What was found by meaning comes nearest first.
        positions = found[keep[found]]
    for word in wanted.words.split():
        found = texts.iloc[rows[positions]].str.contains(word, case=False, regex=False)
        positions = positions[found.fillna(False).to_numpy(dtype=bool)]
    return _ordered(plane, positions, texts, wanted, view or View())


def _ordered(
    plane: Plane, positions: np.ndarray, texts: pd.Series, wanted: Filter, view: View
) -> np.ndarray:
    column = ORDERS.get(wanted.order)
    if column is None:
        return positions[::-1] if wanted.descending else positions
    if column == "text":
        words = texts.iloc[plane.frame["row"].to_numpy()[positions]].astype(str).str.casefold()
        values = _ranks(words.to_numpy(dtype=object))
    elif column == "why":
        values = _ranks(curation.reasons(plane, positions, view.teacher, view.student))
    else:
        values = plane.frame[column].to_numpy(dtype=np.float64)[positions]
    if column in {"gold", "student_label"}:
        values = np.where(values < 0, np.nan, values)
    if wanted.order == AT_RANDOM:
        values = np.argsort(curation.random_order(plane.project.rows))[values.astype(np.int64)]
    # Stable, and unknown values last whichever way it is sorted.
    order = np.argsort(-values if wanted.descending else values, kind="stable")
    return positions[order]


def _ranks(words: Sequence[str] | np.ndarray) -> np.ndarray:
    """The place of each word in the alphabet of them all."""
    return np.unique(np.asarray(words, dtype=object), return_inverse=True)[1].astype(np.float64)


def rows_table(plane: Plane, positions: np.ndarray, texts: pd.Series, view: View) -> pd.DataFrame:
    """These rows as a person reads them."""
    part = plane.frame.iloc[positions]
    names = np.array([*plane.names, ""], dtype=object)
    table = pd.DataFrame(
        {
            "Text": texts.iloc[part["row"].to_numpy()].astype(str).to_numpy(),
            "Label": names[part["label"].to_numpy()],
            "Confidence": 100 * part["confidence"].to_numpy(),
        }
    )
    if plane.student_probabilities is not None:
        table["Need"] = 100 * part["information_need"].to_numpy()
        table["Student's label"] = names[part["student_label"].to_numpy()]
    table["Why"] = curation.reasons(plane, positions, view.teacher, view.student)
    if plane.frame["flagged"].any():
        table.insert(1, "Flag", np.where(part["flagged"], "\u2691", ""))
    if (plane.frame["gold"] >= 0).any():
        table.insert(table.columns.get_loc("Label") + 1, "Gold", names[part["gold"].to_numpy()])
    return table


def pages(count: int) -> int:
    """How many pages so many rows take."""
    return max(1, -(-count // PAGE_ROWS))


def digest(numbers: np.ndarray, besides: str = "") -> int:
    """A number that stands for these numbers, in their order, and for ``besides``."""
    return zlib.crc32(
        np.ascontiguousarray(numbers, np.int64).tobytes(), zlib.crc32(besides.encode())
    )


def show_rows(
    table: pd.DataFrame,
    positions: np.ndarray,
    version: str,
    at_first: Sequence[int] = (),
    wanted: Filter | None = None,
    on_header: Callable[[str], None] = lambda header: None,
) -> list[int]:
    """Draw one page of rows; returns the places that are ticked.

    A click on a header calls ``on_header`` with its column: the browser knows this page only, and
    by itself would sort no more than that. ``wanted`` says in which order the rows are.
    The ticks belong to exactly these rows: other rows, or a new decision, start with ``at_first``.
    """
    columns: dict[str, Any] = {
        # So wide that all columns stand side by side on a laptop's screen.
        "Text": st.column_config.TextColumn(width=320),
        **{name: st.column_config.TextColumn(width=95) for name in LABELS},
        "Confidence": _bar("How sure the teacher is of its label."),
        "Need": _bar("Information need: 0 means the student is certain, 100 % no idea."),
        "Flag": st.column_config.TextColumn(
            width=50, help="Flagged by a person, to look at again."
        ),
        "Why": st.column_config.TextColumn(width=165, help="Why the row is kept or not."),
    }
    order = wanted or Filter()
    arrow = "\u2193" if order.descending else "\u2191"
    for header, name in HEADERS.items():
        if name == order.order and header in table.columns:
            columns[header]["label"] = f"{header} {arrow}"
    key = f"curate_rows_{digest(positions, f'{order.order} {order.descending}')}_{version}"

    event: Any = st.dataframe(
        table,
        column_config=columns,
        hide_index=True,
        height=min(560, 38 + 35 * max(1, len(table))),
        on_select="rerun",
        # With columns to be picked the browser does not sort.
        selection_mode=["multi-row", "single-column"],
        selection_default={"selection": {"rows": list(at_first)}},
        key=key,
        placeholder="–",
        alt="Texts with their label, the two signals and why they are kept or not",
    )
    for header in event.selection.columns[:1]:
        on_header(str(header))
    return [place for place in event.selection.rows if place < len(table)]


def _bar(meaning: str) -> Any:
    return st.column_config.ProgressColumn(
        format="%.1f %%", min_value=0, max_value=100, width="small", help=meaning
    )
