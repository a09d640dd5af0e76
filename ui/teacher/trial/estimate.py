"""What labelling would take, in words: calls, tokens, time and cost, each with its range.

The figures come from a dry run; prices, limit and budget are those that stand on the page now, so
that typing one shows its effect at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from llkd.config import Spending
from ui.shell.wording import count, counted, duration, money, spread

MILLION = 1_000_000
Three = tuple[float, float, float]


@dataclass(frozen=True)
class Estimate:
    """Low, middle and high of each figure, for so many texts; ``money`` None without prices."""

    texts: int
    calls: Three
    tokens_in: Three
    tokens_out: Three
    seconds: Three
    money: Three | None


def estimate_of(
    document: Mapping[str, Any], texts: int, spending: Spending, *, batch: bool = False
) -> Estimate:
    """The dry run's estimate for ``texts`` texts (it was made for all) at these prices.

    A ``batch`` costs less and takes up to a day: its time is left out.
    """
    part = texts / max(1, int(document["texts"]))

    def scaled(name: str) -> Three:
        low, middle, high = (float(value) * part for value in document[name])
        return low, middle, high

    read, written = scaled("tokens_in"), scaled("tokens_out")
    cost: Three | None = None
    if spending.price_in is not None and spending.price_out is not None:
        a, b, c = (
            (read_tokens * spending.price_in + written_tokens * spending.price_out) / MILLION
            for read_tokens, written_tokens in zip(read, written, strict=True)
        )
        share = 1.0 - spending.batch_discount if batch else 1.0
        cost = (share * a, share * b, share * c)
    seconds = (0.0, 0.0, 0.0) if batch else scaled("seconds")
    return Estimate(texts, scaled("calls"), read, written, seconds, cost)


def texts_to_ask(document: Mapping[str, Any], rows: int, limit: int | None) -> int:
    """How many texts are still to be asked about where ``limit`` bounds the labelled ones."""
    remaining = int(document["texts"])
    if limit is None:
        return remaining
    return max(0, min(limit, rows) - (rows - remaining))


def figures(estimate: Estimate) -> dict[str, tuple[str, str]]:
    """Each figure's name, its middle and its range in words; those that are nothing left out."""
    rows: list[tuple[str, Three | None, Callable[[float], str]]] = [
        ("Calls", estimate.calls, count),
        ("Tokens read", estimate.tokens_in, count),
        ("Tokens written", estimate.tokens_out, count),
        ("Time", estimate.seconds, duration),
        ("Cost", estimate.money, money),
    ]
    return {
        name: (shown(three[1]).removeprefix("about "), spread(shown(three[0]), shown(three[2])))
        for name, three, shown in rows
        if three is not None and three[2] > 0
    }


def reach(estimate: Estimate, spending: Spending) -> str | None:
    """What the budget is enough for, as a sentence; None without a budget."""
    shares = []
    if spending.calls is not None and estimate.calls[2] > 0:
        shares.append([spending.calls / calls if calls else 1.0 for calls in estimate.calls])
    if spending.budget is not None and estimate.money is not None and estimate.money[2] > 0:
        shares.append([spending.budget / cost if cost else 1.0 for cost in estimate.money])
    if not shares:
        return None
    low, middle, high = (
        min(1.0, min(share_of_all[k] for share_of_all in shares)) for k in (2, 1, 0)
    )
    if low >= 1.0:
        return "The budget should be enough for all of them."
    if middle >= 1.0:
        return (
            "The budget may just be enough for all of them; if not, labelling stops cleanly at "
            f"about {count(low * estimate.texts)} texts."
        )
    rough = spread(count(low * estimate.texts), count(high * estimate.texts))
    return (
        f"The budget is enough for about {counted(round(middle * estimate.texts), 'text')} "
        f"({rough}); labelling then stops cleanly."
    )


def show_estimate(estimate: Estimate, spending: Spending) -> None:
    """The estimate as figures, each with its range below."""
    shown = figures(estimate)
    st.markdown(f"**Asking about {counted(estimate.texts, 'text')} more would take about**")
    with st.grid(max(1, len(shown)), min_column_width=120):
        for name, (middle, rough) in shown.items():
            span = None if rough == middle else rough  # a range that is none need not be read
            st.metric(name, middle, span, delta_color="off", delta_arrow="off")
    enough = reach(estimate, spending)
    if enough is not None:
        st.caption(enough)
