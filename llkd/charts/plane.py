"""The decision plane as a Plotly figure: one mark a text, the threshold lines, what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from llkd.charts.palette import class_colours
from llkd.charts.text import inert

CONFIDENCE = "Teacher confidence"
NEED = "Information need"


@dataclass(frozen=True)
class Group:
    """Marks of one colour; ``name`` stands in the legend if ``legend`` is on."""

    name: str
    colour: str
    opacity: float = 0.8
    legend: bool = True


@dataclass(frozen=True)
class Line:
    """A pair of thresholds in [0, 1]; a threshold of 0 keeps everything and is not drawn."""

    teacher: float
    student: float
    colour: str


@dataclass(frozen=True)
class Marks:
    """What is drawn, arrays of length m: ``x`` confidence, ``y`` need, ``hover`` what a mark says.

    ``hover`` comes from :func:`hover_text`, which makes it harmless.
    """

    x: np.ndarray
    y: np.ndarray
    hover: np.ndarray


def hover_text(text: str, label: str, confidence: float, need: float) -> str:
    """What a mark says under the pointer: the text, shortened and escaped, and its figures."""
    figures = [
        f"{name} {100 * value:.1f} %"
        for name, value in (("confidence", confidence), ("information need", need))
        if value == value
    ]
    return f"{inert(text, 90)}<br><b>{inert(label, 40)}</b>, {', '.join(figures)}"


def decision_plane(
    marks: Marks,
    group: np.ndarray,
    groups: Sequence[Group],
    lines: Sequence[Line],
    *,
    need_known: bool = True,
    regions: Sequence[Mapping[str, Any]] = (),
    height: int = 520,
) -> go.Figure:
    """The plane. ``group [m]`` is each mark's place in ``groups``; -1 is not drawn.

    Without ``need_known`` the height of a mark means nothing and the axis says so. ``regions`` are
    boxes and lassos as ``{"x": [...], "y": [...]}`` (a box has two corners), drawn dotted.
    """
    figure = go.Figure()
    for number, entry in enumerate(groups):
        at = np.flatnonzero(group == number)
        if not len(at):
            continue
        figure.add_trace(
            go.Scattergl(
                x=np.asarray(marks.x[at], dtype=np.float32),
                y=np.asarray(marks.y[at], dtype=np.float32),
                mode="markers",
                name=inert(entry.name, 28),
                hovertext=marks.hover[at],
                showlegend=entry.legend,
                hoverinfo="text",
                marker={
                    "size": _size(len(marks.x)),
                    "color": entry.colour,
                    "opacity": entry.opacity,
                },
                # The region drawn in the browser must not dim what is outside it.
                unselected={"marker": {"opacity": entry.opacity * 0.5}},
            )
        )
    for line in lines:
        _draw(figure, line, shade=len(lines) == 1)
    for region in regions:
        figure.add_shape(**_outline(region))
    low = _floor(marks.x)
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        dragmode="select",
        hovermode="closest",
        legend={
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
            "itemsizing": "constant",
        },
        uirevision="plane",
    )
    figure.update_xaxes(title=CONFIDENCE, range=[low, 1.01], tickformat=".0%", zeroline=False)
    title = NEED if need_known else "Information need is not known yet: height means nothing"
    figure.update_yaxes(
        title=title,
        range=[-0.02, 1.02],
        tickformat=".0%",
        zeroline=False,
        showticklabels=need_known,
    )
    return figure


def _size(count: int) -> int:
    return 7 if count <= 2_000 else 5 if count <= 10_000 else 4


def _floor(values: np.ndarray) -> float:
    """The confidence axis starts at the last twentieth below the data: it is never near 0."""
    known = values[~np.isnan(values)]
    return float(max(-0.01, np.floor(known.min() * 20 - 0.2) / 20)) if len(known) else 0.0


def _draw(figure: go.Figure, line: Line, shade: bool) -> None:
    stroke = {"color": line.colour, "width": 2, "dash": "solid" if shade else "dot"}
    if shade:
        figure.add_shape(
            type="rect",
            x0=line.teacher,
            x1=1.01,
            y0=line.student,
            y1=1.02,
            fillcolor=line.colour,
            opacity=0.06,
            line_width=0,
            layer="below",
        )
    if line.teacher > 0:
        figure.add_shape(
            type="line", x0=line.teacher, x1=line.teacher, y0=-0.02, y1=1.02, line=stroke
        )
    if line.student > 0:
        figure.add_shape(type="line", x0=0, x1=1.01, y0=line.student, y1=line.student, line=stroke)


def _outline(region: Mapping[str, Any]) -> dict[str, Any]:
    xs, ys = [float(v) for v in region["x"]], [float(v) for v in region["y"]]
    look = {"line": {"width": 1, "dash": "dot", "color": "#888888"}}
    if len(xs) == 2:
        return {"type": "rect", "x0": xs[0], "x1": xs[1], "y0": ys[0], "y1": ys[1], **look}
    path = "M " + " L ".join(f"{x:.5f},{y:.5f}" for x, y in zip(xs, ys, strict=True)) + " Z"
    return {"type": "path", "path": path, **look}


def kept_per_class(names: Sequence[str], kept: Sequence[int], labelled: Sequence[int]) -> go.Figure:
    """One bar a class: how many of its texts are kept, out of how many carry its label."""
    place, colours = list(range(len(names))), class_colours(len(names))
    shares = [k / t if t else 0.0 for k, t in zip(kept, labelled, strict=True)]
    figure = go.Figure()
    figure.add_bar(
        x=list(labelled),
        y=place,
        orientation="h",
        marker={"color": colours, "opacity": 0.18},
        hoverinfo="skip",
    )
    figure.add_bar(
        x=list(kept),
        y=place,
        orientation="h",
        marker={"color": colours},
        hovertext=[
            f"{inert(n, 60)}<br>{k:,} of {t:,} kept ({s:.1%})"
            for n, k, t, s in zip(names, kept, labelled, shares, strict=True)
        ],
        hoverinfo="text",
        text=[f"{k:,}" for k in kept],
        textposition="auto",
    )
    figure.update_layout(
        barmode="overlay",
        showlegend=False,
        height=48 + 26 * max(2, len(names)),
        margin={"l": 4, "r": 8, "t": 4, "b": 4},
        bargap=0.28,
    )
    figure.update_yaxes(
        tickvals=place,
        ticktext=[inert(name, 22) for name in names],
        range=[len(names) - 0.5, -0.5],
    )
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False, rangemode="tozero")
    return figure
