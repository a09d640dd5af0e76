"""Finished figures, kept between page runs and shared by all sessions.

Plotly checks every property when a figure is made, which costs more than all else on most pages.
A figure is kept under what it is made of, to the last value, so none is ever shown for other data;
Streamlit's own cache reads only a sample of long arrays and frames.
"""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.basedatatypes import BaseFigure

CHART_CONFIG: dict[str, Any] = {"displayModeBar": False, "scrollZoom": False}
"""How every chart of the pages behaves."""
MOST = 128
MOST_LETTERS = 400_000
"""A larger figure, as it is sent, is not kept: some hundreds of them are held at a time."""


class Finished(BaseFigure):  # type: ignore[misc]
    """A figure as it is sent. It cannot be changed: nothing of a figure is there to change."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def to_dict(self) -> dict[str, Any]:
        """What is sent; for reading only."""
        return self._document


CACHED: OrderedDict[bytes, Finished] = OrderedDict()
_lock = Lock()
FRAME_DIGESTS: dict[int, tuple[weakref.ref[pd.DataFrame], bytes]] = {}


def finished(make: Callable[..., go.Figure], *parts: Any, **named: Any) -> BaseFigure:  # noqa: ANN401
    """``make(*parts, **named)``, made once for the same parts.

    Parts: frames, arrays, and plain values in lists, tuples and mappings. Frames are taken for
    unchanging, as all kept reads are. Raises TypeError for anything else.
    """
    key = digest([f"{make.__module__}.{make.__qualname__}", parts, named])
    with _lock:
        known_figure = CACHED.get(key)
        if known_figure is not None:
            CACHED.move_to_end(key)
            return known_figure
    document = make(*parts, **named).to_dict()
    figure = Finished(document)
    if len(repr(document)) <= MOST_LETTERS:
        with _lock:
            CACHED[key] = figure
            while len(CACHED) > MOST:
                CACHED.popitem(last=False)
    return figure


def digest(value: Any) -> bytes:  # noqa: ANN401
    """What stands for a value that figures are made of. Raises TypeError for what cannot be."""
    hasher = hashlib.blake2b(digest_size=16)
    _add(hasher, value)
    return hasher.digest()


def _add(hasher: Any, value: Any) -> None:  # noqa: ANN401
    """Every part with its kind and its length, so that no two values read alike."""
    if value is None or isinstance(value, str | int | float | np.generic):
        text = repr(value).encode("utf-8", "backslashreplace")
        hasher.update(f"{type(value).__name__}{len(text)}:".encode())
        hasher.update(text)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        hasher.update(f"array{value.dtype.str}{value.shape}:".encode())
        hasher.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, list | tuple | np.ndarray):
        hasher.update(f"list{len(value)}:".encode())
        for item in value:
            _add(hasher, item)
    elif isinstance(value, Mapping):
        hasher.update(f"map{len(value)}:".encode())
        for name, item in value.items():
            _add(hasher, name)
            _add(hasher, item)
    elif isinstance(value, pd.DataFrame):
        hasher.update(_of_frame(value))
    else:
        raise TypeError(f"A figure is kept by plain values, not by {type(value).__name__}.")


def _of_frame(frame: pd.DataFrame) -> bytes:
    """The digest of a frame, read once while the frame lives."""
    held = FRAME_DIGESTS.get(id(frame))
    if held is not None and held[0]() is frame:
        return held[1]
    number = id(frame)
    frame_digest = digest(
        [list(map(str, frame.columns)), [frame[c].to_numpy() for c in frame.columns]]
    )
    FRAME_DIGESTS[number] = (
        weakref.ref(frame, lambda _: FRAME_DIGESTS.pop(number, None)),
        frame_digest,
    )
    return frame_digest
