"""Runs side by side, one run's mistakes, what was selected when, and one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from llkd.charts.frame import LEGEND_ABOVE, MARGIN, reference_line
from llkd.charts.palette import RIGHT, WRONG, class_colours
from llkd.charts.text import inert

CELLS_WITH_NUMBERS = 20
"""Up to so many classes a confusion matrix has room for its counts."""
NARROW_LETTERS = 24
"""So many letters of class names stand side by side below a chart on a telephone."""
CELL_SHADES = [
    [0.0, "rgba(128,128,128,0.06)"],
    [0.5, "rgba(0,114,178,0.3)"],
    [0.5, "rgba(0,114,178,0.95)"],
    [1.0, "rgba(0,114,178,1)"],
]
"""Pale up to half of a row, under the page's own colour of text; then dark, under white."""


def accuracy_against_samples(runs: Sequence[Mapping[str, Any]], teacher: float | None) -> go.Figure:
    """One mark a run: samples back-propagated across, accuracy with its interval upwards.

    A run has ``name``, ``strategy`` (as people call it), ``colour``, ``backpropagated``,
    ``accuracy``, ``low`` and ``high``.
    ``teacher`` is the teacher's accuracy on the same texts.
    """
    figure = go.Figure()
    for strategy in dict.fromkeys(run["strategy"] for run in runs):
        mine = [run for run in runs if run["strategy"] == strategy]
        figure.add_scatter(
            x=[run["backpropagated"] for run in mine],
            y=[run["accuracy"] for run in mine],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [run["high"] - run["accuracy"] for run in mine],
                "arrayminus": [run["accuracy"] - run["low"] for run in mine],
                "thickness": 1,
                "width": 4,
            },
            mode="markers",
            marker={"size": 11, "color": mine[0]["colour"]},
            name=inert(strategy, 28),
            hovertext=[
                f"{inert(run['name'], 60)}<br>{run['accuracy']:.1%} with "
                f"{run['backpropagated']:,} samples"
                for run in mine
            ],
            hoverinfo="text",
        )
    if teacher is not None:
        reference_line(figure, teacher, "the teacher itself")
    figure.update_layout(
        height=360,
        margin=MARGIN,
        showlegend=True,
        legend=LEGEND_ABOVE,
    )
    figure.update_xaxes(title="Samples back-propagated", rangemode="tozero", tickformat=",")
    figure.update_yaxes(title="Accuracy on held-out texts", tickformat=".0%", zeroline=False)
    return figure


def f1_per_class(
    names: Sequence[str], series: Sequence[tuple[str, Sequence[float], str]]
) -> go.Figure:
    """F1 of each class, a group of bars a class; ``series`` are (name, values ``[C]``, colour)."""
    place = list(range(len(names)))
    figure = go.Figure()
    for name, values, colour in series:
        safe = inert(name, 28)
        figure.add_bar(
            x=place,
            y=list(values),
            name=safe,
            marker={"color": colour},
            hovertext=[
                f"{safe}<br>{inert(n, 40)}: {v:.1%}" for n, v in zip(names, values, strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_layout(
        height=340,
        margin=MARGIN,
        barmode="group",
        showlegend=True,
        legend=LEGEND_ABOVE,
    )
    figure.update_xaxes(tickvals=place, ticktext=[inert(name, 18) for name in names])
    figure.update_yaxes(title="F1", tickformat=".0%", range=[0, 1.02])
    return figure


def confusion(
    matrix: Sequence[Sequence[int]],
    names: Sequence[str],
    source: str = "student",
    cell: tuple[int, int] | None = None,
) -> go.Figure:
    """Rows are the true class, columns what the ``source`` said; a cell's shade is its row share.

    ``cell`` (row, column) is outlined. A click anywhere in a cell selects its mark, which no one
    sees: Plotly tells of no click on a heatmap.
    """
    counts = np.asarray(matrix, dtype=np.int64)
    totals = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    place = list(range(len(names)))
    ticks = [inert(name, 18) for name in names]
    answerer = inert(source, 40)
    hover = [
        [
            f"true: {ticks[i]}<br>{answerer}: {ticks[j]}<br>{counts[i, j]:,} ({share[i, j]:.1%})"
            for j in place
        ]
        for i in place
    ]
    figure = go.Figure(
        go.Heatmap(
            z=share,
            x=place,
            y=place,
            zmin=0,
            zmax=1,
            colorscale=CELL_SHADES,
            showscale=False,
            hoverinfo="skip",
            xgap=2,
            ygap=2,
        )
    )
    figure.add_scatter(
        x=[j for _ in place for j in place],
        y=[i for i in place for _ in place],
        mode="markers",
        marker={"size": 14, "opacity": 0},
        hovertext=[cell for line in hover for cell in line],
        hoverinfo="text",
        showlegend=False,
    )
    if len(names) <= CELLS_WITH_NUMBERS:
        figure.layout.annotations = [
            {
                "x": j,
                "y": i,
                "text": f"{counts[i, j]:,}",
                "showarrow": False,
                **({"font": {"color": "#ffffff"}} if share[i, j] > 0.5 else {}),
            }
            for i, j in np.ndindex(counts.shape)
        ]
    if cell is not None:
        i, j = cell
        figure.add_shape(
            type="rect",
            x0=j - 0.48,
            x1=j + 0.48,
            y0=i - 0.48,
            y1=i + 0.48,
            line={"color": WRONG if i != j else RIGHT, "width": 3},
        )
    figure.update_layout(
        # Every class keeps its label: 20 pixels hold a line of it.
        height=150 + max(min(610, 46 * len(names)), 20 * len(names)),
        margin=MARGIN,
        hovermode="closest",
        # However large a cell is, the mark nearest to the pointer is that of the cell.
        hoverdistance=1000,
        dragmode=False,
    )
    figure.update_xaxes(
        title=f"{answerer.capitalize()} says",
        tickvals=place,
        ticktext=ticks,
        tickangle=0 if sum(map(len, ticks)) <= NARROW_LETTERS else -60,
        automargin=True,
        side="bottom",
        showgrid=False,
        zeroline=False,
        range=[-0.5, len(names) - 0.5],
    )
    figure.update_yaxes(
        title="True class",
        tickvals=place,
        ticktext=ticks,
        automargin=True,
        showgrid=False,
        zeroline=False,
        range=[len(names) - 0.5, -0.5],
    )
    return figure


def selected_when(epochs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> go.Figure:
    """Share of each class's texts that was selected in each epoch.

    An epoch has ``epoch`` and ``selected_share_per_class`` by name (None: no text has that label).
    """
    figure = go.Figure()
    for name, colour in zip(names, class_colours(len(names)), strict=True):
        safe = inert(name, 28)
        shares = [entry["selected_share_per_class"].get(name) for entry in epochs]
        figure.add_scatter(
            x=[entry["epoch"] for entry in epochs],
            y=shares,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            name=safe,
            hovertext=[
                f"{safe}, epoch {entry['epoch']}: {'none' if s is None else f'{s:.1%}'}"
                for entry, s in zip(epochs, shares, strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_layout(
        height=320,
        margin=MARGIN,
        showlegend=True,
        legend=LEGEND_ABOVE,
    )
    figure.update_xaxes(title="Epoch", dtick=1 if len(epochs) <= 12 else None, zeroline=False)
    figure.update_yaxes(title="Share of its texts selected", tickformat=".0%", range=[-0.02, 1.02])
    return figure


def probabilities(values: Mapping[str, float], most: int = 15) -> go.Figure:
    """One answer: a bar a class, the most probable on top; at most ``most`` of them."""
    names, shares, colours = list(values), list(values.values()), class_colours(len(values))
    order = sorted(range(len(values)), key=lambda k: -shares[k])[:most]
    place = list(range(len(order)))
    figure = go.Figure(
        go.Bar(
            x=[shares[k] for k in order],
            y=place,
            orientation="h",
            marker={"color": [colours[k] for k in order]},
            text=[f"{shares[k]:.1%}" for k in order],
            textposition="auto",
            hovertext=[f"{inert(names[k], 60)}: {shares[k]:.1%}" for k in order],
            hoverinfo="text",
        )
    )
    figure.update_layout(
        height=60 + 34 * len(order), margin={"l": 8, "r": 8, "t": 4, "b": 4}, showlegend=False
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_yaxes(
        tickvals=place,
        ticktext=[inert(names[k], 24) for k in order],
        range=[len(order) - 0.5, -0.5],
    )
    return figure
