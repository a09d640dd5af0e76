"""What a strategy may know of the whole pool before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from llkd.selection import Strategy
from llkd.signals import Floats, Ints


@dataclass(frozen=True)
class StrategyInputs:
    """The pool of ``n`` texts by position, as ``step`` names them.

    ``teacher_probs [n, C]`` are the teacher's own, also where a person has labelled since (NaN
    where it said nothing). ``out_of_sample [n, C]`` are probabilities by models that did not see
    the row (the cross-fitted probe, or votes of the nearest texts), NaN or None where there are
    none; ``nearby [n, C]`` the mean probabilities of the nearest texts. ``audited [n]`` says
    whether the teacher's label was right where a person has looked: 1, 0, or -1 where nobody has.
    ``kept [n]`` marks what a saved selection holds. ``passes [n]`` marks labels that the nearest
    texts bear out, and ``support [n]`` in [0, 1] says how much speaks for each. ``label [n]``
    holds the labels that the teacher gave without a confidence (their ``teacher_probs`` are NaN),
    -1 for all others.
    """

    teacher_probs: Floats
    out_of_sample: Floats | None = None
    audited: Ints | None = None
    nearby: Floats | None = None
    kept: npt.NDArray[np.bool_] | None = None
    label: Ints | None = None
    passes: npt.NDArray[np.bool_] | None = None
    support: Floats | None = None


@runtime_checkable
class NeedsInputs(Protocol):
    """A strategy that looks at the whole pool once."""

    def prepare(self, inputs: StrategyInputs) -> Any:
        """The same strategy, knowing the pool. Called before ``restored`` and ``step``."""
        ...


def prepared(strategy: Strategy, inputs: StrategyInputs) -> Strategy:
    """The strategy, told of the pool where it wants to know."""
    if not isinstance(strategy, NeedsInputs):
        return strategy
    told: Strategy = strategy.prepare(inputs)
    return told


def selectable(strategy: Strategy, label: Ints, confidence: Floats) -> npt.NDArray[np.bool_]:
    """Which texts of the pool the strategy could take in some step, ``[n]``.

    Where there is none, a run would train on nothing. ``label [n]`` is -1 and ``confidence [n]``
    NaN where there is none. The strategy is a prepared one.
    """
    own = getattr(strategy, "selectable", None)
    if own is not None:
        return np.asarray(own(label, confidence), dtype=np.bool_)
    known = np.isfinite(confidence) | np.full(len(label), not strategy.needs_confidence)
    return (label >= 0) & known
