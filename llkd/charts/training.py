"""A training run as it goes: loss, share selected, thresholds, evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from llkd.charts.frame import LEGEND_ABOVE, MARGIN
from llkd.charts.palette import KEPT_COLOUR, RIGHT, class_colours
from llkd.charts.text import inert

POINTS = 600
"""A chart has no room for more points than this: of more, some are left out evenly."""
LONGEST_WINDOW = 20
"""Steps that the moving mean looks back, at most; a short run has a shorter one."""


def moving_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean over the last ``window`` values that are numbers, ``[n]``; NaN before the first."""
    series = pd.Series(np.asarray(values, dtype=np.float64))
    return series.rolling(window, min_periods=1).mean().to_numpy()


def thinned(length: int, points: int = POINTS) -> np.ndarray:
    """At most ``points`` places of ``length``, evenly spread, the last among them."""
    if length <= points:
        return np.arange(length)
    return np.unique(np.linspace(0, length - 1, points).round().astype(int))


def loss(steps: pd.DataFrame) -> go.Figure:
    """Training loss by step (from 1), faint, with its moving mean."""
    values = steps["loss"].to_numpy(dtype=np.float64)
    figure = _two_lines(steps["step"].to_numpy() + 1, values, "Loss", ".3f")
    figure.update_yaxes(title="Loss")
    return figure


def share_selected(steps: pd.DataFrame) -> go.Figure:
    """Share of each batch that was selected, faint, with its moving mean."""
    values = (steps["selected"] / steps["batch"]).to_numpy(dtype=np.float64)
    figure = _two_lines(steps["step"].to_numpy() + 1, values, "Selected", ".1%")
    figure.update_yaxes(title="Share selected", tickformat=".0%", range=[-0.02, 1.02])
    return figure


def _two_lines(step: np.ndarray, values: np.ndarray, name: str, number: str) -> go.Figure:
    at = thinned(len(step))
    window = max(1, min(LONGEST_WINDOW, len(step) // 10))
    smooth = moving_mean(values, window)
    figure = go.Figure()
    figure.add_scatter(
        x=step[at],
        y=values[at],
        mode="markers",
        marker={"color": KEPT_COLOUR, "size": 3, "opacity": 0.3},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=step[at],
        y=smooth[at],
        mode="lines",
        line={"color": KEPT_COLOUR, "width": 2},
        name=f"{name}, mean of {window} steps",
        hovertemplate=f"step %{{x:,}}: %{{y:{number}}}<extra></extra>",
        showlegend=False,
    )
    _frame(figure)
    return figure


def thresholds(steps: pd.DataFrame, side: str, names: Sequence[str]) -> go.Figure:
    """One side's threshold by step, a line a class. ``side`` is ``teacher`` or ``student``."""
    at = thinned(len(steps))
    thinned_steps = steps.iloc[at]
    values = np.vstack(thinned_steps[f"{side}_threshold"].to_list())
    step = thinned_steps["step"].to_numpy() + 1
    figure = go.Figure()
    for k, (name, colour) in enumerate(zip(names, class_colours(len(names)), strict=True)):
        safe = inert(name, 28)
        figure.add_scatter(
            x=step,
            y=values[:, k],
            mode="lines",
            line={"color": colour, "width": 2},
            name=safe,
            hovertext=[
                f"{safe}<br>step {s:,}: {v:.1%}" for s, v in zip(step, values[:, k], strict=True)
            ],
            hoverinfo="text",
        )
    _frame(figure)
    figure.update_yaxes(title=f"{side.capitalize()} threshold", tickformat=".0%")
    figure.update_layout(showlegend=True, legend=LEGEND_ABOVE)
    return figure


def evaluation(epochs: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Accuracy and macro-F1 on the held-out texts after each epoch (``epoch``, the two figures)."""
    figure = go.Figure()
    for name, key, colour in (
        ("Accuracy", "accuracy", KEPT_COLOUR),
        ("Macro-F1", "macro_f1", RIGHT),
    ):
        figure.add_scatter(
            x=[entry["epoch"] for entry in epochs],
            y=[entry[key] for entry in epochs],
            mode="lines+markers",
            line={"color": colour, "width": 2},
            name=name,
            hovertemplate=f"{name} after epoch %{{x}}: %{{y:.1%}}<extra></extra>",
        )
    _frame(figure)
    figure.update_xaxes(title="Epoch", dtick=1 if len(epochs) <= 12 else None)
    shown = [entry[key] for entry in epochs for key in ("accuracy", "macro_f1")]
    shown = [value for value in shown if value is not None]
    # A single epoch, or equal ones, would else be stretched until every tick has the same words.
    span = [min(shown) - 0.03, max(shown) + 0.03] if shown else None
    figure.update_yaxes(title="On held-out texts", tickformat=".0%", range=span)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.25})
    return figure


def _frame(figure: go.Figure) -> None:
    figure.update_layout(height=280, margin=MARGIN, showlegend=False)
    figure.update_xaxes(title="Step", zeroline=False, tickformat=",")
    figure.update_yaxes(zeroline=False)
