"""Texts of people and data sets made harmless for a figure: Plotly reads its own small HTML."""

from __future__ import annotations

import html


def inert(text: object, limit: int = 80) -> str:
    """``text`` on one line of at most ``limit`` characters, without anything Plotly would run.

    Lone surrogates, which no JSON can carry, become question marks.
    """
    line = " ".join(str(text).split())
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    return html.escape(line.encode("utf-8", "replace").decode("utf-8"))
