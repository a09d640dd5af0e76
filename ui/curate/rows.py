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
from llkd.config.text_view import EVERY_TEXT, TextView
from llkd.curation import Plane
from llkd.store.people.history import Note
from ui.curate.reading.gates import Gate
from ui.curate.state import PICKED, CurateState, Picked
from ui.decision_plane import Region
from ui.shell.columns import confidence_column, share_column

PAGE_ROWS = 100
LONGEST_CELL = 1000
LABELS = ("Label", "Gold", "Student's label")
MOST_AT_ONCE = 10_000
"""More decisions than a person can mean at once are refused with a sentence."""

KEPT_ROWS, OTHER_ROWS, ALL, MARKED = "Kept", "Not kept", "All", "Marked on the plane"
LEFT_OUT = "left out by the preset"
ORDER_TITLES = {
    "row": "Order of the data",
    "random": "Random order",
    "confidence": "Teacher confidence",
    "uncertainty": "Student uncertainty",
    "label": "Label",
    "by": "Labelled by",
    "student": "Student's label",
    "disagreement": "Committee's disagreement",
    "gold": "Gold",
    "flag": "Flag",
    "note": "Note",
    "text": "Text",
    "length": "Length",
    "why": "Why",
    "meaning": "Nearest in meaning",
}
"""What the orders are called. Along the random one, of which there is one, a sample is labelled."""
HEADERS = {
    "Text": "text",
    "Characters": "length",
    "Nearness": "meaning",
    "Flag": "flag",
    "Note": "note",
    "Label": "label",
    "By": "by",
    "Gold": "gold",
    "Student's label": "student",
    "Why": "why",
    "Confidence": "confidence",
    "Student uncertainty": "uncertainty",
    "Disagreement": "disagreement",
}
"""The order of the whole list that a click on a column's header makes."""


@dataclass(frozen=True)
class Listing:
    """Which rows are listed and how: of what ``shown`` says those that ``view`` lets through.

    ``gate`` is the preset in use, which decides besides the lines what is kept.
    """

    shown: str = KEPT_ROWS
    view: TextView = EVERY_TEXT
    region: Region | None = None
    picked: Picked | None = None
    gate: Gate | None = None

    @property
    def at_random(self) -> bool:
        """Whether whoever goes through it goes through a random sample."""
        return self.view.order == "random" and not self.view.descending


def whys(plane: Plane, positions: np.ndarray, view: ThresholdRule, gate: Gate | None) -> list[str]:
    """Why each of these rows is kept or not, by the two lines and by the preset in use."""
    words = curation.reasons(plane, positions, view.teacher_threshold, view.student_threshold)
    if gate is None:
        return words
    return [
        LEFT_OUT if word == "kept" and not inside else word
        for word, inside in zip(words, gate.rows[positions], strict=True)
    ]


def listed(scene: CurateState, wanted: Listing) -> np.ndarray:
    """Positions in the plane that the listing holds, in its order."""
    rows = scene.plane.frame["row"].to_numpy()
    keep = scene.passing.copy()
    nearest_first = None
    if wanted.shown == KEPT_ROWS:
        keep &= scene.kept_mask
    elif wanted.shown == OTHER_ROWS:
        keep &= ~scene.kept_mask
    elif wanted.shown == MARKED:
        inside = np.zeros(len(keep), dtype=bool)
        if wanted.region is not None:
            inside[wanted.region.rows(scene.packed)] = True
        keep &= inside
    elif wanted.shown == PICKED and wanted.picked is not None:
        places = np.searchsorted(rows, wanted.picked.rows)
        if wanted.view.order == "row":
            # What was picked by meaning comes nearest first.
            nearest_first = places[keep[places]]
        inside = np.zeros(len(keep), dtype=bool)
        inside[places] = True
        keep &= inside
    positions = np.flatnonzero(keep) if nearest_first is None else nearest_first
    return _ordered(scene, positions, wanted)


def _ordered(scene: CurateState, positions: np.ndarray, wanted: Listing) -> np.ndarray:
    order, descending = wanted.view.order, wanted.view.descending
    scores = scene.scores if order == "meaning" else None
    if scores is not None:
        # Nearest first, which is what a person means by it.
        return curation.in_order(positions, scores[positions], not descending)
    if order in ("row", "meaning"):
        return positions[::-1] if descending else positions
    if order == "why":
        values = curation.ranks(whys(scene.plane, positions, scene.view, wanted.gate))
    else:
        values = curation.sort_values(scene.store, scene.plane, positions, scene.texts, order)
    return curation.in_order(positions, values, descending)


def rows_table(scene: CurateState, positions: np.ndarray) -> pd.DataFrame:
    """These rows as a person reads them."""
    plane, view = scene.plane, scene.text_view
    part = plane.frame.iloc[positions]
    names = np.array([*plane.names, ""], dtype=object)
    words = scene.texts.iloc[part["row"].to_numpy()].astype(str)
    table = pd.DataFrame(
        {
            "Text": words.to_numpy(),
            "Label": names[part["label"].to_numpy()],
            "Confidence": 100 * part["confidence"].to_numpy(),
        }
    )
    if plane.student_probabilities is not None:
        table["Student uncertainty"] = 100 * part["information_need"].to_numpy()
        table["Student's label"] = names[part["student_label"].to_numpy()]
    if plane.frame["disagreement"].notna().any():
        table["Disagreement"] = part["disagreement"].to_numpy()
    table["Why"] = whys(plane, positions, scene.view, scene.gate)
    if plane.frame["flagged"].any():
        table.insert(1, "Flag", np.where(part["flagged"], "\u2691", ""))
    if "length" in (view.order, *view.filters.kinds):
        table.insert(1, "Characters", words.str.len().to_numpy())
    noted = scene.store.history.notes(plane.project.id, part["row"].tolist())
    if noted or "note" in (view.order, *view.filters.kinds):
        table.insert(1, "Note", [_noted(noted.get(int(row), ())) for row in part["row"]])
    if (scores := scene.scores) is not None:
        table.insert(1, "Nearness", scores[positions])
    after_label = table.columns.get_loc("Label") + 1
    if (plane.frame["gold"] >= 0).any():
        table.insert(after_label, "Gold", names[part["gold"].to_numpy()])
    if "by" in (view.order, *view.filters.kinds):
        by = curation.authors(scene.store, plane)[positions]
        table.insert(after_label, "By", [str(name).removeprefix("@") for name in by])
    return table


def _noted(notes: Sequence[Note]) -> str:
    return "; ".join(note.text for note in notes)[:LONGEST_CELL]


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
    wanted: TextView = EVERY_TEXT,
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
        "By": st.column_config.TextColumn(width=95, help="Who gave the label."),
        "Characters": st.column_config.NumberColumn(width=90),
        "Nearness": st.column_config.NumberColumn(
            format="%.3f",
            width=85,
            help="To the typed meaning: 1 is the same, 0 has nothing to do with it.",
        ),
        "Note": st.column_config.TextColumn(width=140, help="What people noted on the text."),
        "Flag": st.column_config.TextColumn(
            width=50, help="Flagged by a person, to look at again."
        ),
        "Why": st.column_config.TextColumn(width=165, help="Why the row is kept or not."),
    }
    arrow = "\u2193" if wanted.descending else "\u2191"
    for header, name in HEADERS.items():
        if name == wanted.order and header in table.columns:
            columns[header]["label"] = f"{header} {arrow}"
    key = f"curate_rows_{digest(positions, f'{wanted.order} {wanted.descending}')}_{version}"

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
