"""How many tokens a batch should hold: found while the work goes on, by trying a few sizes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

FACTORS = (1.0, 2.0, 0.5, 4.0)
ROUNDS = 3
# Trials are made once the work seen so far is this many times as long as all of them.
LONG = 2
# A larger batch is not worth its memory for less.
WORTH = 1.05


class BatchSizer:
    """Tokens per batch: ``budget`` is what the next batch may hold.

    Starts with ``start``. In long work each of a few budgets is tried ROUNDS times in turn, its
    best pace counts (other programs only ever slow a batch down), and the smallest budget about
    as fast as the fastest is kept. Running out of memory halves the budget and caps it.
    """

    def __init__(
        self,
        start: int,
        factors: Sequence[float] = FACTORS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """``clock`` gives seconds. A single factor means no trials."""
        self._best = start
        self._paces: dict[int, list[float]] = {max(1, int(start * f)): [] for f in factors}
        self._clock = clock
        self._began = 0.0
        self._measured = 0
        self._coming = 0

    @property
    def budget(self) -> int:
        """Tokens of the next batch."""
        return self._next() if self.searching else self._best

    @property
    def settled(self) -> bool:
        """Whether the budget stays as it is, but for a lack of memory."""
        return len(self._paces) <= 1

    @property
    def searching(self) -> bool:
        """Whether budgets are being tried at the moment."""
        trials = ROUNDS * sum(self._paces)
        return not self.settled and self._measured + self._coming >= LONG * trials

    def expect(self, tokens: int) -> None:
        """So many tokens are about to come, after those already done."""
        self._coming = tokens

    def begin(self) -> None:
        """A batch starts now."""
        self._began = self._clock()

    def finish(self, tokens: int) -> None:
        """The batch is done; it held so many tokens. A batch that was not full tells nothing."""
        seconds = self._clock() - self._began
        budget, tried = self.budget, self.searching
        self._measured += tokens
        self._coming = max(0, self._coming - tokens)
        if not tried or 2 * tokens < budget or seconds <= 0:
            return
        self._paces[budget].append(tokens / seconds)
        if all(len(paces) >= ROUNDS for paces in self._paces.values()):
            self._settle()

    def shrink(self, tokens: int) -> None:
        """A batch of so many tokens did not fit: from now on at most half of that."""
        cap = max(1, tokens // 2)
        self._best = min(self._best, cap)
        self._paces = {budget: paces for budget, paces in self._paces.items() if budget <= cap}
        if self._paces and all(len(paces) >= ROUNDS for paces in self._paces.values()):
            self._settle()

    def _next(self) -> int:
        return min(self._paces, key=lambda budget: len(self._paces[budget]))

    def _settle(self) -> None:
        best = {budget: max(paces) for budget, paces in self._paces.items()}
        enough = max(best.values()) / WORTH
        self._best = min(budget for budget, pace in best.items() if pace >= enough)
        self._paces = {}
