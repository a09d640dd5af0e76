"""Student-first labelling: what each call was worth to the student, beside random order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from llkd import charts
from llkd.store import LabelingRun, Project, Store
from ui.shell.figures import CHART_CONFIG
from ui.shell.wording import count, counted, share

_MEASURES = {
    "accuracy": ("share that it gets right", "is right on {}"),
    "agreement": ("agreement with the teacher", "agrees with the teacher on {}"),
}
Points = list[tuple[int, float]]


def gain_curve(store: Store, project: Project, labeling_run: LabelingRun) -> None:
    """The student's quality against calls, in the order of need and at random; nothing without."""
    rounds = labeling_run.rounds or []
    measure = "accuracy" if _points(rounds, "labelled", "accuracy") else "agreement"
    need = _points(rounds, "labelled", measure)
    at_random = _points(rounds, "random_labelled", f"random_{measure}")
    if not need:
        return
    named, measured = _MEASURES[measure]
    with st.container(border=True):
        st.markdown(
            "## Student quality by calls",
            help="After each round a quick student learned from the labels so far.",
        )
        st.markdown(sentence(need, at_random, measured))
        st.plotly_chart(
            charts.gain_of_calls(need, at_random, named),
            config=CHART_CONFIG,
            key=f"gain_{labeling_run.id}",
            alt="The student's quality against the number of texts asked about",
        )
        st.caption(_limits(rounds, measure, bool(at_random)))


def sentence(need: Points, at_random: Points, measured: str) -> str:
    """What the two curves say, compared at the same number of calls."""
    calls, value = need[-1]
    text = (
        f"After **{counted(calls, 'text')}** the student {measured.format(f'**{share(value)}**')}."
    )
    if not at_random:
        return text
    fewer, other = at_random[-1]
    text += f" With {count(fewer)} drawn at random it {measured.format(share(other))}"
    same = at(need, fewer)
    if same is None:
        return text + "."
    points = 100 * (same - other)
    better = f"{abs(points):.1f} points {'more' if points > 0 else 'less'}"
    way = "no different" if abs(points) < 0.05 else better
    return f"{text}; with as many in order of need on {share(same)}: {way}."


def at(points: Points, calls: int) -> float | None:
    """The curve's value at so many calls, between two points on the line; None outside it."""
    for (left, low), (right, high) in zip(points[:-1], points[1:], strict=True):
        if left <= calls <= right:
            part = (calls - left) / max(1, right - left)
            return low + part * (high - low)
    return next((value for place, value in points if place == calls), None)


def _points(rounds: Sequence[dict[str, Any]], calls: str, value: str) -> Points:
    points = [(int(r[calls]), float(r[value])) for r in rounds if r.get(value) is not None]
    return [(n, v) for n, v in points if n > 0]


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
