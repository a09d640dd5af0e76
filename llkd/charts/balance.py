"""How many texts of each class there are, and how many of them are kept."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from llkd.charts.palette import class_colours
from llkd.charts.text import inert


def kept_per_class(
    names: Sequence[str], kept_counts: Sequence[int], labelled: Sequence[int]
) -> go.Figure:
    """One bar a class: how many of its texts are kept, out of how many carry its label."""
    place, colours = list(range(len(names))), class_colours(len(names))
    shares = [k / t if t else 0.0 for k, t in zip(kept_counts, labelled, strict=True)]
    figure = go.Figure()
    figure.add_bar(
        x=list(labelled),
        y=place,
        orientation="h",
        marker={"color": colours, "opacity": 0.18},
        hoverinfo="skip",
    )
    figure.add_bar(
        x=list(kept_counts),
        y=place,
        orientation="h",
        marker={"color": colours},
        hovertext=[
            f"{inert(n, 60)}<br>{k:,} of {t:,} kept ({s:.1%})"
            for n, k, t, s in zip(names, kept_counts, labelled, shares, strict=True)
        ],
        hoverinfo="text",
        text=[f"{k:,}" for k in kept_counts],
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
