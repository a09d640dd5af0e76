"""Which texts of a batch train: the strategy's, in the warm-up all, a person's always."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from llkd import signals
from llkd.selection import SelectionResult, Strategy
from llkd.signals import Floats, Ints
from llkd.strategies import StrategyInputs


def strategy_inputs(
    teacher_probs: Floats,
    human: np.ndarray,
    own: Floats | None,
    out_of_sample: Floats | None,
    nearby: Floats | None = None,
    kept: np.ndarray | None = None,
) -> StrategyInputs:
    """What a strategy may know of the pool; ``own`` are the teacher's answers under people's.

    Where a person has labelled (``human [n]``), the teacher's own label was right or wrong.
    """
    said = teacher_probs if own is None else own
    audited = None
    if own is not None and human.any():
        label = signals.pseudo_label(own)
        right = label == signals.pseudo_label(teacher_probs)
        audited = np.where(human & (label >= 0), right, -1).astype(np.int64)
    return StrategyInputs(said, out_of_sample, audited, nearby, kept)


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
) -> tuple[Strategy, SelectionResult]:
    """One batch: arrays of its texts in, the next strategy and the decision out.

    The strategy neither sees nor counts texts that a person labelled (``human [B]``): these
    always train, with ``human_weight``. While ``warm`` all others do, with weight 1, and the
    strategy only takes the batch in. ``count`` is of the whole batch.
    """
    asked = np.flatnonzero(~human)
    strategy, result = strategy.step(
        teacher_probs[asked],
        None if student_probs is None else student_probs[asked],
        rng=rng,
        count=None if count is None else max(0, count - int(human.sum())),
        positions=positions[asked],
    )
    if warm:
        ones = np.ones(len(asked))
        result = replace(result, selected=ones.astype(np.bool_), weight=ones)
    if not human.any():
        return strategy, result
    need = np.full(len(human), np.nan)
    if student_probs is not None:
        need = signals.information_need(student_probs)
    selected, weight = human.copy(), np.where(human, human_weight, 0.0)
    selected[asked], weight[asked] = result.selected, result.weight
    return strategy, replace(
        result,
        pseudo_label=signals.pseudo_label(teacher_probs),
        confidence=signals.confidence(teacher_probs),
        information_need=need,
        selected=selected,
        weight=weight,
    )
