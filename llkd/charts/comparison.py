"""The arms of a comparison: what each is worth against what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from llkd.charts.frame import MARGIN, QUIET, reference_line
from llkd.charts.text import inert

COSTS = {"samples": "Samples back-propagated", "time": "Whole time in seconds"}
SYMBOLS = {"epochs": "circle", "samples": "diamond"}


def arms(
    marks: Sequence[Mapping[str, Any]], teacher: float | None, against: str = "samples"
) -> go.Figure:
    """One mark an arm and budget: cost across, accuracy upwards, bars over its seeds.

    The legend names each arm once and hides both its marks.

    A mark has ``arm``, ``label`` (what people read), ``colour``, ``budget``, ``samples``, ``time``,
    ``accuracy``, ``low`` and ``high``; ``teacher`` is the teacher's accuracy on the same texts.
    """
    figure = go.Figure()
    named: set[str] = set()
    for mark in marks:
        arm = str(mark["arm"])
        figure.add_scatter(
            x=[mark[against]],
            y=[mark["accuracy"]],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [mark["high"] - mark["accuracy"]],
                "arrayminus": [mark["accuracy"] - mark["low"]],
                "thickness": 1,
                "width": 4,
            },
            mode="markers",
            marker={
                "size": 11,
                "symbol": SYMBOLS.get(mark["budget"], "circle"),
                "color": mark["colour"],
            },
            name=inert(mark["label"], 40),
            legendgroup=inert(arm, 40),
            showlegend=arm not in named,
            hovertext=[
                f"{inert(_name(mark), 60)}<br>{mark['accuracy']:.1%} with {mark['samples']:,} "
                f"samples{_time(mark)}"
            ],
            hoverinfo="text",
        )
        named.add(arm)
    if teacher is not None:
        reference_line(figure, teacher, "the teacher itself")
    figure.update_layout(
        # On a narrow page each arm takes a line of the legend.
        height=330 + 12 * len(named),
        margin=MARGIN,
        showlegend=True,
        legend={"orientation": "h", "y": -0.22, "yanchor": "top"},
    )
    figure.update_xaxes(title=COSTS[against], rangemode="tozero", tickformat=",")
    figure.update_yaxes(title="Accuracy", tickformat=".0%", zeroline=False)
    return figure


def arms_ranked(marks: Sequence[Mapping[str, Any]], teacher: float | None) -> go.Figure:
    """One line an arm, the most accurate on top, bars over its seeds; marks as for :func:`arms`."""
    ordered = sorted(marks, key=lambda mark: mark["accuracy"])
    figure = go.Figure()
    figure.add_scatter(
        x=[mark["accuracy"] for mark in ordered],
        y=list(range(len(ordered))),
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [mark["high"] - mark["accuracy"] for mark in ordered],
            "arrayminus": [mark["accuracy"] - mark["low"] for mark in ordered],
            # One grey for all bars, which reads on a light and on a dark page.
            "color": QUIET,
            "thickness": 1,
            "width": 4,
        },
        mode="markers",
        marker={
            "size": 11,
            "color": [mark["colour"] for mark in ordered],
        },
        hovertext=[f"{inert(m['label'], 60)}<br>{m['accuracy']:.1%}" for m in ordered],
        hoverinfo="text",
    )
    if teacher is not None:
        figure.add_vline(x=teacher, line={"dash": "dash", "color": QUIET, "width": 1})
    figure.update_layout(
        height=100 + 28 * len(ordered),
        margin=MARGIN,
        showlegend=False,
    )
    title = "Accuracy" + ("" if teacher is None else " (dashed: the teacher itself)")
    figure.update_xaxes(title=title, tickformat=".0%", zeroline=False)
    figure.update_yaxes(
        tickvals=list(range(len(ordered))),
        ticktext=[inert(mark["label"], 28) for mark in ordered],
        zeroline=False,
        range=[-0.6, len(ordered) - 0.4],
    )
    return figure


def _name(mark: Mapping[str, Any]) -> str:
    return str(mark["label"]) + (", matched" if mark["budget"] == "samples" else "")


def _time(mark: Mapping[str, Any]) -> str:
    """In how many seconds; empty where that is not known."""
    return "" if mark["time"] is None else f" in {mark['time']:.0f} s"
