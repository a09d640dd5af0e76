"""Which texts of a batch train: the strategy's, in the warm-up all, a person's always.

A label without a confidence is a label: it is in the batch, and a strategy that needs no confidence
may take it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from llkd import signals
from llkd.selection import Bools, SelectionResult, Strategy
from llkd.signals import Floats, Ints
from llkd.strategies import StrategyInputs


def strategy_inputs(
    teacher_probs: Floats,
    human: np.ndarray,
    own: Floats | None,
    without_confidence: Bools | None = None,
    **pool: Any,
) -> StrategyInputs:
    """What a strategy may know of the pool; ``own`` are the teacher's answers under people's.

    Where a person has labelled (``human [n]``), the teacher's own label was right or wrong.
    ``without_confidence [n]``: labels that are certain in ``teacher_probs`` only to be trained on.
    ``pool`` are other fields of :class:`StrategyInputs`, handed on.
    """
    said = teacher_probs if own is None else own
    label = None
    if without_confidence is not None:
        said = np.where(without_confidence[:, None], np.nan, said)
        label = np.where(without_confidence, signals.pseudo_label(teacher_probs), -1)
    audited = None
    if own is not None and human.any():
        own_label = signals.pseudo_label(own)
        right = own_label == signals.pseudo_label(teacher_probs)
        audited = np.where(human & (own_label >= 0), right, -1).astype(np.int64)
    return StrategyInputs(said, audited=audited, label=label, **pool)


def decide(
    strategy: Strategy,
    teacher_probs: Floats,
    student_probs: Floats | None,
    positions: Ints,
    human: np.ndarray,
    *,
    rng: np.random.Generator,
    count: int | None,
    warm: bool,
    human_weight: float,
    without_confidence: Bools | None = None,
) -> tuple[Strategy, SelectionResult]:
    """One batch: arrays of its texts in, the next strategy and the decision out.

    The strategy neither sees nor counts texts that a person labelled (``human [B]``): these
    always train, with ``human_weight``. While ``warm`` all others do, with weight 1, and the
    strategy only takes the batch in. ``count`` is of the whole batch. Labels
    ``without_confidence [B]`` (certain in ``teacher_probs``) pass no threshold: a strategy that
    needs a confidence does not see them either.
    """
    label = signals.pseudo_label(teacher_probs)
    unsure = np.zeros(len(human), np.bool_) if without_confidence is None else without_confidence
    given = np.where(unsure[:, None], np.nan, teacher_probs) if unsure.any() else teacher_probs
    asked = np.flatnonzero(~(human | unsure) if strategy.needs_confidence else ~human)
    further = {"label": label[asked]} if unsure[asked].any() else {}
    strategy, result = strategy.step(
        given[asked],
        None if student_probs is None else student_probs[asked],
        rng=rng,
        count=None if count is None else max(0, count - int(human.sum())),
        positions=positions[asked],
        **further,
    )
    if len(asked) < len(human):
        result = _whole(result, given, student_probs, label, asked)
    selected, weight = result.selected, result.weight
    if warm:
        selected, weight = np.ones(len(human), np.bool_), np.ones(len(human))
    if human.any():
        selected, weight = selected | human, np.where(human, human_weight, weight)
    return strategy, replace(result, selected=selected, weight=weight)


def _whole(
    result: SelectionResult,
    teacher_probs: Floats,
    student_probs: Floats | None,
    label: Ints,
    asked: Ints,
) -> SelectionResult:
    """The decision on some of a batch as one on all of it: the others are not selected."""
    selected, weight = np.zeros(len(label), np.bool_), np.zeros(len(label))
    selected[asked], weight[asked] = result.selected, result.weight
    need = np.full(len(label), np.nan)
    if student_probs is not None:
        need = signals.information_need(student_probs)
    return replace(
        result,
        pseudo_label=label,
        confidence=signals.confidence(teacher_probs),
        information_need=need,
        selected=selected,
        weight=weight,
    )
