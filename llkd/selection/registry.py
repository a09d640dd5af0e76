"""The selection strategies by name: one dict that everything reads.

``llkd`` is the method; the others are its rivals and controls (docs/method.md, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from llkd.config import AUTO_STRATEGY, SelectionConfig, TrainingConfig
from llkd.errors import ConfigError
from llkd.selection.moving_mean import momentum_of
from llkd.selection.softmatch import SoftMatchWeights
from llkd.selection.strategies import (
    adaptive,
    fixed,
    learnability,
    neighbours,
    random_control,
    saved,
)
from llkd.selection.strategy import Strategy
from llkd.selection.strategy_spec import Need, Setting, StrategySpec

STRATEGIES: dict[str, StrategySpec] = {
    "llkd": adaptive.LLKD,
    "fixed": fixed.FIXED,
    "all": fixed.ALL,
    "random": random_control.RANDOM,
    "teacher_then_random": random_control.TEACHER_THEN_RANDOM,
    "teacher_only": adaptive.TEACHER_ONLY,
    "student_only": adaptive.STUDENT_ONLY,
    "learnability": learnability.LEARNABILITY,
    "neighbours": neighbours.NEIGHBOURS,
    "needed_neighbours": neighbours.NEEDED_NEIGHBOURS,
    "saved": saved.SAVED,
}
"""Adding one: a file in ``strategies/`` and a line here."""

METHOD = adaptive.LLKD.name
"""The one whose counts the controls of a comparison copy."""
EVERYTHING = fixed.ALL.name
"""The one that selections are held against: no selection at all."""
DRAWN_AT_RANDOM = random_control.RANDOM.name
"""What stands for everything where only so many texts may be taken."""
CONTROLS = tuple(name for name, spec in STRATEGIES.items() if spec.control)
"""Those that copy the method's counts and draw at random."""
SAVED = saved.SAVED.name
FIXED = fixed.FIXED.name


def _retired(config: SelectionConfig, class_names: Sequence[str]) -> NoReturn:
    raise ConfigError(
        f"The strategy {config.strategy!r} failed in our experiments and can no longer train; its "
        f"runs can still be looked at. Choose one of {', '.join(STRATEGIES)}."
    )


RETIRED: dict[str, StrategySpec] = {
    "small_loss": StrategySpec(
        name="small_loss",
        make=_retired,
        label="Small loss",
        summary="Texts whose label the student finds easy.",
        colour="#AA4499",
        needs=frozenset({"student"}),
        takes=frozenset({"reference_counts"}),
        skip_reason="its label looked wrong to the student",
    ),
    "trust": StrategySpec(
        name="trust",
        make=_retired,
        label="Trust",
        summary="Texts whose label is likely right and from which the student still learns.",
        colour="#44AA99",
        needs=frozenset({"confidence", "student", "embeddings"}),
        takes=frozenset({"share", "reference_counts"}),
        skip_reason="others scored higher",
        weight_formula=lambda config: "1" if config.trust_weight == "none" else "P(right)",
    ),
}
"""Strategies of before 0.4 that train no more: their runs still open. They run in
``benchmarks/failed_strategies``."""


def spec_of(name: str) -> StrategySpec:
    """The spec of a strategy, also of one that is retired. Raises ConfigError with the choices."""
    spec = STRATEGIES.get(name) or RETIRED.get(name)
    if spec is None:
        raise ConfigError(
            f"There is no strategy {name!r}. The strategies are {', '.join(STRATEGIES)}."
        )
    return spec


def label_of(name: str) -> str:
    """What people read for a strategy; the name itself of one that is not installed here."""
    if name == AUTO_STRATEGY:
        return "the proposed strategy"
    spec = STRATEGIES.get(name) or RETIRED.get(name)
    return name if spec is None else spec.label


def needs(config: SelectionConfig, what: Need) -> bool:
    """Whether the strategy of these settings looks at ``what``; one that is not here at nothing."""
    spec = STRATEGIES.get(config.strategy) or RETIRED.get(config.strategy)
    return spec is not None and what in spec.needs


def takes(config: SelectionConfig, what: Setting) -> bool:
    """Whether a person may set ``what`` for the strategy of these settings."""
    spec = STRATEGIES.get(config.strategy) or RETIRED.get(config.strategy)
    return spec is not None and what in spec.takes


def names_that_take(what: Setting) -> tuple[str, ...]:
    """The strategies of which ``what`` can be set."""
    return tuple(name for name, spec in STRATEGIES.items() if what in spec.takes)


def names_without(what: Need) -> tuple[str, ...]:
    """The strategies that do without ``what``."""
    return tuple(name for name, spec in STRATEGIES.items() if what not in spec.needs)


def check_strategy(config: TrainingConfig) -> None:
    """Raise ConfigError where the strategy is unknown, retired, or lacks what it needs.

    ``auto`` is resolved later, and takes no setting that belongs to one strategy alone.
    """
    selection = config.selection
    if selection.strategy == AUTO_STRATEGY:
        if selection.share is not None or config.reference_run is not None:
            raise ConfigError(
                "A share or a reference run belongs to a strategy: name one of "
                f"{', '.join(names_that_take('share'))}."
            )
        return
    spec = spec_of(selection.strategy)
    if spec.name in RETIRED:
        _retired(selection, ())
    if "saved" in spec.takes and selection.saved is None:
        raise ConfigError(
            f"The strategy {spec.name!r} needs the name of a selection that was saved on Curate."
        )
    counted = selection.share is not None or config.reference_run is not None
    if "share" in spec.takes and spec.default_share is None and not counted:
        raise ConfigError(
            f"The strategy {spec.name!r} needs a share (0 to 1) or a reference run whose share it "
            "copies."
        )


def make_strategy(config: SelectionConfig, class_names: Sequence[str]) -> Strategy:
    """The strategy that ``config`` names, fresh, for these classes.

    Raises ConfigError for a name that is none, and for a strategy that is retired.
    """
    spec = spec_of(config.strategy)
    strategy = spec.make(config, class_names)
    if config.weighting == "softmatch" and spec.softmatch:
        return SoftMatchWeights(strategy, momentum_of(config))
    return strategy


def weights_of(config: SelectionConfig) -> str:
    """How a strategy weighs its selected texts in the loss: a formula in c and u, or words.

    Two arms differ in their choice of texts alone where this is the same for both.
    """
    spec = spec_of(config.strategy)
    if config.weighting == "softmatch" and spec.softmatch:
        return "softmatch"
    return spec.weight_formula(config)


__all__ = [
    "CONTROLS",
    "DRAWN_AT_RANDOM",
    "EVERYTHING",
    "FIXED",
    "METHOD",
    "RETIRED",
    "SAVED",
    "STRATEGIES",
    "check_strategy",
    "label_of",
    "make_strategy",
    "names_that_take",
    "names_without",
    "needs",
    "spec_of",
    "takes",
    "weights_of",
]
