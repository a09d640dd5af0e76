"""The arms of a comparison: every strategy that says what it is in one, and variants of these.

A gain over training on everything may come from the smaller number of samples alone, or from the
teacher's confidence alone. The two random controls draw in the same batches as many texts as one
selection of the comparison, its reference (:func:`reference_arm`), so what is left of its gain over
them is the selection's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llkd.errors import UserError
from llkd.selection.registry import (
    CONTROLS,
    EVERYTHING,
    METHOD,
    RETIRED,
    SAVED,
    STRATEGIES,
)

EVERY = "every"
"""Stands for all arms there are."""
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
RIVALS = (EVERYTHING, *CONTROLS)
"""What a selection is held against."""
USUAL_ARMS = (METHOD, *RIVALS)
"""The method, and all that shows whether its selection is worth anything."""
WITHOUT_SELECTION = {
    EVERYTHING,
    *CONTROLS,
    *(name for name, arm in VARIANTS.items() if arm.strategy == EVERYTHING),
}
"""Arms that choose nothing: every text, or as many as another arm at random."""


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


def check_arms(names: Sequence[str], saved: str | None = None) -> tuple[str, ...]:
    """The arms in the order they train; ``every`` means all there are.

    The reference comes first, because others copy its counts (:func:`reference_arm`). ``saved`` is
    the name of a selection that is to be compared, too. Raises UserError for a name that is none, a
    control without a selection, or the arm ``saved`` without its selection.
    """
    known_arms, named_only = arms(), arms_that_need_a_name()
    every = [name for name in known_arms if saved or name not in named_only]
    selected = every if list(names) == [EVERY] else list(dict.fromkeys(names))
    if saved and selected and SAVED not in selected:
        selected.append(SAVED)
    unknown = [name for name in selected if name not in known_arms]
    if unknown or not selected:
        raise UserError(
            f"There is no arm {unknown[0] if unknown else ''!r}. "
            f"The arms are {', '.join(known_arms)}, or '{EVERY}'."
        )
    reference = reference_arm(selected)
    if reference is None and set(selected) & set(CONTROLS):
        raise UserError(
            f"The arms {' and '.join(CONTROLS)} draw as many texts as a selection does: name one, "
            f"too, such as {METHOD!r} or 'neighbours'."
        )
    if SAVED in selected and not saved:
        raise UserError(
            f"The arm {SAVED!r} trains on a selection that was saved on the Curate page: name it "
            "with --selection NAME."
        )
    return tuple(sorted(selected, key=lambda name: name != reference))


def reference_arm(names: Iterable[str]) -> str | None:
    """The arm whose counts others copy; None where none does.

    LLKD where it takes part, else the first selection, if there are controls to copy it.
    """
    selected = list(names)
    if METHOD in selected:
        return METHOD
    if not set(selected) & set(CONTROLS):
        return None
    return next((name for name in selected if name not in WITHOUT_SELECTION), None)


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
