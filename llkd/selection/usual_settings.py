"""What training does where nobody says: how many passes over the pool, and which share of it."""

from __future__ import annotations

from llkd.config import AUTO_STRATEGY, TrainingConfig, build
from llkd.selection.registry import spec_of

USUAL_EPOCHS = 3


def epochs_of(config: TrainingConfig) -> int:
    """The epochs that the settings name, else those of strategy and first head.

    A head that begins from the probe fits the labels already: one pass over all that a strategy
    lets through was as good as three over a share of each batch (docs/results.md, "How many
    passes"). A head that begins at random needs steps, and whoever stops early looks for the best
    pass.
    """
    if config.epochs is not None:
        return config.epochs
    one_pass_may_do = fits_and_runs_to_the_end(config) and share_of(config) in (None, 1.0)
    own = spec_of(config.selection.strategy).epochs if one_pass_may_do else None
    return own or USUAL_EPOCHS


def fits_and_runs_to_the_end(config: TrainingConfig) -> bool:
    """Whether the head begins from the probe and nothing but the last step ends the run."""
    return config.head_start == "probe" and config.early_stopping == "none"


def with_reference_epochs(config: TrainingConfig, reference: TrainingConfig) -> TrainingConfig:
    """The settings of a run that copies another's counts: with its epochs, where none are named."""
    epochs = config.epochs or reference.epochs
    return build(TrainingConfig, config.model_dump(), epochs=epochs)


def share_of(config: TrainingConfig) -> float | None:
    """The share of each batch that the settings name, else the strategy's own; None without one."""
    if config.selection.share is not None or config.reference_run is not None:
        return config.selection.share
    return spec_of(config.selection.strategy).default_share


def with_usual(config: TrainingConfig) -> TrainingConfig:
    """The settings of a run, with epochs and share: those that they name, else the usual ones.

    As they are where no strategy is named yet.
    """
    if config.selection.strategy == AUTO_STRATEGY:
        return config
    selection = {**config.selection.model_dump(), "share": share_of(config)}
    return build(TrainingConfig, config.model_dump(), epochs=epochs_of(config), selection=selection)
