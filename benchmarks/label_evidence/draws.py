"""The pools drawn from a half of a set: natural ones, and such with much of one class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.label_evidence.texts import TextSet
from llkd.selection.signals import Floats, Ints

SMALL, UNBALANCED = 300, 500
SHARES = (0.8, 0.95)


@dataclass(frozen=True)
class Draw:
    """A pool: its texts are the ``rows [n]`` of ``data``; ``name`` says how it was drawn."""

    data: TextSet
    name: str
    rows: Ints

    @property
    def gold(self) -> Ints:
        """Classes of the pool's texts ``[n]``."""
        return self.data.gold[self.rows]

    @property
    def held_out(self) -> Ints:
        """Rows of the texts that judge students."""
        return np.flatnonzero(self.data.held_out)

    def held_out_weight(self) -> Floats:
        """Weights of the held-out texts that give classes the shares that they have in the pool."""
        classes = len(self.data.labels.names)
        gold = self.data.gold[self.held_out]
        here = np.bincount(gold, minlength=classes) / len(gold)
        there = np.bincount(self.gold, minlength=classes) / len(self.rows)
        return np.asarray((there / np.maximum(here, 1e-9))[gold])


def draws_of(data: TextSet, most: int | None = None) -> list[Draw]:
    """A natural pool, a small one, and for two common classes one with 80 and 95 % of it.

    At most the first ``most``.
    """
    natural = np.flatnonzero(data.natural)
    pool = np.flatnonzero(~data.held_out)
    draws = [Draw(data, "natural", natural)]
    if len(natural) > 3 * SMALL:
        draws.append(Draw(data, "natural, small", natural[:SMALL]))
    for common in data.common if len(data.labels.names) <= 10 else ():
        mine = pool[data.gold[pool] == common]
        others = natural[data.gold[natural] != common]
        for share in SHARES:
            size = min(UNBALANCED, int(len(mine) / share))
            many = round(share * size)
            rows = np.concatenate([mine[:many], others[: size - many]])
            draws.append(Draw(data, f"{share:.0%} {data.labels.names[common]}", rows))
    return draws[:most]
