"""The map of a data set: how sure the student came to be of each label, and how it wavered."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from llkd.charts.frame import MARGIN, QUIET
from llkd.charts.palette import RIGHT, WRONG


def cartography(
    variability: npt.ArrayLike, confidence: npt.ArrayLike, correctness: npt.ArrayLike
) -> go.Figure:
    """A mark a text: variability across, confidence upwards, coloured by correctness, each ``[n]``.

    Made to be marked with a box or a lasso. The corners are named after Swayamdipta et al. 2020.
    """
    figure = go.Figure(
        go.Scattergl(
            x=np.asarray(variability, dtype=np.float32),
            y=np.asarray(confidence, dtype=np.float32),
            mode="markers",
            marker={
                "size": 5,
                "opacity": 0.6,
                "color": np.asarray(correctness, dtype=np.float32),
                "cmin": 0,
                "cmax": 1,
                "colorscale": [[0.0, WRONG], [0.5, "#B0B0B0"], [1.0, RIGHT]],
                "colorbar": {"title": {"text": "correct"}, "tickformat": ".0%", "thickness": 12},
            },
            hovertemplate=(
                "mean probability %{y:.2f}, deviation %{x:.2f}<br>"
                "correct after %{marker.color:.0%} of the epochs<extra></extra>"
            ),
        )
    )
    for x, y, name, anchor in (
        (0.0, 1.06, "easy to learn", "left"),
        (0.0, -0.06, "hard to learn", "left"),
        (1.0, 0.5, "ambiguous", "right"),
    ):
        figure.add_annotation(
            x=x,
            y=y,
            xref="x domain",
            text=name,
            showarrow=False,
            xanchor=anchor,
            font={"color": QUIET},
        )
    figure.update_layout(
        height=440,
        margin=MARGIN,
        dragmode="select",
        hovermode="closest",
        showlegend=False,
    )
    figure.update_xaxes(title="Variability over the epochs", rangemode="tozero", zeroline=False)
    figure.update_yaxes(
        title="Mean probability of its label", range=[-0.1, 1.1], tickvals=[0, 0.25, 0.5, 0.75, 1]
    )
    return figure
