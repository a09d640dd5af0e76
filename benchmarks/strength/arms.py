"""The arms: ways to choose and weigh texts, each with its controls of as many samples per step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.strength.candidates import CANDIDATES
from llkd.config import SelectionConfig
from llkd.selection.inputs import StrategyInputs, prepared
from llkd.selection.registry import make_strategy
from llkd.selection.strategy import Strategy

EPOCHS = 3
RANDOM, CONFIDENT = "random", "random among confident"
NEIGHBOURS, NEEDED = "neighbours", "needed_neighbours"
ALL, GOLD = "all", "gold"


@dataclass(frozen=True)
class Arm:
    """One way to train. ``settings`` are those of a SelectionConfig without the strategy.

    ``warmup``: epochs that train on every text. ``lesson``: hard labels, or another of
    ``lessons.LESSONS``. ``counts_of``: the arm whose samples per step it copies; ``controls``: of
    which arms, for the report, it is to be better at equal samples.
    """

    name: str
    strategy: str = ALL
    settings: dict[str, Any] = field(default_factory=dict)
    epochs: int = EPOCHS
    gather: bool = False
    warmup: float = 0.0
    lesson: str = "hard"
    counts_of: str = ""
    controls: tuple[str, ...] = ()
    is_control: bool = False

    @property
    def against_all(self) -> str:
        """The arm that trains on everything for as many epochs."""
        return ALL if self.epochs == EPOCHS else f"{ALL}, {epochs_words(self.epochs)}"

    def document(self) -> dict[str, Any]:
        """What makes it what it is, as JSON values."""
        return {**self.__dict__, "controls": list(self.controls)}

    def strategy_for(
        self, inputs: StrategyInputs, names: Sequence[str], total_steps: int
    ) -> Strategy:
        """Fresh, and told of the pool."""
        if self.strategy in CANDIDATES:
            return prepared(CANDIDATES[self.strategy](len(names), total_steps), inputs)
        config = SelectionConfig(strategy=self.strategy, **self.settings)
        return prepared(make_strategy(config, names), inputs)


def epochs_words(epochs: int) -> str:
    """``1 epoch`` or ``5 epochs``."""
    return f"{epochs} epoch{'s' * (epochs > 1)}"


def with_controls(arm: Arm, counts_of: str = "") -> list[Arm]:
    """An arm, and what takes as many samples in each of its steps, at random.

    The controls train under the same settings (weights too, where the teacher's confidence is one).
    """
    reference = counts_of or arm.name
    names = tuple(f"{reference} | {control}" for control in (RANDOM, CONFIDENT))
    weighting = {key: arm.settings[key] for key in ("weighting",) if key in arm.settings}
    controls = [
        replace(
            arm, name=name, strategy=strategy, settings=settings, counts_of=reference,
            is_control=True, lesson="hard",
        )
        for name, strategy, settings in (
            (names[0], "random", {}), (names[1], "teacher_then_random", weighting)
        )
    ]  # fmt: skip
    arm = replace(arm, controls=names, counts_of="" if reference == arm.name else reference)
    return [arm] if counts_of else [arm, *controls]


LLKD = Arm("llkd", "llkd")
FAIR = replace(
    LLKD,
    name="llkd, fair start",
    settings={"half_life": 2.0, "class_shrinkage": 20.0, "weighting": "none"},
    epochs=5,
    warmup=0.5,
)
"""Everything at once that issue and theory name in its favour."""
VARIANTS = (
    LLKD,
    replace(LLKD, name="llkd, half-life 1", settings={"half_life": 1.0}),
    replace(LLKD, name="llkd, half-life 3", settings={"half_life": 3.0}),
    replace(LLKD, name="llkd, one threshold", settings={"class_specific": False}),
    replace(LLKD, name="llkd, shrinkage 20", settings={"class_shrinkage": 20.0}),
    replace(LLKD, name="llkd, unweighted", settings={"weighting": "none"}),
    replace(LLKD, name="llkd, 1 epoch", epochs=1),
    replace(LLKD, name="llkd, 5 epochs", epochs=5),
    replace(LLKD, name="llkd, warm-up", warmup=0.5),
    replace(LLKD, name="llkd, gather", gather=True),
    FAIR,
)
CORE_VARIANTS = tuple(
    arm for arm in VARIANTS if arm.name in ("llkd", "llkd, unweighted", "llkd, fair start")
)
ON_ALL = (
    Arm("soft targets", lesson="soft"),
    Arm("several labels", lesson="several"),
    Arm("weighed by confidence", lesson="confidence"),
    Arm("weighed by a partner", lesson="partner"),
    Arm("self-training", lesson="self"),
)


def arms(wide: bool) -> list[Arm]:
    """All arms in an order in which each comes behind those it copies; ``wide``: all variants."""
    everything = [
        Arm(ALL),
        Arm("all, 1 epoch", epochs=1),
        Arm("all, 5 epochs", epochs=5),
        Arm(GOLD, lesson=GOLD),
        *with_controls(Arm(NEIGHBOURS, NEIGHBOURS)),
        *with_controls(Arm(NEEDED, NEEDED), NEIGHBOURS),
        *with_controls(Arm("likely, then needed", "likely_needed"), NEIGHBOURS),
        *with_controls(Arm("sure, then needed", "curriculum"), NEIGHBOURS),
        *ON_ALL,
    ]
    for variant in VARIANTS if wide else CORE_VARIANTS:
        everything += with_controls(variant)
    return everything
