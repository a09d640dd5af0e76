"""What a server's tokens cost: typed once for each model, and remembered in the price table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from llkd.store import Price, Store
from ui.shell.errors import show_error, show_errors

_COLUMNS = ("model", "price_in", "price_out")


def price_fields(
    store: Store, model: str, key: str, *, reads_only: bool = False
) -> tuple[float, float] | None:
    """Two fields for the prices of ``model``, which follow the price table; None until both are in.

    Prices are per million tokens, read and written, in whatever currency the user thinks in. Of a
    model that is paid for what it reads (``reads_only``) there is one field, and writing is free.
    """
    names = (f"{key}_price_in_{model}", f"{key}_price_out_{model}")
    listed = store.prices.of(model)
    if listed is not None:
        # Set before the widgets are drawn: the table knows them, also when it was edited.
        st.session_state[names[0]], st.session_state[names[1]] = listed.price_in, listed.price_out
    labels = ["Price of a million tokens read", "Price of a million tokens written"]
    if reads_only:
        st.session_state.setdefault(names[1], 0.0)
        labels.pop()
    for place, name, label in zip(st.columns(2), names, labels, strict=False):
        place.number_input(
            label,
            min_value=0.0,
            value=None,
            format="%g",
            placeholder="not known",
            help="As your provider lists it, in any one currency; 0 where it is free.",
            key=name,
            persist_state="session",
            on_change=_typed,
            args=(store, model, names),
        )
    typed = [st.session_state[name] for name in names]
    return (typed[0], typed[1]) if None not in typed else None


def _typed(store: Store, model: str, names: tuple[str, str]) -> None:
    """Remember the pair, or forget the model where one of the two was cleared."""
    price_in, price_out = (st.session_state[name] for name in names)
    with show_errors():
        rest = [price for price in store.prices.all() if price.model != model]
        if price_in is not None and price_out is not None:
            rest.append(Price(model, float(price_in), float(price_out)))
        store.prices.set(rest)


def price_table(store: Store, key: str) -> None:
    """The prices of all models, to be corrected, added to or taken from."""
    prices = store.prices.all()
    frame = pd.DataFrame(
        [(price.model, price.price_in, price.price_out) for price in prices], columns=list(_COLUMNS)
    ).astype({"model": "object", "price_in": "float64", "price_out": "float64"})
    # The editor remembers its edits by position: after a save it must begin anew.
    editor = f"{key}_prices_{hash(tuple(frame.itertuples(index=False, name=None)))}"
    st.caption("Prices typed so far, for every model (per million tokens):")
    edited = st.data_editor(
        frame,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        column_config={
            "model": st.column_config.TextColumn("model", required=True, width="medium"),
            "price_in": st.column_config.NumberColumn("read", min_value=0.0, required=True),
            "price_out": st.column_config.NumberColumn("written", min_value=0.0, required=True),
        },
        key=editor,
        alt="Models and what a million of their tokens costs",
    )
    if edited.equals(frame):
        return
    lines = lines_of(edited)
    if isinstance(lines, str):
        show_error(lines)
    elif len(lines) < len(edited):
        st.caption("A line is kept once its model and both prices are filled in.")
    else:
        with show_errors():
            store.prices.set(lines)
            st.rerun()


def lines_of(edited: pd.DataFrame) -> list[Price] | str:
    """The table's filled-in lines, as prices; a sentence where they make no sense."""
    filled = edited.dropna().itertuples(index=False, name=None)
    rows = [(str(model).strip(), float(read), float(written)) for model, read, written in filled]
    models = [model for model, _, _ in rows]
    if "" in models:
        return "A line of the price table has no model: name it, or remove the line."
    twice = next((model for model in models if models.count(model) > 1), None)
    if twice is not None:
        return f"The price table holds {twice!r} twice: remove one of the two lines."
    return [Price(*row) for row in rows]
