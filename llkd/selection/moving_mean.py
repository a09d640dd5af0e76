"""Exponential moving averages that are corrected for their start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd.config import SelectionConfig
from llkd.selection.signals import Bools, Floats, Ints


@dataclass(frozen=True)
class MovingMean:
    """Bias-corrected exponential moving averages, one per entry.

    m_t = momentum m_{t-1} + (1 - momentum) x_t with m_0 = 0; the value used is
    m_t / (1 - momentum^t), t counting that entry's own updates.
    """

    total: Floats
    updates: Ints

    @classmethod
    def zeros(cls, entries: int) -> MovingMean:
        """Averages that have seen nothing."""
        return cls(np.zeros(entries), np.zeros(entries, dtype=np.int64))

    def update(self, values: Floats, present: Bools, momentum: float) -> MovingMean:
        """Move the entries that are ``present`` towards ``values``."""
        moved = momentum * self.total + (1 - momentum) * np.where(present, values, 0.0)
        return MovingMean(np.where(present, moved, self.total), self.updates + present)

    def value(self, momentum: float) -> Floats:
        """The corrected averages; 0 for an entry never updated."""
        correction = 1.0 - momentum ** self.updates.astype(np.float64)
        return np.divide(
            self.total, correction, out=np.zeros_like(self.total), where=self.updates > 0
        )

    def state(self) -> dict[str, list[float]]:
        """As JSON values."""
        return {"total": self.total.tolist(), "updates": self.updates.tolist()}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> MovingMean:
        """From the JSON values of :meth:`state`."""
        return cls(
            np.asarray(state["total"], dtype=np.float64),
            np.asarray(state["updates"], dtype=np.int64),
        )


def momentum_of(config: SelectionConfig) -> float:
    """The momentum of the averages: as set, or 0.5 ** (1 / half-life in steps)."""
    if config.half_life is None:
        return config.momentum
    return float(0.5 ** (1.0 / config.half_life))
