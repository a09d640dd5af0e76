"""The decision plane: a million texts on one picture, with threshold lines that one drags.

Two Streamlit components. One gets the rows, once, and shows the plane; the other, which is not
seen, gets all that changes between reruns, so that a moved line sends no rows. What both sides can
change (thresholds, region, look) carries a number that the browser raises with each of its changes:
it follows the server unless the user has done something newer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from llkd.charts.palette import class_colours
from llkd.curation import Threshold
from llkd.errors import ConfigError, DataError
from ui.decision_plane.front import BITS, CSS, HTML, LINK, SCRIPT
from ui.decision_plane.geometry import rows_inside
from ui.decision_plane.mapped import Brush, Group, group_json, on_map, with_categories
from ui.decision_plane.packing import (
    SCALE,
    UNCATEGORISED,
    Category,
    Packed,
    kept_mask,
    pack,
    pack_plane,
    snapped,
    tally,
    threshold_of,
    threshold_units,
)
from ui.decision_plane.state import (
    Look,
    PlaneState,
    Region,
    look_json,
    region_json,
    row_of,
    settled,
    told_by_browser,
)

__all__ = [
    "SCALE",
    "UNCATEGORISED",
    "Brush",
    "Category",
    "Group",
    "Look",
    "Packed",
    "PlaneState",
    "Region",
    "decision_plane",
    "distinct",
    "kept_mask",
    "on_map",
    "pack",
    "pack_plane",
    "rows_inside",
    "snapped",
    "tally",
    "threshold_units",
    "with_categories",
]

LONGEST_TEXT = 600

_plane = st.components.v2.component("llkd_decision_plane", html=HTML, css=CSS, js=SCRIPT)
_link = st.components.v2.component("llkd_decision_plane_link", html="<span></span>", js=LINK)
_bits = st.components.v2.component("llkd_decision_plane_bits", html="<span></span>", js=BITS)


def decision_plane(
    packed: Packed,
    *,
    key: str,
    names: Sequence[str],
    thresholds: tuple[Threshold, Threshold] = (0.0, 0.0),
    lasso: Region | None = None,
    look: Look | None = None,
    colours: Sequence[str] | None = None,
    groups: Sequence[Group] = (),
    brush: Brush | None = None,
    text_of: Callable[[int], str] | None = None,
    on_thresholds: Callable[[Any, Any], None] | None = None,
    on_lasso: Callable[[Region | None], None] | None = None,
    on_look: Callable[[Look], None] | None = None,
    on_open: Callable[[int], None] | None = None,
) -> PlaneState:
    """Show the plane of ``packed`` and return its state.

    ``thresholds`` (teacher, student), ``lasso`` and ``look`` are what is to be shown: they may be
    held by the page, which then takes over in the callbacks what was done in the browser, or be
    starting values that stay as they are. ``names`` and ``colours`` (six-digit hex) are by class.
    Rows with places of their own (:func:`on_map`) are drawn as a map, without lines, with the names
    of ``groups`` on it. Rows of ``brush`` were marked elsewhere and stand out.
    ``text_of`` gives the text of a row position for the mark pointed at; it is shown as text.
    The callbacks run before the page does: on release of a line, on a region drawn or cleared, and
    (only if given) a moment after a change of the look, and on a click on a mark with the position
    of its row. Raises DataError or ConfigError where the
    arguments do not fit together.
    """
    names = list(names)
    if len(names) != packed.classes:
        raise DataError(f"The plane has {packed.classes:,} classes but {len(names):,} names.")
    own = distinct(class_colours(len(names)) if colours is None else colours)
    if len(own) != len(names):
        raise ConfigError(f"The plane has {len(names):,} classes but {len(own):,} colours.")
    memory = st.session_state.setdefault(f"_decision_plane_{key}", {})
    shared = {
        "thresholds": tuple(tuple(threshold_units(t, names).tolist()) for t in thresholds),
        "lasso": lasso,
        "look": look or Look(),
    }
    shown = {
        part: settled(memory, part, value, *told_by_browser(key, part, packed))
        for part, value in shared.items()
    }
    hovered = row_of(key, "hover", packed)
    teacher, student = shown["thresholds"][0]
    current_look: Look = shown["look"][0]
    region: Region | None = shown["lasso"][0]
    most = max((len(c.values) for c in packed.categories), default=0)
    settings = {
        "key": key,
        "version": packed.version,
        "names": names,
        "colours": own,
        "spare": distinct(class_colours(most)),
        "groups": group_json(groups),
        "thresholds": {"teacher": teacher, "student": student, "seq": shown["thresholds"][1]},
        "lasso": {**region_json(region), "seq": shown["lasso"][1]},
        "look": {**look_json(current_look), "seq": shown["look"][1]},
        "reports": {
            "look": on_look is not None,
            "hover": text_of is not None,
            "open": on_open is not None,
        },
        "hovered": None
        if hovered is None or text_of is None
        else {"row": hovered, "text": text_of(hovered)[:LONGEST_TEXT]},
    }

    def on_moved() -> None:
        value, seq = told_by_browser(key, "thresholds", packed)
        if on_thresholds is not None and seq:
            on_thresholds(threshold_of(value[0], names), threshold_of(value[1], names))

    def on_drawn() -> None:
        value, seq = told_by_browser(key, "lasso", packed)
        if on_lasso is not None and seq:
            on_lasso(value)

    def on_looked() -> None:
        value, seq = told_by_browser(key, "look", packed)
        if on_look is not None and seq:
            on_look(value)

    def on_clicked() -> None:
        position = row_of(key, "open", packed)
        if on_open is not None and position is not None:
            on_open(position)

    with st.container(gap=None):
        _plane(
            key=key,
            data=packed.message(key),
            on_thresholds_change=on_moved,
            on_lasso_change=on_drawn,
            on_look_change=on_looked,
            on_hover_change=lambda: None,
            on_open_change=on_clicked,
        )
        _link(key=f"{key}-link", data=settings)
        if brush is not None:
            _bits(key=f"{key}-bits", data=brush.message(key, packed))
    return PlaneState(
        threshold_of(teacher, names), threshold_of(student, names), region, current_look, hovered
    )


def distinct(colours: Sequence[str]) -> list[str]:
    """The same colours, those that were there before made lighter until they are others."""
    distinct_colours: list[str] = []
    for colour in colours:
        channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        # Some hundred lighter shades of a colour; a page with more classes repeats the last.
        for step in range(120):
            share = step * 0.07 % 0.85
            shade = "#" + "".join(f"{round(v + (255 - v) * share):02x}" for v in channels)
            if shade not in distinct_colours:
                break
        distinct_colours.append(shade)
    return distinct_colours
