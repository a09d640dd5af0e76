"""What a run's student predicts for the pool, beside what each text was taught as."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from llkd.errors import NotFound
from llkd.selection import signals
from llkd.selection.signals import Ints
from llkd.store import Run, Store


@dataclass(frozen=True)
class PoolPredictions:
    """Pool rows ``[m]``, the class that each was taught as, and the student's answer."""

    rows: Ints
    label: Ints
    answer: Ints


def pool_predictions(store: Store, run: Run) -> PoolPredictions:
    """What the saved student predicts. Raises NotFound where it was not logged."""
    kept_epoch = None if run.summary is None else run.summary.kept_epoch
    rows, probabilities = store.runs.signals(run, kept_epoch)
    return PoolPredictions(
        rows, taught_labels(store, run, rows), signals.pseudo_label(probabilities)
    )


def taught_labels(store: Store, run: Run, rows: Ints) -> Ints:
    """The class ``[m]`` that each of these pool rows was taught as."""
    target_rows, targets = store.runs.targets(run)
    order = np.argsort(target_rows, kind="stable")
    place = order[np.searchsorted(target_rows[order], rows)]
    return np.asarray(targets[place].argmax(axis=1))


def teacher_agreement_on_pool(
    store: Store, run: Run, pool: pd.DataFrame
) -> tuple[float, int] | None:
    """How often the finished student says what the teacher says of the pool, and of how many texts.

    ``pool`` has the columns row and teacher_label (-1: none). None where nothing was logged.
    """
    try:
        rows, probabilities = store.runs.signals(run)
    except NotFound:
        return None
    teacher = pool.set_index("row")["teacher_label"].reindex(rows, fill_value=-1).to_numpy()
    labelled = teacher >= 0
    if not labelled.any():
        return None
    student = signals.pseudo_label(probabilities)
    return float((student[labelled] == teacher[labelled]).mean()), int(labelled.sum())
