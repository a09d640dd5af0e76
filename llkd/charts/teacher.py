"""What is known of a teacher's labels, as figures: counts, confidence, reliability, risk.

Frames and lists in, Plotly figures out. Class names are user input: they are escaped wherever
Plotly would read markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from llkd.charts.frame import LEGEND_ABOVE, MARGIN
from llkd.charts.palette import KEPT_COLOUR, NOT_KEPT, WRONG, class_colours
from llkd.charts.text import inert

HEIGHT = 320
CONFIDENCE_BINS = 20


def label_histogram(counts: Sequence[int], names: Sequence[str]) -> go.Figure:
    """How often each class was given: one bar a class, in class order, in its colour."""
    total = sum(counts)
    shown = [f"{n:,}  ({100 * n / total:.1f} %)" if total else "0" for n in counts]
    figure = go.Figure(
        go.Bar(
            x=list(counts),
            y=_axis_names(names),
            orientation="h",
            marker_color=class_colours(len(names)),
            text=shown,
            textposition="auto",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,} texts<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    figure.update_xaxes(title="texts", tickformat=",", rangemode="tozero")
    figure.update_layout(bargap=0.35)
    return _framed(figure, max(HEIGHT, 60 + 30 * len(names)))


def confidence_histogram(
    confidence: npt.ArrayLike, label: npt.ArrayLike, names: Sequence[str]
) -> go.Figure:
    """Teacher confidence ``[n]`` (NaN: none stated) in 20 bins from 0 to 1, stacked by label."""
    sure, labels = np.asarray(confidence, dtype=np.float64), np.asarray(label, dtype=np.int64)
    known = ~np.isnan(sure)
    edges = np.linspace(0.0, 1.0, CONFIDENCE_BINS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    spans = [f"{low:.2f} to {high:.2f}" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    figure = go.Figure()
    for k, (name, colour) in enumerate(zip(names, class_colours(len(names)), strict=True)):
        counts, _ = np.histogram(sure[known & (labels == k)], edges)
        figure.add_bar(
            x=middles,
            y=counts,
            width=1.0 / CONFIDENCE_BINS,
            name=inert(name),
            marker={"color": colour, "line": {"width": 0}},
            customdata=spans,
            hovertemplate="confidence %{customdata}: %{y:,} texts",
        )
    figure.update_layout(barmode="stack", bargap=0.05)
    figure.update_xaxes(title="teacher confidence", range=[0, 1], tickformat=".1f")
    figure.update_yaxes(title="texts", tickformat=",", rangemode="tozero")
    return _with_legend(_framed(figure, HEIGHT))


def reliability(table: Sequence[Mapping[str, Any]], who: str = "teacher") -> go.Figure:
    """The reliability diagram of ``evaluation.reliability_table``: accuracy against confidence.

    The area of a mark grows with the number of texts in its bin. ``who`` was asked.
    """
    filled = [entry for entry in table if entry["count"]]
    counts = np.array([entry["count"] for entry in filled], dtype=np.float64)
    sizes = 8 + 26 * np.sqrt(counts / counts.max()) if len(counts) else counts
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": NOT_KEPT, "dash": "dash", "width": 1},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[entry["confidence"] for entry in filled],
        y=[entry["accuracy"] for entry in filled],
        mode="lines+markers",
        line={"color": KEPT_COLOUR, "width": 2},
        marker={"size": sizes, "color": KEPT_COLOUR, "opacity": 0.85},
        customdata=[int(entry["count"]) for entry in filled],
        hovertemplate=(
            "says %{x:.2f}, is right %{y:.1%} of the time<br>%{customdata:,} texts<extra></extra>"
        ),
    )
    title = f"{inert(who, 40)} confidence"
    figure.update_xaxes(title=title, range=[-0.03, 1.03], tickformat=".1f")
    figure.update_yaxes(title="share of right labels", range=[-0.03, 1.08], tickformat=".0%")
    figure.update_layout(showlegend=False)
    return _framed(figure, HEIGHT)


def risk_coverage(curve: Sequence[Mapping[str, float]]) -> go.Figure:
    """The curve of ``evaluation.risk_coverage``: error rate against the share of texts kept."""
    figure = go.Figure(
        go.Scatter(
            x=[point["coverage"] for point in curve],
            y=[point["risk"] for point in curve],
            mode="lines",
            line={"color": WRONG, "width": 2},
            customdata=[point["threshold"] for point in curve],
            hovertemplate=(
                "the most confident %{x:.1%}: %{y:.1%} wrong<br>"
                "confidence at least %{customdata:.2f}<extra></extra>"
            ),
        )
    )
    figure.update_xaxes(title="share of texts kept", range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(title="share of wrong labels", rangemode="tozero", tickformat=".0%")
    return _framed(figure, HEIGHT)


def _axis_names(names: Sequence[str]) -> list[str]:
    """Class names for an axis: one line, short, distinct even where cutting made them equal."""
    cut = [inert(name, 28) for name in names]
    # Invisible marks keep equal names apart: Plotly merges equal categories into one bar.
    return [name + "\u200b" * cut[:k].count(name) for k, name in enumerate(cut)]


def _framed(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(height=height, margin=MARGIN, dragmode=False)
    return figure


def _with_legend(figure: go.Figure) -> go.Figure:
    figure.update_layout(legend=LEGEND_ABOVE, legend_traceorder="normal")
    return figure
