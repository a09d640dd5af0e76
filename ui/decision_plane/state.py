"""What a page and a browser tell each other about a plane, and whose word holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import streamlit as st

from llkd.errors import LLKDError
from ui.decision_plane.geometry import polygon_of, rows_inside
from ui.decision_plane.packing import SCALE, Packed, is_number

_CORNERS = ("x0", "x1", "y0", "y1")


@dataclass(frozen=True)
class Region:
    """A lasso or box: corners in data coordinates, and the class that was alone in view, if any.

    On a map ``drawn_on`` says on which; its rows are then those that it held when it was drawn, so
    that they stay the same where the map is made anew.
    """

    points: tuple[tuple[float, float], ...]
    label: int | None = None
    drawn_on: str = ""
    held_rows: np.ndarray | None = field(default=None, compare=False, repr=False)

    def rows(self, packed: Packed) -> np.ndarray:
        """Positions of the rows in it, in order."""
        if self.held_rows is not None:
            return self.held_rows
        return rows_inside(packed, self.points, self.label)

    def on(self, name: str, packed: Packed) -> Region:
        """The same region as drawn on the map of that name, whose rows are ``packed``."""
        return replace(self, drawn_on=name, held_rows=self.rows(packed))


@dataclass(frozen=True)
class Look:
    """How the plane is looked at. It changes nothing about what is kept.

    ``picked``: index of the class whose thresholds are set, None for all. ``colour_by``: kept,
    label, gold, student or ``category:NAME``. ``zoom``: x0, x1, y0, y1 or None for all of it.
    """

    picked: int | None = None
    colour_by: str = "kept"
    compare: bool = False
    zoom: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class PlaneState:
    """What the browser shows, as far as it has told.

    Thresholds are as the core takes them; ``hovered`` is the position of the row last pointed at.
    """

    teacher: float | dict[str, float]
    student: float | dict[str, float]
    lasso: Region | None
    look: Look
    hovered: int | None


def settled(
    memory: dict[str, Any], part: str, from_page: Any, reported: Any, seq: int
) -> tuple[Any, int]:
    """What holds, the page's value or the browser's, and the number of the change it answers.

    The page's counts when it differs from what the page said before; else the browser's, if it has
    told anything since.
    """
    held, since = memory.get(part, (None, 0))
    if part not in memory or held != from_page:
        memory[part] = (from_page, seq)
        return from_page, seq
    return (reported, seq) if seq > since else (from_page, since)


def told_by_browser(key: str, part: str, packed: Packed) -> tuple[Any, int]:
    """What the browser says about a part, and its number; 0 where it says nothing sound."""
    state = st.session_state.get(key)
    reported = state.get(part) if isinstance(state, Mapping) else None
    if not isinstance(reported, Mapping) or not is_number(reported.get("seq")):
        return None, 0
    try:
        return _READERS[part](reported, packed), int(reported["seq"])
    except (LLKDError, ValueError, TypeError, KeyError):
        return None, 0


def _read_thresholds(reported: Mapping[str, Any], packed: Packed) -> tuple[tuple[int, ...], ...]:
    sides = []
    for side in ("teacher", "student"):
        units = [int(unit) for unit in reported[side]]
        if len(units) != packed.classes or not all(0 <= unit <= SCALE for unit in units):
            raise ValueError(side)
        sides.append(tuple(units))
    return tuple(sides)


def _read_region(reported: Mapping[str, Any], packed: Packed) -> Region | None:
    if reported.get("points") is None:
        return None
    points = tuple((float(x), float(y)) for x, y in polygon_of(reported["points"]))
    return Region(points, _class(reported.get("label"), packed))


def _read_look(reported: Mapping[str, Any], packed: Packed) -> Look:
    zoom = reported.get("zoom")
    corners = None if zoom is None else tuple(float(zoom[c]) for c in _CORNERS)
    if corners is not None and not (corners[0] < corners[1] and corners[2] < corners[3]):
        raise ValueError("zoom")
    picked = _class(reported.get("picked"), packed)
    return Look(picked, str(reported.get("colour")), bool(reported.get("compare")), corners)  # type: ignore[arg-type]


_READERS: dict[str, Callable[[Mapping[str, Any], Packed], Any]] = {
    "thresholds": _read_thresholds,
    "lasso": _read_region,
    "look": _read_look,
}


def _class(value: Any, packed: Packed) -> int | None:
    return int(value) if is_number(value) and 0 <= value < packed.classes else None


def row_of(key: str, part: str, packed: Packed) -> int | None:
    """The position of the row last pointed at (``hover``) or clicked (``open``)."""
    state = st.session_state.get(key)
    reported = state.get(part) if isinstance(state, Mapping) else None
    row = reported.get("row") if isinstance(reported, Mapping) else None
    return int(row) if is_number(row) and 0 <= row < packed.rows else None


def region_json(region: Region | None) -> dict[str, Any]:
    """A region as the script takes it."""
    if region is None:
        return {"points": None, "label": -1}
    return {"points": region.points, "label": -1 if region.label is None else region.label}


def look_json(look: Look) -> dict[str, Any]:
    """A look as the script takes it."""
    return {
        "picked": -1 if look.picked is None else look.picked,
        "colour": look.colour_by,
        "compare": look.compare,
        "zoom": None if look.zoom is None else dict(zip(_CORNERS, look.zoom, strict=True)),
    }
