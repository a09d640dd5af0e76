"""What a finished run reports of itself, as it is stored with the run."""

from __future__ import annotations

from llkd.config import Document


class EpochSummary(Document):
    """One epoch (from 1), and the student after it; shares and metrics lie in [0, 1].

    ``selected_share_per_class`` is out of the pool's texts with that pseudo-label, None where there
    are none; ``unique`` counts rows used since the run began. ``accuracy``, ``macro_f1``, ``ece``
    and ``per_class_f1`` are of the evaluation set, None without one. They and
    ``mean_information_need`` are None where nothing was read after the epoch.
    """

    epoch: int
    steps: int = 0
    skipped_steps: int = 0
    backpropagated: int = 0
    selected_share: float | None = None
    selected_share_per_class: dict[str, float | None] = {}
    selected_accuracy: float | None = None
    unique: int = 0
    loss: float | None = None
    mean_information_need: float | None = None
    accuracy: float | None = None
    macro_f1: float | None = None
    ece: float | None = None
    per_class_f1: dict[str, float] | None = None


class RunSummary(Document):
    """The result of a run, as in its ``summary.json``; shares and metrics lie in [0, 1].

    ``accuracy``, ``macro_f1``, ``ece`` and ``per_class_f1`` (by class name) are of the last epoch
    and None without evaluation gold. ``selected_share`` = ``backpropagated / (n x epochs)``;
    ``unique`` counts the rows that trained at least once; ``selected_accuracy`` is the share right
    among the selected whose gold is known. Each of ``epochs`` says the same of one epoch.
    ``updates`` counts optimiser steps (None: a version that did not count them). With early
    stopping all but steps and seconds is of ``best_epoch`` and those before it: what the saved
    student saw; ``stopped_on`` says by which labels it was selected: gold, audit, pool_gold or
    teacher. ``training_seconds`` covers scoring, selection and the update; evaluating, and logging
    the signals of the whole pool, are counted apart.
    """

    accuracy: float | None = None
    macro_f1: float | None = None
    ece: float | None = None
    per_class_f1: dict[str, float] | None = None
    selected_share: float | None = None
    backpropagated: int | None = None
    unique: int | None = None
    steps: int | None = None
    skipped_steps: int | None = None
    selected_accuracy: float | None = None
    epochs: tuple[EpochSummary, ...] = ()
    training_seconds: float | None = None
    evaluation_seconds: float | None = None
    logging_seconds: float | None = None
    warnings: tuple[str, ...] = ()
    updates: int | None = None
    best_epoch: int | None = None
    stopped_on: str | None = None

    @property
    def kept_epoch(self) -> int | None:
        """The epoch whose student was kept; None where that is the last."""
        return None if self.best_epoch == len(self.epochs) else self.best_epoch

    @property
    def total_seconds(self) -> float:
        """Training, evaluating and logging together; parts that are not known count as none."""
        parts = (self.training_seconds, self.evaluation_seconds, self.logging_seconds)
        return sum(seconds for seconds in parts if seconds is not None)
