"""What a strategy is to everything around it: its names, what it needs, what it takes.

One :class:`StrategySpec` stands in each strategy's own file and is listed in
:data:`llkd.selection.registry.STRATEGIES`. Command line, forms, charts, comparison, replay and the
test of the docs read it there, so that a new strategy is one file and one line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from llkd.config import SelectionConfig
from llkd.selection.strategy import Strategy

Need = Literal["confidence", "student", "embeddings"]
"""What a strategy looks at: ``confidence`` passes over a label that has none, ``student`` costs a
scoring pass, ``embeddings`` are made before the first step, with the nearest texts of each."""
Setting = Literal["share", "reference_counts", "saved", "thresholds", "moving_thresholds"]
"""What a person may set: ``share`` of each batch, ``reference_counts`` of another run's steps, the
name of a ``saved`` selection, ``thresholds`` of their own, or those that move while it trains."""

DEFAULT_SHARE = 0.2
"""Of each batch, where nobody sets another."""


def weighs_nothing(config: SelectionConfig) -> str:
    """The formula of a strategy whose selected texts all count the same."""
    return "1"


def weighs_both(config: SelectionConfig) -> str:
    """The formula of a strategy that weighs by confidence c and information need u."""
    return {"product": "c·u", "mean": "(c+u)/2"}.get(config.weighting, "1")


def weighs_confidence(config: SelectionConfig) -> str:
    """The same where the student is not asked: its need counts as 1."""
    return {"product": "c", "mean": "(c+1)/2"}.get(config.weighting, "1")


@dataclass(frozen=True)
class StrategySpec:
    """One strategy. ``make`` builds it for settings and class names.

    ``label`` and ``summary`` are what people read, ``colour`` is its colour in every chart.
    ``default_share`` is taken of a batch where no share is set; without one a share or a reference
    run must be named. ``skip_reason`` says why a text was left out that the teacher was sure enough
    of. ``arm`` says in a few words what it is in a comparison, None keeps it out of comparisons.
    ``control`` says of a control how it draws its texts: it copies the method's counts.
    ``weight_formula`` is the loss weight in c and u, or in words; ``softmatch`` says whether
    SoftMatch weights may be laid over it. ``nothing_reason`` says, with ``{name}`` and ``{texts}``,
    why a run would train on nothing where no label can be selected. ``epochs``: the passes that do
    where the student's head begins from the probe, None: the usual number.
    """

    name: str
    make: Callable[[SelectionConfig, Sequence[str]], Strategy]
    label: str
    summary: str
    colour: str
    needs: frozenset[Need] = frozenset()
    takes: frozenset[Setting] = frozenset()
    default_share: float | None = None
    skip_reason: str = "student knew it already"
    arm: str | None = None
    control: str = ""
    weight_formula: Callable[[SelectionConfig], str] = weighs_nothing
    softmatch: bool = True
    epochs: int | None = None
    nothing_reason: str = (
        "The strategy {name!r} would select none of the {texts:,} labels. Choose another."
    )
