"""How long texts are."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from llkd.charts.palette import KEPT_COLOUR


def length_histogram(edges: Sequence[int], counts: Sequence[int]) -> go.Figure:
    """Bars of how many texts have how many characters; the last bar holds all longer ones.

    ``counts[k]`` texts have from ``edges[k]`` up to ``edges[k + 1]`` characters.
    """
    last = len(counts) - 1
    hover = [
        f"{low:,} {'or more' if k == last else f'to {high - 1:,}'} characters<br>{n:,} texts"
        for k, (low, high, n) in enumerate(zip(edges, edges[1:], counts, strict=False))
    ]
    figure = go.Figure()
    figure.add_bar(
        x=[(low + high) / 2 for low, high in zip(edges, edges[1:], strict=False)],
        y=list(counts),
        width=[high - low for low, high in zip(edges, edges[1:], strict=False)],
        marker={"color": KEPT_COLOUR, "line": {"width": 0}},
        hovertext=hover,
        hoverinfo="text",
    )
    figure.update_layout(
        height=190, margin={"l": 8, "r": 8, "t": 4, "b": 8}, showlegend=False, bargap=0.08
    )
    figure.update_xaxes(title_text="characters", rangemode="tozero", showgrid=False)
    figure.update_yaxes(title_text="texts", rangemode="tozero", nticks=4)
    return figure
