"""How a run learned beside its rivals, and how right it was about what it chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from llkd.charts.frame import LEGEND_ABOVE, MARGIN, reference_line
from llkd.charts.palette import KEPT_COLOUR, class_colours
from llkd.charts.text import inert

MEASURES = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}
AGAINST = {
    "samples": "Samples back-propagated",
    "seconds": "Training time in seconds",
    "epoch": "Epoch",
}
LEAST_SPAN = 0.2
"""A chart of quality shows at least so much of it, from bottom to top."""


def learning_curves(
    curves: Sequence[Mapping[str, Any]],
    measure: str = "accuracy",
    against: str = "samples",
    teacher: float | None = None,
) -> go.Figure:
    """Quality on the held-out texts after each epoch, a line a run; the first is drawn strongest.

    A curve has ``name``, ``colour``, ``matched`` (it took llkd's samples: dotted) and ``epochs``,
    each with ``epoch``, ``samples``, ``seconds``, ``accuracy`` and ``macro_f1``. ``teacher`` is the
    teacher's figure on the same texts.
    """
    figure = go.Figure()
    for place, curve in enumerate(curves):
        epochs, safe = curve["epochs"], inert(curve["name"], 40)
        figure.add_scatter(
            x=[entry[against] for entry in epochs],
            y=[entry[measure] for entry in epochs],
            mode="lines+markers",
            line={
                "color": curve["colour"],
                "width": 2 if place else 4,
                "dash": "dot" if curve["matched"] else "solid",
            },
            marker={"size": 6 if place else 10},
            opacity=0.8 if place else 1,
            name=safe,
            hovertext=[
                f"{safe}, epoch {entry['epoch']}<br>{entry[measure]:.1%} with "
                f"{entry['samples']:,} samples in {entry['seconds']:,.1f} s"
                for entry in epochs
            ],
            hoverinfo="text",
        )
    if teacher is not None:
        reference_line(figure, teacher, "the teacher itself")
    _frame(figure, 380)
    figure.update_xaxes(title=AGAINST[against], tickformat=",", zeroline=False)
    if against == "epoch":
        figure.update_xaxes(dtick=1 if max(map(_length, curves), default=0) <= 12 else None)
    else:
        figure.update_xaxes(rangemode="tozero")
    values = [entry[measure] for curve in curves for entry in curve["epochs"]]
    values += [] if teacher is None else [teacher]
    # Differences of a point or two are chance: they must not look like a mountain.
    low, high = min(values, default=0.0), max(values, default=1.0)
    spare = max(0.02, (LEAST_SPAN - (high - low)) / 2)
    figure.update_yaxes(
        title=f"{MEASURES[measure]} on held-out texts",
        tickformat=".0%",
        range=[low - spare, high + spare],
    )
    return figure


def right_by_epoch(
    epochs: Sequence[int],
    series: Sequence[tuple[str, Sequence[float | None]]],
    pool: float | None,
) -> go.Figure:
    """How many of the selected labels were right, epoch by epoch: all of them, then class by class.

    ``series`` are (name, share right by epoch or None); ``pool`` is the share of the whole pool.
    """
    figure = go.Figure()
    colours = [KEPT_COLOUR, *class_colours(len(series) - 1)]
    for place, ((name, shares), colour) in enumerate(zip(series, colours, strict=True)):
        safe = inert(name, 28)
        figure.add_scatter(
            x=list(epochs),
            y=list(shares),
            mode="lines+markers",
            line={"color": colour, "width": 2 if place else 4},
            name=safe,
            hovertext=[
                f"{safe}, epoch {epoch}: {'none is known' if s is None else f'{s:.1%} right'}"
                for epoch, s in zip(epochs, shares, strict=True)
            ],
            hoverinfo="text",
        )
    if pool is not None:
        reference_line(figure, pool, "the whole pool")
    _frame(figure, 320)
    figure.update_xaxes(title="Epoch", dtick=1 if len(epochs) <= 12 else None, zeroline=False)
    figure.update_yaxes(title="Share of its labels right", tickformat=".0%", range=[-0.02, 1.02])
    return figure


def _length(curve: Mapping[str, Any]) -> int:
    return len(curve["epochs"])


def _frame(figure: go.Figure, height: int) -> None:
    figure.update_layout(
        height=height,
        margin=MARGIN,
        showlegend=True,
        legend=LEGEND_ABOVE,
    )
