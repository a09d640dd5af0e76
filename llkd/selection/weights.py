"""How much each selected text counts in the loss."""

from __future__ import annotations

import numpy as np

from llkd.errors import ConfigError
from llkd.selection.signals import Bools, Floats

WEIGHTINGS = ("product", "mean", "none")
"""Those of one batch alone; ``softmatch`` has a state (``selection.softmatch``)."""


def batch_weighting(weighting: str) -> str:
    """The weighting inside a batch; ``softmatch`` is laid over the finished selection."""
    return "none" if weighting == "softmatch" else weighting


def selection_weights(confidence: Floats, need: Floats, selected: Bools, weighting: str) -> Floats:
    """Loss weights ``[B]``: mean 1 over the selected (all 1 where they sum to 0), 0 elsewhere.

    A label without a confidence (NaN) weighs 1, and the others have a mean of 1 among themselves.
    """
    if weighting == "product":
        raw = confidence * need
    elif weighting == "mean":
        raw = (confidence + need) / 2
    elif weighting == "none":
        raw = np.ones_like(confidence)
    else:
        raise ConfigError(f"weighting is one of {', '.join(WEIGHTINGS)}, but it was {weighting!r}.")
    weight = selected.astype(np.float64)
    finite = selected & np.isfinite(raw)
    if finite.any():
        mean = raw[finite].mean()
        weight[finite] = raw[finite] / mean if mean > 0 else 1.0
    return weight
