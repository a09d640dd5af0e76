"""Whether a stream is still like the texts that certified: their confidences side by side.

What a certificate promises holds as long as texts are alike. Confidence is all that a server sees
of that; other texts can have the same confidences, so silence proves nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from llkd.serving.questions import Floats

WINDOW = 300
"""Texts that are held against the certifying ones at a time; each text is in one window."""
LEVEL = 0.001
"""A stream that is like them is called unlike in one window of a thousand."""


class StreamMonitor:
    """Holds windows of a stream against the certifying texts; safe between threads.

    ``p_value`` and ``unlike`` are of the last whole window; None and False before there is one.
    """

    def __init__(
        self, reference: Sequence[float], window: int = WINDOW, level: float = LEVEL
    ) -> None:
        """``reference`` are the certifying texts' raw confidences."""
        self._reference = np.sort(np.asarray(reference, dtype=np.float64))
        self._window, self._level = window, level
        self._lock = threading.Lock()
        self._waiting: list[float] = []
        self.windows = 0
        self.p_value: float | None = None
        self.unlike = False

    def add(self, confidence: float) -> bool | None:
        """Take one more text; says ``unlike`` where that has just changed, else None."""
        with self._lock:
            self._waiting.append(confidence)
            if len(self._waiting) < self._window:
                return None
            values, self._waiting = np.sort(np.array(self._waiting)), []
            self.windows += 1
            self.p_value = kolmogorov_smirnov(self._reference, values)
            before, self.unlike = self.unlike, self.p_value < self._level
            return self.unlike if self.unlike != before else None


def kolmogorov_smirnov(first: Floats, second: Floats) -> float:
    """The p-value of the two-sample test (Smirnov 1948), both rising; asymptotic.

    The largest distance D of the two distribution functions, D sqrt(nm / (n + m)) against
    Kolmogorov's distribution with Stephens' correction for small samples (1970). 1 where one is
    empty.
    """
    n, m = len(first), len(second)
    if not n or not m:
        return 1.0
    points = np.concatenate([first, second])
    distance = np.abs(
        np.searchsorted(first, points, side="right") / n
        - np.searchsorted(second, points, side="right") / m
    ).max()
    root = np.sqrt(n * m / (n + m))
    scaled = (root + 0.12 + 0.11 / root) * distance
    if scaled < 0.2:
        return 1.0
    k = np.arange(1, 101)
    return float(np.clip(2 * ((-1.0) ** (k - 1) * np.exp(-2 * (k * scaled) ** 2)).sum(), 0, 1))
