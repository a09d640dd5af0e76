"""The selection strategies by name: one interface, so that they can be compared.

``llkd`` is the method; the others are its rivals and controls (docs/method.md, section 3). To add
one: write a class with ``needs_student``, ``needs_confidence``, ``step``, ``state`` and
``restored``, and name it in :data:`STRATEGIES`. One that wants to know the whole pool also has
``prepare`` (:class:`NeedsInputs`), and one that passes over some texts for good ``selectable``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llkd.config import SelectionConfig
from llkd.selection import AdaptiveSelection, Strategy
from llkd.strategies.inputs import NeedsInputs, StrategyInputs, prepared, selectable
from llkd.strategies.neighbours import (
    NEIGHBOUR_RULE,
    VOTE_DAMPING,
    Neighbours,
    Support,
    label_support,
)
from llkd.strategies.saved import SavedSelection
from llkd.strategies.softmatch import SoftMatchWeights
from llkd.strategies.thinning import RandomThinning
from llkd.strategies.thresholds import FixedThresholds, above_thresholds, class_thresholds
from llkd.strategies.trust import Trust
from llkd.strategies.windows import Learnability, SmallLoss

USUAL_STRATEGY = "neighbours"
"""What trains where nobody names a strategy: the evidence is in docs/results.md."""
USUAL_SHARE = 0.2
"""What ``learnability``, ``trust`` and both ``neighbours`` take without a share of their own."""
TAKE_COUNTS = (
    "random",
    "teacher_then_random",
    "teacher_only",
    "student_only",
    "learnability",
    "small_loss",
    "trust",
    "neighbours",
    "needed_neighbours",
    "saved",
)
"""Those that can take, step by step, as many texts as a reference run did."""
BY_EMBEDDING = ("neighbours", "needed_neighbours", "trust")
"""Those that look at the texts' embeddings."""
TAKE_A_SHARE = (
    "random",
    "teacher_then_random",
    "learnability",
    "trust",
    "neighbours",
    "needed_neighbours",
)


def momentum_of(config: SelectionConfig) -> float:
    """The momentum of the averages: as set, or 0.5 ** (1 / half-life in steps)."""
    if config.half_life is None:
        return config.momentum
    return float(0.5 ** (1.0 / config.half_life))


def _adaptive(
    config: SelectionConfig, classes: int, teacher_gate: bool = True, student_gate: bool = True
) -> AdaptiveSelection:
    return AdaptiveSelection(
        num_classes=classes,
        momentum=momentum_of(config),
        teacher_scale=config.teacher_scale,
        student_scale=config.student_scale,
        class_specific=config.class_specific,
        class_shrinkage=config.class_shrinkage,
        weighting=_plain(config),
        target_rate=config.target_rate,
        teacher_gate=teacher_gate,
        student_gate=student_gate,
    )


def _fixed(config: SelectionConfig, class_names: Sequence[str]) -> FixedThresholds:
    return FixedThresholds(
        tuple(class_thresholds(config.teacher_threshold, class_names)),
        tuple(class_thresholds(config.student_threshold, class_names)),
        _plain(config),
    )


def _plain(config: SelectionConfig) -> str:
    """The weighting inside a batch; ``softmatch`` is laid over the finished selection."""
    return "none" if config.weighting == "softmatch" else config.weighting


def weights_of(config: SelectionConfig) -> str:
    """How a strategy weighs its selected texts in the loss: a formula in c and u, or words.

    Two arms differ in their choice of texts alone where this is the same for both.
    """
    if config.weighting == "softmatch" and config.strategy != "random":
        return "softmatch"
    if config.strategy == "trust":
        return "1" if config.trust_weight == "none" else "P(right)"
    if config.strategy not in {
        "llkd",
        "fixed",
        "teacher_only",
        "teacher_then_random",
        "student_only",
    }:
        return "1"
    # A strategy that does not ask the student takes its need to be 1.
    alone = config.strategy in {"teacher_only", "teacher_then_random"}
    return {"product": "c" if alone else "c·u", "mean": "(c+1)/2" if alone else "(c+u)/2"}.get(
        config.weighting, "1"
    )


def _all(classes: int) -> FixedThresholds:
    return FixedThresholds((0.0,) * classes, (0.0,) * classes, "none")


STRATEGIES: dict[str, Callable[[SelectionConfig, Sequence[str]], Strategy]] = {
    "llkd": lambda config, names: _adaptive(config, len(names)),
    "fixed": _fixed,
    "all": lambda config, names: _all(len(names)),
    "random": lambda config, names: RandomThinning(_all(len(names)), config.share),
    "teacher_then_random": lambda config, names: RandomThinning(
        _adaptive(config, len(names), student_gate=False), config.share
    ),
    "teacher_only": lambda config, names: _adaptive(config, len(names), student_gate=False),
    "student_only": lambda config, names: _adaptive(config, len(names), teacher_gate=False),
    "learnability": lambda config, names: Learnability(
        len(names), config.share or USUAL_SHARE, config.window
    ),
    "small_loss": lambda config, names: SmallLoss(len(names), config.window),
    "trust": lambda config, names: Trust(
        len(names),
        config.share or USUAL_SHARE,
        config.window,
        config.trust_score,
        config.trust_power,
        config.trust_evidence,
        config.trust_weight,
    ),
    "neighbours": lambda config, names: Neighbours(len(names), config.share or USUAL_SHARE),
    "needed_neighbours": lambda config, names: Neighbours(
        len(names), config.share or USUAL_SHARE, needed=True
    ),
    "saved": lambda config, names: SavedSelection(len(names)),
}

EXPLAINED: dict[str, str] = {
    "llkd": "Texts the teacher is sure of and the student is not; both thresholds move.",
    "fixed": "Texts above thresholds that you set.",
    "all": "Every labelled text.",
    "random": "A random share of each batch: the control for any cleverer choice.",
    "teacher_then_random": "Texts the teacher is sure of, thinned at random to a share: what "
    "LLKD adds over it is the student's signal.",
    "teacher_only": "Texts the teacher is sure of, whatever the student thinks.",
    "student_only": "Texts the student is unsure of, whatever the teacher thinks.",
    "learnability": "Texts that the student finds much harder than the teacher does.",
    "small_loss": "Texts whose label the student finds easy: wrong labels are learned last.",
    "trust": "Texts whose label is likely right and from which the student still learns "
    "(experimental).",
    "neighbours": "Texts whose label the texts most like them carry too, thinned at random to a "
    "share; no scoring pass. The usual one: tuned on five public sets, so try it on your own data.",
    "needed_neighbours": "Texts whose label the texts most like them carry too, and of these, in "
    "each batch, those the student is least sure of.",
    "saved": "The very texts that you kept on Curate and saved under a name.",
}


def make_strategy(config: SelectionConfig, class_names: Sequence[str]) -> Strategy:
    """The strategy that ``config`` names, fresh, for these classes."""
    strategy = STRATEGIES[config.strategy](config, class_names)
    # A random draw is the control: it weighs nothing.
    if config.weighting == "softmatch" and config.strategy != "random":
        return SoftMatchWeights(strategy, momentum_of(config))
    return strategy


__all__ = [
    "BY_EMBEDDING",
    "EXPLAINED",
    "NEIGHBOUR_RULE",
    "STRATEGIES",
    "TAKE_A_SHARE",
    "TAKE_COUNTS",
    "USUAL_SHARE",
    "USUAL_STRATEGY",
    "VOTE_DAMPING",
    "FixedThresholds",
    "NeedsInputs",
    "RandomThinning",
    "StrategyInputs",
    "Support",
    "above_thresholds",
    "class_thresholds",
    "label_support",
    "make_strategy",
    "momentum_of",
    "prepared",
    "selectable",
    "weights_of",
]
