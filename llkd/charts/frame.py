"""What every chart has around its figures: margins, a legend, and lines to compare with."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

MARGIN: dict[str, Any] = {"l": 8, "r": 8, "t": 8, "b": 8}
LEGEND_ABOVE: dict[str, Any] = {
    "orientation": "h",
    "yanchor": "bottom",
    "y": 1.02,
    "xanchor": "left",
    "x": 0,
}
QUIET = "#888888"
"""One grey for what stands behind the figures, which reads on a light and on a dark page."""


def reference_line(figure: go.Figure, value: float, words: str) -> None:
    """A dashed line across at ``value``, said to be ``words``."""
    figure.add_hline(
        y=value,
        line={"dash": "dash", "color": QUIET, "width": 1},
        annotation={"text": words, "font": {"color": QUIET}},
        annotation_position="bottom right",
    )
