"""What a run and its epochs did, in figures that a person reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from llkd import signals
from llkd.signals import Floats, Ints
from llkd.training.records import Position, Tally, TrainingOutcome
from llkd.training.stopping import SOURCES


def epoch_summary(
    epoch: int,
    tally: Tally,
    class_names: list[str],
    pseudo_label: Ints,
    pool_probs: Floats,
    used: np.ndarray,
) -> dict[str, Any]:
    """One epoch (from 1) as JSON values.

    ``selected_share_per_class`` is out of the pool's texts with that pseudo-label, None where there
    are none; ``unique`` counts rows used since the run began.
    """
    owned = np.bincount(pseudo_label, minlength=len(class_names))
    return {
        "epoch": epoch,
        "steps": tally.steps,
        "skipped_steps": tally.skipped,
        "backpropagated": tally.selected,
        "selected_share": tally.selected / tally.seen,
        "selected_share_per_class": {
            name: count / int(total) if total else None
            for name, count, total in zip(class_names, tally.per_class, owned, strict=True)
        },
        "selected_accuracy": tally.right / tally.known if tally.known else None,
        "unique": int(used.sum()),
        "loss": tally.loss / tally.updates if tally.updates else None,
        "mean_information_need": float(signals.information_need(pool_probs).mean()),
    }


def outcome(
    at: Position,
    class_names: list[str],
    used: np.ndarray,
    warnings: list[str],
    stopped_on: str | None = None,
) -> TrainingOutcome:
    """What the whole run did; ``at`` is its end and ``used [n]`` the rows that trained.

    ``stopped_on`` names the labels that chose the best epoch, whose figures these then are.
    """
    whole, last = at.best_whole or at.whole, at.epochs[(at.best_epoch or 0) - 1]
    return TrainingOutcome(
        accuracy=last["accuracy"],
        macro_f1=last["macro_f1"],
        ece=last["ece"],
        per_class_f1=last["per_class_f1"],
        selected_share=whole.selected / whole.seen,
        backpropagated=whole.selected,
        unique=int(used.sum()) if at.best_epoch is None else last["unique"],
        steps=at.whole.steps,
        skipped_steps=at.whole.skipped,
        selected_accuracy=whole.right / whole.known if whole.known else None,
        epochs=at.epochs,
        training_seconds=at.training_seconds,
        evaluation_seconds=at.evaluation_seconds,
        logging_seconds=at.logging_seconds,
        warnings=[
            *warnings,
            *_selection_warnings(whole, class_names),
            *_stopping_warnings(at, stopped_on),
        ],
        updates=whole.updates,
        best_epoch=at.best_epoch,
        stopped_on=stopped_on,
    )


def _stopping_warnings(at: Position, stopped_on: str | None) -> list[str]:
    """Which student this is, and that labels which chose it judge it too kindly."""
    if stopped_on is None:
        return []
    said = (
        f"The student is that of epoch {at.best_epoch} of {len(at.epochs)}, the best by "
        f"{SOURCES[stopped_on]}."
    )
    if stopped_on == "gold":
        said += " The same gold measures it, so its figures are a little too good."
    return [said]


def _selection_warnings(whole: Tally, class_names: list[str]) -> list[str]:
    """What a reader should know before trusting the student."""
    found = []
    if whole.skipped > whole.steps / 2:
        found.append(f"Nothing was selected in {whole.skipped:,} of {whole.steps:,} steps.")
    for name, count in zip(class_names, whole.per_class, strict=True):
        if not count:
            found.append(f"No text labelled {name!r} was selected, so it was not learned.")
    return found
