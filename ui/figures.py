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

MOST = 128
MOST_LETTERS = 400_000
"""A larger figure, as it is sent, is not kept: some hundreds of them are held at a time."""


class Finished(BaseFigure):  # type: ignore[misc]
    """A figure as it is sent. It cannot be changed: nothing of a figure is there to change."""

    def __init__(self, sent: dict[str, Any]) -> None:
        self._sent = sent

    def to_dict(self) -> dict[str, Any]:
        """What is sent; for reading only."""
        return self._sent


_kept: OrderedDict[bytes, Finished] = OrderedDict()
_lock = Lock()
_frames: dict[int, tuple[weakref.ref[pd.DataFrame], bytes]] = {}


def finished(make: Callable[..., go.Figure], *parts: Any, **named: Any) -> BaseFigure:  # noqa: ANN401
    """``make(*parts, **named)``, made once for the same parts.

    Parts: frames, arrays, and plain values in lists, tuples and mappings. Frames are taken for
    unchanging, as all kept reads are. Raises TypeError for anything else.
    """
    key = _digest([f"{make.__module__}.{make.__qualname__}", parts, named])
    with _lock:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
            return found
    sent = make(*parts, **named).to_dict()
    found = Finished(sent)
    if len(repr(sent)) <= MOST_LETTERS:
        with _lock:
            _kept[key] = found
            while len(_kept) > MOST:
                _kept.popitem(last=False)
    return found


def _digest(value: Any) -> bytes:  # noqa: ANN401
    told = hashlib.blake2b(digest_size=16)
    _tell(told, value)
    return told.digest()


def _tell(told: Any, value: Any) -> None:  # noqa: ANN401
    """Every part with its kind and its length, so that no two values read alike."""
    if value is None or isinstance(value, str | int | float | np.generic):
        said = repr(value).encode("utf-8", "backslashreplace")
        told.update(f"{type(value).__name__}{len(said)}:".encode())
        told.update(said)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        told.update(f"array{value.dtype.str}{value.shape}:".encode())
        told.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, list | tuple | np.ndarray):
        told.update(f"list{len(value)}:".encode())
        for one in value:
            _tell(told, one)
    elif isinstance(value, Mapping):
        told.update(f"map{len(value)}:".encode())
        for name, one in value.items():
            _tell(told, name)
            _tell(told, one)
    elif isinstance(value, pd.DataFrame):
        told.update(_of_frame(value))
    else:
        raise TypeError(f"A figure is kept by plain values, not by {type(value).__name__}.")


def _of_frame(frame: pd.DataFrame) -> bytes:
    """The digest of a frame, read once while the frame lives."""
    held = _frames.get(id(frame))
    if held is not None and held[0]() is frame:
        return held[1]
    number = id(frame)
    made = _digest([list(map(str, frame.columns)), [frame[c].to_numpy() for c in frame.columns]])
    _frames[number] = (weakref.ref(frame, lambda _: _frames.pop(number, None)), made)
    return made
