"""Selected samples on their way to an optimiser step: at once, or until they fill a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from llkd.selection.signals import Floats, Ints

Samples = tuple[Ints, Floats]
"""Positions in the pool ``[m]`` and loss weights ``[m]``."""


class BatchAccumulator:
    """First in, first out. Without ``size`` nothing waits."""

    def __init__(self, size: int | None) -> None:
        self.size = size
        self._positions = np.zeros(0, dtype=np.int64)
        self._weight = np.zeros(0)

    def add(self, positions: Ints, weight: Floats, last: bool = False) -> list[Samples]:
        """Take in a step's selection; returns what to step on now, one or more batches.

        ``last`` gives out what is left, however little.
        """
        if self.size is None:
            return [(positions, weight)] if len(positions) else []
        waiting = np.concatenate([self._positions, positions])
        weights = np.concatenate([self._weight, weight])
        end = len(waiting) if last else len(waiting) // self.size * self.size
        self._positions, self._weight = waiting[end:], weights[end:]
        starts = range(0, end, self.size)
        return [
            (waiting[:end][k : k + self.size], weights[:end][k : k + self.size]) for k in starts
        ]

    def state(self) -> dict[str, Any]:
        """As JSON values."""
        return {"positions": self._positions.tolist(), "weight": self._weight.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the JSON values of :meth:`state`."""
        self._positions = np.asarray(state["positions"], dtype=np.int64)
        self._weight = np.asarray(state["weight"], dtype=np.float64)
