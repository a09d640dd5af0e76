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
from llkd.config.selection_rule import ThresholdRule
from llkd.curation import Plane
from ui.curate.reading.gates import Gate
from ui.curate.state import PICKED, Picked
from ui.decision_plane import Packed, Region
from ui.shell.columns import confidence_column, share_column

PAGE_ROWS = 100
LABELS = ("Label", "Gold", "Student's label")
MOST_AT_ONCE = 10_000
"""More decisions than a person can mean at once are refused with a sentence."""

KEPT_ROWS, OTHER_ROWS, ALL, MARKED = "Kept", "Not kept", "All", "Marked on the plane"
FLAGGED = "Flagged"
LEFT_OUT = "left out by the preset"
DISAGREE = "Members differ most"
"""The fifth of the texts on which a committee's members differ most."""
IN_ORDER = "Order of the data"
AT_RANDOM = "Random order"
"""The one random order there is: whoever labels along it labels a random sample."""
ORDERS = {
    IN_ORDER: None,
    AT_RANDOM: "row",
    "Teacher confidence": "confidence",
    "Student uncertainty": "information_need",
    "Label": "label",
    "Student's label": "student_label",
    "Committee's disagreement": "disagreement",
    "Gold": "gold",
    "Flag": "flagged",
    "Text": "text",
    "Why": "why",
}
HEADERS = {
    **{name: name for name in ("Text", "Flag", "Label", "Gold", "Student's label", "Why")},
    "Confidence": "Teacher confidence",
    "Student uncertainty": "Student uncertainty",
    "Disagreement": "Committee's disagreement",
}
"""The order of the whole list that a click on a column's header makes."""


@dataclass(frozen=True)
class Filter:
    """Which rows are listed and how. ``label`` is a class index, ``words`` must all occur.

    ``gate`` is the preset in use, which decides besides the lines what is kept.
    """

    shown: str = KEPT_ROWS
    label: int | None = None
    words: str = ""
    order: str = IN_ORDER
    descending: bool = False
    region: Region | None = None
    picked: Picked | None = None
    gate: Gate | None = None


def whys(plane: Plane, positions: np.ndarray, view: ThresholdRule, gate: Gate | None) -> list[str]:
    """Why each of these rows is kept or not, by the two lines and by the preset in use."""
    words = curation.reasons(plane, positions, view.teacher_threshold, view.student_threshold)
    if gate is None:
        return words
    return [
        LEFT_OUT if word == "kept" and not inside else word
        for word, inside in zip(words, gate.rows[positions], strict=True)
    ]


def listed(
    plane: Plane,
    packed: Packed,
    mask: np.ndarray,
    texts: pd.Series,
    wanted: Filter,
    view: ThresholdRule | None = None,
) -> np.ndarray:
    """Positions in the plane that the filter lets through, in its order. ``texts`` is by row.

    ``view`` has the thresholds by which a row is kept or not, for the order by why.
    """
    frame = plane.frame
    rows = frame["row"].to_numpy()
    keep = np.ones(len(frame), dtype=bool)
    if wanted.shown == KEPT_ROWS:
        keep &= mask
    elif wanted.shown == OTHER_ROWS:
        keep &= ~mask
    elif wanted.shown == FLAGGED:
        keep &= frame["flagged"].to_numpy()
    elif wanted.shown == DISAGREE:
        keep &= most_disagreement(plane)
    elif wanted.shown == MARKED:
        keep[:] = False
        if wanted.region is not None:
            keep[wanted.region.rows(packed)] = True
    elif wanted.shown == PICKED and wanted.picked is not None:
        places = np.searchsorted(rows, wanted.picked.rows)
        keep[:] = False
        keep[places] = True
    if wanted.label is not None:
        keep &= frame["label"].to_numpy() == wanted.label
    positions = np.flatnonzero(keep)
    if wanted.shown == PICKED and wanted.picked is not None and wanted.order == IN_ORDER:
        # What was found by meaning comes nearest first.
        positions = places[keep[places]]
    for word in wanted.words.split():
        matches = texts.iloc[rows[positions]].str.contains(word, case=False, regex=False)
        positions = positions[matches.fillna(False).to_numpy(dtype=bool)]
    return _ordered(plane, positions, texts, wanted, view or ThresholdRule())


def most_disagreement(plane: Plane) -> np.ndarray:
    """The fifth of the rows on which a committee's members differ most, a mask ``[n]``."""
    values = plane.frame["disagreement"].to_numpy(np.float64)
    known = ~np.isnan(values)
    if not known.any():
        return known
    limit = np.quantile(values[known], 0.8)
    return known & (values >= limit) & (values > 0)


def _ordered(
    plane: Plane, positions: np.ndarray, texts: pd.Series, wanted: Filter, view: ThresholdRule
) -> np.ndarray:
    column = ORDERS.get(wanted.order)
    if column is None:
        return positions[::-1] if wanted.descending else positions
    if column == "text":
        words = texts.iloc[plane.frame["row"].to_numpy()[positions]].astype(str).str.casefold()
        values = _ranks(words.to_numpy(dtype=object))
    elif column == "why":
        values = _ranks(whys(plane, positions, view, wanted.gate))
    else:
        values = plane.frame[column].to_numpy(dtype=np.float64)[positions]
    if column in {"gold", "student_label"}:
        values = np.where(values < 0, np.nan, values)
    if wanted.order == AT_RANDOM:
        values = np.argsort(curation.random_order(plane.project.stages))[values.astype(np.int64)]
    # Stable, and unknown values last whichever way it is sorted.
    order = np.argsort(-values if wanted.descending else values, kind="stable")
    return positions[order]


def _ranks(words: Sequence[str] | np.ndarray) -> np.ndarray:
    """The place of each word in the alphabet of them all."""
    return np.unique(np.asarray(words, dtype=object), return_inverse=True)[1].astype(np.float64)


def rows_table(
    plane: Plane,
    positions: np.ndarray,
    texts: pd.Series,
    view: ThresholdRule,
    gate: Gate | None = None,
) -> pd.DataFrame:
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
        table["Student uncertainty"] = 100 * part["information_need"].to_numpy()
        table["Student's label"] = names[part["student_label"].to_numpy()]
    if plane.frame["disagreement"].notna().any():
        table["Disagreement"] = part["disagreement"].to_numpy()
    table["Why"] = whys(plane, positions, view, gate)
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
    on_ticked: Callable[[list[int]], None] = lambda places: None,
) -> list[int]:
    """Draw one page of rows; returns the places that are ticked.

    ``on_ticked`` gets them before the page is drawn again.

    A click on a header calls ``on_header`` with its column: the browser knows this page only, and
    by itself would sort no more than that. ``wanted`` says in which order the rows are.
    The ticks belong to exactly these rows: other rows, or a new decision, start with ``at_first``.
    """
    columns: dict[str, Any] = {
        # So wide that all columns stand side by side on a laptop's screen.
        "Text": st.column_config.TextColumn(width=320),
        **{name: st.column_config.TextColumn(width=95) for name in LABELS},
        "Confidence": confidence_column(),
        "Student uncertainty": share_column("0 means the student is certain, 100 % no idea."),
        "Disagreement": st.column_config.NumberColumn(
            format="%.3f", width=95, help="How far the committee's members differ; 0: not at all."
        ),
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

    def ticked() -> None:
        on_ticked(_ticked(st.session_state.get(key), len(table)))

    event: Any = st.dataframe(
        table,
        column_config=columns,
        hide_index=True,
        height=min(560, 38 + 35 * max(1, len(table))),
        on_select=ticked,
        # With columns to be picked the browser does not sort.
        selection_mode=["multi-row", "single-column"],
        selection_default={"selection": {"rows": list(at_first)}},
        key=key,
        placeholder="–",
        alt="Texts with their label, the two signals and why they are kept or not",
    )
    for header in event.selection.columns[:1]:
        on_header(str(header))
    return _ticked(event, len(table))


def _ticked(event: Any, length: int) -> list[int]:
    return [] if event is None else [p for p in event["selection"]["rows"] if p < length]
