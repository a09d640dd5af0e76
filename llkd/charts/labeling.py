"""Teachers before and while they are paid: candidates side by side, and the gain of each call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from llkd.charts.frame import LEGEND_ABOVE, MARGIN
from llkd.charts.palette import KEPT_COLOUR, NOT_KEPT, class_colours
from llkd.charts.text import inert

LEAST_SPAN = 0.2
POINT_PIXELS, CANDIDATE_PIXELS = 17, 16
"""Room that one mark takes in a chart of candidates, and that parts one candidate from the next."""


def candidates(
    names: Sequence[str], measures: Sequence[Mapping[str, Any]], best: tuple[int, str] | None = None
) -> go.Figure:
    """Accuracy of each candidate under each calibration, with its interval: one mark each.

    A measure has ``candidate`` (an index into ``names``), ``calibration`` (as it is to be called),
    ``accuracy``, ``low`` and ``high``. ``best`` is the recommended pair and gets a ring.
    """
    kinds = list(dict.fromkeys(str(measure["calibration"]) for measure in measures))
    figure = go.Figure()
    for place, (kind, colour) in enumerate(zip(kinds, class_colours(len(kinds)), strict=True)):
        of_kind = [measure for measure in measures if measure["calibration"] == kind]
        # Calibrations of one candidate stand below each other, so that intervals do not overlap.
        off = 0.0 if len(kinds) == 1 else 0.6 * (place / (len(kinds) - 1) - 0.5)
        is_best = [(measure["candidate"], kind) == best for measure in of_kind]
        figure.add_scatter(
            x=[measure["accuracy"] for measure in of_kind],
            y=[measure["candidate"] + off for measure in of_kind],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [measure["high"] - measure["accuracy"] for measure in of_kind],
                "arrayminus": [measure["accuracy"] - measure["low"] for measure in of_kind],
                "thickness": 1.5,
                "width": 3,
            },
            mode="markers",
            marker={
                "size": [14 if ring else 9 for ring in is_best],
                "color": colour,
                "line": {"width": [3 if ring else 0 for ring in is_best], "color": KEPT_COLOUR},
            },
            name=inert(kind, 28),
            hovertext=[
                f"{inert(names[measure['candidate']], 60)}<br>{inert(kind, 28)}: "
                f"{measure['accuracy']:.1%} ({measure['low']:.1%} to {measure['high']:.1%})"
                for measure in of_kind
            ],
            hoverinfo="text",
        )
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[inert(name, 22) for name in names],
        range=[len(names) - 0.5, -0.5],
        automargin=True,
        zeroline=False,
    )
    figure.update_xaxes(
        title="accuracy", tickformat=".0%", zeroline=False, range=_range(measures), nticks=6
    )
    each = POINT_PIXELS * max(1, len(kinds)) + CANDIDATE_PIXELS
    figure.update_layout(
        height=110 + each * len(names),
        margin=MARGIN,
        showlegend=len(kinds) > 1,
        legend=LEGEND_ABOVE,
    )
    return figure


def _range(measures: Sequence[Mapping[str, Any]]) -> list[float]:
    """All intervals with a margin, and never so narrow that two ticks round to the same."""
    low = min((measure["low"] for measure in measures), default=0.0) - 0.02
    high = max((measure["high"] for measure in measures), default=1.0) + 0.02
    return [min(low, high - LEAST_SPAN), high]


def gain_of_calls(
    need: Sequence[tuple[int, float]], at_random: Sequence[tuple[int, float]], measure: str
) -> go.Figure:
    """The student after so many calls: in the order of need, and on calls drawn at random.

    Both are (calls, share from 0 to 1) in rising order; ``measure`` is what the share is called.
    """
    figure = go.Figure()
    for points, name, colour, dash in (
        (need, "in order of need", KEPT_COLOUR, "solid"),
        (at_random, "drawn at random", NOT_KEPT, "dot"),
    ):
        figure.add_scatter(
            x=[calls for calls, _ in points],
            y=[value for _, value in points],
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 2, "dash": dash},
            marker={"size": 8},
            hovertemplate=f"{name}: %{{y:.1%}} after %{{x:,}} texts<extra></extra>",
        )
    figure.update_xaxes(title="texts asked about", rangemode="tozero", tickformat=",")
    figure.update_yaxes(title=inert(measure, 40), tickformat=".0%", zeroline=False)
    figure.update_layout(height=320, margin=MARGIN, dragmode=False, legend=LEGEND_ABOVE)
    return figure
