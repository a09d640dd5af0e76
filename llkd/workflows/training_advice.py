"""What the advice says now, by labels that know nothing of what evaluates; ``auto`` resolved."""

from __future__ import annotations

from llkd.config import Calibration, TrainingConfig
from llkd.evaluation.advice import TrainingAdvice, advised_config, is_auto, project_advice
from llkd.store import Project, Store
from llkd.training.targets import gather


def advice_now(
    store: Store,
    project: Project,
    config: TrainingConfig,
    calibration: Calibration | None = None,
    until: float | None = None,
) -> TrainingAdvice:
    """How to train on the labels in use a student evaluated as ``config`` says.

    ``until``: by what people had decided at that time (seconds since 1970). Raises UserError where
    there is too little to train on or to evaluate by.
    """
    targets = gather(store, project, config, calibration, until)
    return project_advice(store, project, targets.plane, targets.evaluation.kind)


def with_strategy(
    store: Store, project: Project, config: TrainingConfig, calibration: Calibration | None = None
) -> tuple[TrainingConfig, TrainingAdvice | None]:
    """The settings with a strategy: the one they name, else the advised one and its settings.

    The advice comes back where it was asked.
    """
    if not is_auto(config):
        return config, None
    advice = advice_now(store, project, config, calibration)
    return advised_config(config, advice), advice
