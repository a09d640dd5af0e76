"""What a strategy may know of the whole pool before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from llkd.selection.signals import Bools, Floats, Ints
from llkd.selection.strategy import Strategy


@dataclass(frozen=True)
class StrategyInputs:
    """The pool of ``n`` texts by position, as ``step`` names them.

    ``teacher_probs [n, C]`` are the teacher's own, also where a person has labelled since (NaN
    where it said nothing). ``oof_probs [n, C]`` are probabilities by models that did not see
    the row (the cross-fitted probe, or votes of the nearest texts), NaN or None where there are
    none; ``knn_mean_probs [n, C]`` the mean probabilities of the nearest texts. ``in_saved [n]``
    marks what a saved selection holds. ``passes [n]`` marks labels that the nearest
    texts bear out, and ``support [n]`` in [0, 1] says how much speaks for each. ``label [n]``
    holds the labels that the teacher gave without a confidence (their ``teacher_probs`` are NaN),
    -1 for all others.
    """

    teacher_probs: Floats
    oof_probs: Floats | None = None
    knn_mean_probs: Floats | None = None
    in_saved: Bools | None = None
    label: Ints | None = None
    passes: Bools | None = None
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
    with_inputs: Strategy = strategy.prepare(inputs)
    return with_inputs


def selectable(strategy: Strategy, label: Ints, confidence: Floats) -> Bools:
    """Which texts of the pool the strategy could take in some step, ``[n]``.

    Where there is none, a run would train on nothing. ``label [n]`` is -1 and ``confidence [n]``
    NaN where there is none. The strategy is a prepared one.
    """
    rule = getattr(strategy, "selectable", None)
    if rule is not None:
        return np.asarray(rule(label, confidence), dtype=np.bool_)
    enough = np.isfinite(confidence) | np.full(len(label), not strategy.needs_confidence)
    return (label >= 0) & enough
