"""Whether a run would select anything, before it starts; and what is to be known of its labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llkd import signals
from llkd.config import TrainingConfig
from llkd.errors import SelectsNothing
from llkd.pipeline.evidence import Evidence
from llkd.pipeline.targets import Targets
from llkd.signals import Ints
from llkd.strategies import make_strategy, prepared, selectable
from llkd.training.deciding import strategy_inputs

WITHOUT_CONFIDENCE = "'all', 'random', 'neighbours' and 'small_loss'"
"""Strategies that take a label for a label, with a confidence or without."""


def check_selects(found: Targets, beside: Evidence, config: TrainingConfig) -> None:
    """Raise SelectsNothing, in a sentence, where the strategy could take no text at any step.

    A label of a person always trains, and so does every text of a warm-up.
    """
    pool = ~beside.held_out
    if (beside.human & pool).any() or config.selection.warmup_steps:
        return
    strategy = prepared(
        make_strategy(config.selection, found.plane.keys),
        strategy_inputs(
            found.probabilities,
            beside.human,
            beside.own,
            beside.without_confidence,
            kept=beside.kept,
            passes=beside.passes,
            support=beside.support,
        ),
    )
    if config.reference_run is not None and not strategy.needs_confidence:
        return  # as many as another run took, whether they pass or not
    label = signals.pseudo_label(found.probabilities)
    confidence = np.where(found.without_confidence, np.nan, signals.confidence(found.probabilities))
    possible = selectable(strategy, label, confidence) & pool
    if not possible.any():
        raise SelectsNothing(_nothing(found, config, label[pool]))


def _nothing(found: Targets, config: TrainingConfig, label: Ints) -> str:
    """Why the strategy would take nothing, and what to do."""
    name, texts = config.selection.strategy, len(label)
    if strategy_needs_confidence(config, found.plane.keys):
        return (
            f"The strategy {name!r} selects by the teacher's confidence, and none of the {texts:,} "
            f"labels has one, so it would train on nothing. Train with {WITHOUT_CONFIDENCE}, which "
            "need none, or label with a teacher that gives a confidence."
        )
    if name == "fixed":
        return (
            f"None of the {texts:,} labels reaches the teacher threshold, so training would select "
            "nothing. Lower it."
        )
    if name in {"neighbours", "needed_neighbours"}:
        return (
            f"The strategy {name!r} takes labels that the most similar texts bear out, and none of "
            f"the {texts:,} labels is, so it would train on nothing. Train with 'all', or label "
            "more texts."
        )
    return f"The strategy {name!r} would select none of the {texts:,} labels. Choose another."


def strategy_needs_confidence(config: TrainingConfig, names: Sequence[str]) -> bool:
    """Whether a label without a confidence can never train by this strategy."""
    return make_strategy(config.selection, names).needs_confidence


def confidence_notes(found: Targets, beside: Evidence) -> list[str]:
    """What a reader of the run should know where some labels have no confidence."""
    unsure = int((found.without_confidence & ~beside.held_out).sum())
    if not unsure:
        return []
    texts = int((~beside.held_out).sum())
    return [
        f"{unsure:,} of the {texts:,} labels have no confidence. They count in the pool and pass "
        f"no threshold: {WITHOUT_CONFIDENCE} can train on them, strategies that select by the "
        "teacher's confidence cannot."
    ]
