"""The runs of a comparison: which there are, and the settings of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llkd.config import SelectionConfig, TrainingConfig, build
from llkd.evaluation.comparison.arms import CONTROLS
from llkd.evaluation.comparison.arms import arms as all_arms
from llkd.selection.registry import DRAWN_AT_RANDOM, EVERYTHING, spec_of
from llkd.selection.usual_settings import with_usual
from llkd.store import Run


@dataclass(frozen=True)
class PlannedRun:
    """A place in a comparison; a budget may have no run of its own for the arm.

    ``reference``: the arm whose counts others copy.
    """

    seed: int
    budget: str
    arm: str
    reference: str | None

    @property
    def is_reference(self) -> bool:
        """Whether its counts are what the controls of its seed copy."""
        return (self.arm, self.budget) == (self.reference, "epochs")

    @property
    def copies_counts(self) -> bool:
        """Whether it can be prepared only when the run whose counts it copies has ended."""
        return self.arm in CONTROLS or self.budget == "samples"


def arm_config(
    config: TrainingConfig, plan: PlannedRun, reference: Run | None
) -> TrainingConfig | None:
    """The settings of one run; None where a budget has no run of its own for the arm.

    The reference and its controls are the same runs in both budgets, and all texts at the
    reference's counts are the control ``random``. ``reference``: its run of this seed.
    """
    settings = all_arms()[plan.arm]
    strategy, counted = settings.strategy, plan.arm in CONTROLS
    if plan.budget == "samples":
        if plan.arm in (EVERYTHING, plan.reference) or counted or reference is None:
            return None
        strategy, counted = DRAWN_AT_RANDOM if strategy == EVERYTHING else strategy, True
    selection = build(
        SelectionConfig,
        config.selection.model_dump(),
        settings.selection,
        strategy=strategy,
        saved=config.selection.saved if "saved" in spec_of(strategy).takes else None,
        share=None,
        **_plain_weights(config, strategy),
    )
    copied = reference if counted else None
    return with_usual(
        build(
            TrainingConfig,
            config.model_dump(),
            settings.training,
            selection=selection.model_dump(),
            seed=plan.seed,
            reference_run=None if copied is None else copied.id,
            epochs=config.epochs or (None if copied is None else copied.config.epochs),
            # A run that may end early has no matched budget.
            early_stopping="none",
        )
    )


def _plain_weights(config: TrainingConfig, strategy: str) -> dict[str, Any]:
    """``all`` is what selections are held against, so its texts weigh the same whatever is set."""
    weighted = strategy == EVERYTHING and config.selection.weighting == "softmatch"
    return {"weighting": "none"} if weighted else {}
