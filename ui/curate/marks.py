"""The decision plane on the page: which marks are drawn, their colours, and what a lasso holds.

Marks are a sample where there are many texts; thresholds, counts and regions always speak of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd.charts import Group, Line, Marks, hover_text
from llkd.curation import Plane
from ui.palette import KEPT, NOT_KEPT, RIGHT, WRONG, class_colours
from ui.view import View, value_of

MARKS = 20_000
LEGEND_CLASSES = 12
FADED = 0.16
DISAGREES = "#CC79A7"

KEPT_OR_NOT, BY_LABEL, BY_GOLD, BY_STUDENT = "Kept", "Label", "Right or wrong", "Disagreement"


def drawable(plane: Plane, label: int | None) -> np.ndarray:
    """Positions that have a place on the plane: with a confidence, and of class ``label``."""
    frame = plane.frame
    there = ~np.isnan(frame["confidence"].to_numpy())
    need = frame["information_need"].to_numpy()
    if need_known(plane):
        there &= ~np.isnan(need)
    if label is not None:
        there &= frame["teacher_label"].to_numpy() == label
    return np.flatnonzero(there)


def need_known(plane: Plane) -> bool:
    """Whether any text has an information need."""
    return plane.student_probabilities is not None


def sampled(positions: np.ndarray, most: int = MARKS, seed: int = 0) -> np.ndarray:
    """At most ``most`` of the positions, in order, the same ones each time."""
    if len(positions) <= most:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, most, replace=False))


@st.cache_resource(show_spinner="Drawing the plane …", max_entries=6)
def marks(
    key: tuple[Any, ...], label: int | None, _plane: Plane, _texts: pd.Series
) -> tuple[np.ndarray, Marks, int]:
    """Positions drawn, their marks, and how many could be drawn. Kept per plane and class.

    Thresholds and people's decisions are not part of it, so that moving a line rebuilds nothing.
    """
    there = drawable(_plane, label)
    chosen = sampled(there)
    part = _plane.frame.iloc[chosen]
    need = part["information_need"].to_numpy()
    texts = _texts.iloc[part["row"].to_numpy()].tolist()
    names = [*_plane.names, "no label"]
    hover = [
        hover_text(text, names[k], sure, unsure)
        for text, k, sure, unsure in zip(
            texts, part["teacher_label"], part["confidence"], need, strict=True
        )
    ]
    if not need_known(_plane):
        # Without an information need the marks are only spread out, so that they can be told apart.
        need = np.random.default_rng(0).random(len(chosen))
    drawn = Marks(part["confidence"].to_numpy(), need, np.array(hover, dtype=object))
    return chosen, drawn, len(there)


def colourings(plane: Plane) -> list[str]:
    """What the marks can be coloured by, given what is known."""
    found = [KEPT_OR_NOT, BY_LABEL]
    if (plane.frame["gold"] >= 0).any():
        found.append(BY_GOLD)
    if need_known(plane):
        found.append(BY_STUDENT)
    return found


def coloured(
    plane: Plane, positions: np.ndarray, kept: np.ndarray, by: str
) -> tuple[np.ndarray, list[Group]]:
    """Each mark's group and the groups. Whatever the colour means, what is not kept is faded."""
    frame = plane.frame.iloc[positions]
    here = kept[positions]
    if by == BY_LABEL:
        groups = _class_groups(plane.names)
        place = frame["label"].to_numpy()
    elif by == BY_GOLD:
        groups = [Group("right", RIGHT), Group("wrong", WRONG), Group("not checked", NOT_KEPT)]
        gold = frame["gold"].to_numpy()
        place = np.where(gold < 0, 2, np.where(gold == frame["label"].to_numpy(), 0, 1))
    elif by == BY_STUDENT:
        groups = [Group("student agrees", NOT_KEPT), Group("student disagrees", DISAGREES)]
        place = (frame["student_label"] != frame["teacher_label"]).to_numpy().astype(int)
    else:
        return here.astype(int), [Group("not kept", NOT_KEPT, 0.45), Group("kept", KEPT)]
    faded = [Group(g.name, g.colour, FADED, legend=False) for g in groups]
    place = np.where(place < 0, -1, np.where(here, place + len(groups), place))
    return place, [*faded, *groups]


def _class_groups(names: Sequence[str]) -> list[Group]:
    listed = len(names) <= LEGEND_CLASSES
    colours = class_colours(len(names))
    return [Group(name, colour, legend=listed) for name, colour in zip(names, colours, strict=True)]


def lines(view: View, names: Sequence[str], label: int | None) -> list[Line]:
    """The thresholds to draw: those of the class picked, or of all classes where they differ."""
    if label is not None:
        name = names[label]
        return [Line(value_of(view.teacher, name), value_of(view.student, name), KEPT)]
    if not isinstance(view.teacher, dict) and not isinstance(view.student, dict):
        return [Line(view.teacher, view.student, KEPT)]
    return [
        Line(value_of(view.teacher, name), value_of(view.student, name), colour)
        for name, colour in zip(names, class_colours(len(names)), strict=True)
    ]


def regions_of(selection: Mapping[str, Any] | None) -> list[dict[str, list[float]]]:
    """Boxes and lassos of a chart's selection as ``{"x": [...], "y": [...]}``."""
    if not selection:
        return []
    drawn = [*(selection.get("box") or []), *(selection.get("lasso") or [])]
    return [
        {"x": [float(v) for v in one["x"]], "y": [float(v) for v in one["y"]]}
        for one in drawn
        if one.get("x") and one.get("y") and len(one["x"]) == len(one["y"])
    ]


def inside(
    x: np.ndarray, y: np.ndarray, regions: Sequence[Mapping[str, Sequence[float]]]
) -> np.ndarray:
    """Which points ``[n]`` lie in any region: a box by two corners, a polygon by its corners."""
    found = np.zeros(len(x), dtype=bool)
    for region in regions:
        xs, ys = np.asarray(region["x"]), np.asarray(region["y"])
        near = (x >= xs.min()) & (x <= xs.max()) & (y >= ys.min()) & (y <= ys.max())
        if len(xs) == 2:
            found |= near
            continue
        at = np.flatnonzero(near & ~found)
        found[at] = _in_polygon(x[at], y[at], xs, ys)
    return found


def _in_polygon(x: np.ndarray, y: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Even-odd rule: how many edges a ray to the right crosses."""
    odd = np.zeros(len(x), dtype=bool)
    for x0, y0, x1, y1 in zip(xs, ys, np.roll(xs, -1), np.roll(ys, -1), strict=True):
        if y0 == y1:
            continue
        between = (y0 > y) != (y1 > y)
        odd ^= between & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd
