"""Which texts of a batch train: the strategy's, in the warm-up all, a person's always.

A label without a confidence is a label: it is in the batch, and a strategy that needs no confidence
may take it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from llkd.selection import signals
from llkd.selection.inputs import StrategyInputs
from llkd.selection.signals import Bools, Floats, Ints
from llkd.selection.strategy import SelectionResult, Strategy


def strategy_inputs(
    teacher_probs: Floats,
    teacher_raw_probs: Floats | None,
    without_confidence: Bools | None = None,
    **pool: Any,
) -> StrategyInputs:
    """What a strategy may know of the pool; ``own`` are the teacher's answers under people's.

    ``without_confidence [n]``: labels that are certain in ``teacher_probs`` only to be trained on.
    ``pool`` are other fields of :class:`StrategyInputs`, handed on.
    """
    raw_probs = teacher_probs if teacher_raw_probs is None else teacher_raw_probs
    label = None
    if without_confidence is not None:
        raw_probs = np.where(without_confidence[:, None], np.nan, raw_probs)
        label = np.where(without_confidence, signals.pseudo_label(teacher_probs), -1)
    return StrategyInputs(raw_probs, label=label, **pool)


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
    stated_probs = teacher_probs
    if unsure.any():
        stated_probs = np.where(unsure[:, None], np.nan, teacher_probs)
    in_question = np.flatnonzero(~(human | unsure) if strategy.needs_confidence else ~human)
    further = {"label": label[in_question]} if unsure[in_question].any() else {}
    strategy, result = strategy.step(
        stated_probs[in_question],
        None if student_probs is None else student_probs[in_question],
        rng=rng,
        count=None if count is None else max(0, count - int(human.sum())),
        positions=positions[in_question],
        **further,
    )
    if len(in_question) < len(human):
        result = _whole(result, stated_probs, student_probs, label, in_question)
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
    in_question: Ints,
) -> SelectionResult:
    """The decision on some of a batch as one on all of it: the others are not selected."""
    selected, weight = np.zeros(len(label), np.bool_), np.zeros(len(label))
    selected[in_question], weight[in_question] = result.selected, result.weight
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
