"""The arms of a comparison: every strategy that says what it is in one, and variants of these.

A gain over training on everything may come from the smaller number of samples alone, or from the
teacher's confidence alone. The two random controls draw as many texts in the same batches, so what
is left of the gain over them is the selection's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llkd.selection.registry import EVERYTHING, METHOD, RETIRED, STRATEGIES

OTHER_COLOUR = "#999999"
"""Of an arm or strategy that is not installed here."""


@dataclass(frozen=True)
class Arm:
    """One way to train in a comparison: a strategy, and what else differs from the settings.

    ``label`` is its name on a page, ``description`` says in a few words what it trains on.
    """

    strategy: str
    label: str
    description: str
    colour: str
    selection: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


VARIANTS: dict[str, Arm] = {
    "llkd_one_threshold": Arm(
        METHOD,
        "LLKD, one threshold",
        "one threshold for all",
        "#332288",
        selection={"class_specific": False},
    ),
    "llkd_unweighted": Arm(
        METHOD,
        "LLKD, unweighted",
        "the method without weights",
        "#88CCEE",
        selection={"weighting": "none"},
    ),
    "soft": Arm(
        EVERYTHING,
        "All texts, soft targets",
        "every text, with the teacher's probabilities",
        "#F0E442",
        training={"targets": "soft"},
    ),
}
CONTROLS = tuple(name for name, spec in STRATEGIES.items() if spec.control)
"""Arms that copy the method's counts and draw at random."""
RIVALS = (EVERYTHING, *CONTROLS)
"""What a selection is held against."""
USUAL_ARMS = (METHOD, *RIVALS)
"""The arms of a comparison where nobody names any."""


def arms() -> dict[str, Arm]:
    """Every arm by name: strategies that take part in comparisons, then their variants."""
    of_strategies = {
        name: Arm(name, spec.label, spec.arm, spec.colour)
        for name, spec in STRATEGIES.items()
        if spec.arm is not None
    }
    return {**of_strategies, **VARIANTS}


def arms_that_need_a_name() -> tuple[str, ...]:
    """Arms that are only there where a saved selection is named."""
    return tuple(
        name for name in arms() if name in STRATEGIES and "saved" in STRATEGIES[name].takes
    )


def is_control(strategy: str) -> bool:
    """Whether a strategy is one of :data:`CONTROLS`."""
    return strategy in CONTROLS


def arm_label(name: str) -> str:
    """What people read for an arm or a strategy, also of a retired one; else the name itself."""
    return _shown(name, "label", name)


def arm_colour(name: str) -> str:
    """The colour of an arm or a strategy in every chart."""
    return _shown(name, "colour", OTHER_COLOUR)


def _shown(name: str, what: str, default: str) -> str:
    entry = VARIANTS.get(name) or STRATEGIES.get(name) or RETIRED.get(name)
    return default if entry is None else str(getattr(entry, what))
