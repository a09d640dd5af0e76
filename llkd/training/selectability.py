"""Whether a run would select anything, before it starts; and what is to be known of its labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llkd.config import TrainingConfig
from llkd.errors import SelectsNothing
from llkd.selection import signals
from llkd.selection.inputs import prepared, selectable
from llkd.selection.registry import make_strategy, names_without, spec_of
from llkd.selection.signals import Ints
from llkd.training.run_inputs import RunInputs
from llkd.training.select_batch import strategy_inputs
from llkd.training.targets import Targets


def without_confidence() -> str:
    """The strategies that take a label for a label, with a confidence or without, in words."""
    quoted = [repr(name) for name in names_without("confidence")]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def check_selects(targets: Targets, inputs: RunInputs, config: TrainingConfig) -> None:
    """Raise SelectsNothing, in a sentence, where the strategy could take no text at any step.

    A label of a person always trains, and so does every text of a warm-up.
    """
    pool = ~inputs.held_out
    if (inputs.human & pool).any() or config.selection.warmup_steps:
        return
    strategy = prepared(
        make_strategy(config.selection, targets.plane.keys),
        strategy_inputs(
            targets.probabilities,
            inputs.teacher_raw_probs,
            inputs.without_confidence,
            in_saved=inputs.in_saved,
            passes=inputs.passes,
            support=inputs.support,
        ),
    )
    if config.reference_run is not None and not strategy.needs_confidence:
        return  # as many as another run took, whether they pass or not
    label = signals.pseudo_label(targets.probabilities)
    confidence = signals.confidence(targets.probabilities)
    confidence = np.where(targets.without_confidence, np.nan, confidence)
    possible = selectable(strategy, label, confidence) & pool
    if not possible.any():
        raise SelectsNothing(_nothing(targets, config, label[pool]))


def _nothing(targets: Targets, config: TrainingConfig, label: Ints) -> str:
    """Why the strategy would take nothing, and what to do."""
    name, texts = config.selection.strategy, len(label)
    if strategy_needs_confidence(config, targets.plane.keys):
        return (
            f"The strategy {name!r} selects by the teacher's confidence, and none of the {texts:,} "
            f"labels has one, so it would train on nothing. Train with {without_confidence()}, "
            "which need none, or label with a teacher that gives a confidence."
        )
    return spec_of(name).nothing_reason.format(name=name, texts=texts)


def strategy_needs_confidence(config: TrainingConfig, names: Sequence[str]) -> bool:
    """Whether a label without a confidence can never train by this strategy."""
    return make_strategy(config.selection, names).needs_confidence


def confidence_notes(targets: Targets, inputs: RunInputs) -> list[str]:
    """What a reader of the run should know where some labels have no confidence."""
    unsure = int((targets.without_confidence & ~inputs.held_out).sum())
    if not unsure:
        return []
    texts = int((~inputs.held_out).sum())
    return [
        f"{unsure:,} of the {texts:,} labels have no confidence. They count in the pool and pass "
        f"no threshold: {without_confidence()} can train on them, strategies that select by the "
        "teacher's confidence cannot."
    ]
