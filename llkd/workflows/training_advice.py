"""What the advice says now, by labels that know nothing of what evaluates; ``auto`` resolved."""

from __future__ import annotations

from llkd import curation
from llkd.config import Calibration, TrainingConfig, build
from llkd.evaluation import evaluation_set
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


def comparison_advice(
    store: Store, project: Project, config: TrainingConfig, until: float | None = None
) -> TrainingAdvice:
    """The advice for a comparison, which is evaluated by the best labels there are.

    Raises UserError as :func:`advice_now`.
    """
    kind = config.judged_by
    if kind == "gold":
        kind = best_kind(store, project, until)
    return advice_now(
        store, project, build(TrainingConfig, config.model_dump(), judged_by=kind), until=until
    )


def best_kind(store: Store, project: Project, until: float | None = None) -> evaluation_set.Kind:
    """Whose labels evaluate a comparison that is begun now, or ``until`` then."""
    labeling_run = curation.active_labeling_run(store, project)
    labels = curation.teacher_labels(store, labeling_run)
    plane = curation.load_plane(store, project, need=False, labels=labels)
    plane = curation.with_decisions(plane, store.decisions.current(project.id, until))
    texts = store.projects.texts(project, ["gold", "split"])
    return evaluation_set.best_evaluation_set(plane, texts).kind
