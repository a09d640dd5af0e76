"""Student-first labelling: what each call was worth to the student, beside random order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from llkd import charts
from llkd.store import Labelling, Project, Store
from ui.wording import count, counted, share

PLOT = {"displayModeBar": False, "scrollZoom": False}
_MEASURES = {
    "accuracy": ("share that it gets right", "is right on {}"),
    "agreement": ("agreement with the teacher", "agrees with the teacher on {}"),
}
Points = list[tuple[int, float]]


def curve(store: Store, project: Project, labelling: Labelling) -> None:
    """The student's quality against calls, in the order of need and at random; nothing without."""
    rounds = labelling.rounds or []
    measure = "accuracy" if _points(rounds, "labelled", "accuracy") else "agreement"
    need = _points(rounds, "labelled", measure)
    at_random = _points(rounds, "random_labelled", f"random_{measure}")
    if not need:
        return
    named, told = _MEASURES[measure]
    with st.container(border=True):
        st.markdown(
            "## What each call was worth",
            help="After each round a quick student (the probe) learnt from the labels so far.",
        )
        st.markdown(sentence(need, at_random, told))
        st.plotly_chart(
            charts.gain_of_calls(need, at_random, named),
            config=PLOT,
            key=f"gain_{labelling.id}",
            alt="The student's quality against the number of texts asked about",
        )
        st.caption(_limits(rounds, measure, bool(at_random)))


def sentence(need: Points, at_random: Points, told: str) -> str:
    """What the two curves say, compared at the same number of calls."""
    calls, value = need[-1]
    said = f"After **{counted(calls, 'text')}** the student {told.format(f'**{share(value)}**')}."
    if not at_random:
        return said
    fewer, other = at_random[-1]
    said += f" With {count(fewer)} drawn at random it {told.format(share(other))}"
    same = at(need, fewer)
    if same is None:
        return said + "."
    points = 100 * (same - other)
    better = f"{abs(points):.1f} points {'more' if points > 0 else 'less'}"
    way = "no different" if abs(points) < 0.05 else better
    return f"{said}; with as many in order of need on {share(same)}: {way}."


def at(points: Points, calls: int) -> float | None:
    """The curve's value at so many calls, between two points on the line; None outside it."""
    for (left, low), (right, high) in zip(points[:-1], points[1:], strict=True):
        if left <= calls <= right:
            part = (calls - left) / max(1, right - left)
            return low + part * (high - low)
    return next((value for found, value in points if found == calls), None)


def _points(rounds: Sequence[dict[str, Any]], calls: str, value: str) -> Points:
    found = [(int(r[calls]), float(r[value])) for r in rounds if r.get(value) is not None]
    return [(n, v) for n, v in found if n > 0]


def _limits(rounds: Sequence[dict[str, Any]], measure: str, compared: bool) -> str:
    on = next(r["measured_on"] for r in reversed(rounds) if r[measure] is not None)
    judged = f" Measured on {counted(on, 'text')}."
    what = (
        ""
        if measure == "accuracy"
        else " Agreement is not accuracy: where the teacher errs, an agreeing student errs too."
    )
    once = (
        " This is one order of one run: a difference of a few points may be chance."
        if compared
        else ""
    )
    return f"The quick student is not the one that is trained later.{judged}{what}{once}".strip()
