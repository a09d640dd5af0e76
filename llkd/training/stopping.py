"""Early stopping: which held-out labels judge an epoch, and whether it was the best so far."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llkd.errors import ConfigError, StoreError
from llkd.evaluation import quality_report
from llkd.selection.signals import Floats, Ints
from llkd.store.files.run_files import RunFiles
from llkd.store.home import atomic_file
from llkd.training.records import Position, TrainingData

if TYPE_CHECKING:
    from llkd.students import Student

SOURCES = {
    "gold": "held-out gold",
    "pool_gold": "gold of pool texts that did not train",
    "audit": "held-out labels of people",
    "teacher": "the teacher's surest held-out labels",
}


def stop_source_of(data: TrainingData) -> str:
    """Where the labels come from that choose the epoch: part of the pool's, which do not train.

    What judges the finished student never chooses it. A run that an older version began has no
    such part; where gold is held out it goes on by that, as it began, and says so.

    Raises ConfigError where no text is held out.
    """
    if len(data.stop_texts):
        return data.stop_source
    if data.eval_source == "gold" and (np.asarray(data.eval_gold) >= 0).any():
        return "gold"
    raise ConfigError(
        "Early stopping needs labels that do not train, and there are none: check some of the "
        "teacher's, or train with early_stopping none."
    )


def score(source: str, probabilities: Floats, label: Ints, names: list[str]) -> list[float]:
    """How good an epoch is, the larger the better: macro-F1 then accuracy.

    Held against the teacher's labels only their agreement counts: rare classes are its errors.
    """
    report = quality_report.classifier_report(probabilities, label, names)
    accuracy, macro_f1 = report["accuracy"] or 0.0, report["macro_f1"] or 0.0
    return [accuracy] if source == "teacher" else [macro_f1, accuracy]


def note(at: Position, epoch: int, scores: list[float], patience: int) -> bool:
    """Keep in ``at`` whether ``epoch`` (from 1) is the best and whether to stop; True if best."""
    best = at.best_score is None or scores > at.best_score
    if best:
        at.best_epoch, at.best_score = epoch, scores
    at.stopped = epoch - (at.best_epoch or epoch) >= patience
    return best


def keep_best(student: Student, folder: Path) -> None:
    """Write the weights of the best epoch, whole or not at all. Raises StoreError."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {k: v.detach().cpu().clone() for k, v in student.network.state_dict().items()}
    try:
        with atomic_file(RunFiles(folder).best_weights) as temporary:
            save_file(tensors, temporary)
    except (OSError, SafetensorError) as error:
        raise StoreError(
            f"The best student so far could not be written to {folder} ({error}). Make room and "
            "resume."
        ) from error


def load_best(student: Student, folder: Path) -> None:
    """Give the student the weights of the best epoch. Raises StoreError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        student.network.load_state_dict(load_file(RunFiles(folder).best_weights))
    except (OSError, SafetensorError, RuntimeError) as error:
        weights = RunFiles(folder).best_weights
        raise StoreError(
            f"The best student in {weights} cannot be read ({error}). Train again."
        ) from error
