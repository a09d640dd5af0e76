"""The rows of a plane as they are drawn and listed: made once for all sessions of the app."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation
from llkd.config.text_view import TextView
from llkd.curation import Plane
from llkd.store import Store
from ui.decision_plane import UNCATEGORISED, Category, Packed, pack_plane


@st.cache_resource(show_spinner="Drawing the plane …", max_entries=4)
def packed(
    key: tuple[Any, ...],
    people: str,
    stamp: str | None,
    shown: str,
    _plane: Plane,
    _gate: np.ndarray | None,
    _shown: np.ndarray | None,
) -> Packed:
    """The plane's rows for the browser: ``_gate`` says which lines may keep, ``_shown`` is drawn.

    What is before the underscores stands for what is behind them, here and below.
    """
    return pack_plane(_plane, gate=_gate, shown=_shown)


@st.cache_resource(show_spinner="Drawing the plane …", max_entries=2)
def coloured(
    key: tuple[Any, ...],
    people: str,
    depends: tuple[Any, ...],
    _parts: dict[str, np.ndarray],
    _plane: Plane,
    _gate: np.ndarray | None,
    _shown: np.ndarray | None,
) -> Packed:
    """The same with one more way to colour: masks ``[n]`` by what they are called."""
    name, titles = str(depends[2]), tuple(_parts)
    codes = np.full(len(_plane.frame), UNCATEGORISED, dtype=np.uint8)
    for code, rows in enumerate(_parts.values()):
        codes[rows] = code
    return pack_plane(_plane, [Category(name, codes, titles)], _gate, _shown)


@st.cache_resource(show_spinner="Looking for these texts …", max_entries=8)
def passing(
    key: tuple[Any, ...],
    people: str,
    narrowing: str,
    _store: Store,
    _plane: Plane,
    _view: TextView,
    _texts: pd.Series,
    _scores: np.ndarray | None,
) -> np.ndarray:
    """The rows ``[n]`` that the filters and words of a view let through.

    With ``_scores`` ``[n]``, how near each is to a typed meaning, the nearest of those.
    """
    mask = curation.filtered_rows(_store, _plane, _view.filters, _texts)
    query = curation.word_query(_view.words)
    if query:
        places = np.flatnonzero(mask)
        rows = _plane.frame["row"].to_numpy()[places]
        mask[places] = curation.matching(_texts.iloc[rows], query)
    if _scores is not None:
        nearest = curation.nearest_places(_scores, mask)
        mask[:] = False
        mask[nearest] = True
    return mask
