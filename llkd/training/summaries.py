"""What a run and its epochs did, in figures that a person reads."""

from __future__ import annotations

import numpy as np

from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store.run_summary import EpochSummary, RunSummary
from llkd.training.records import Position, Tally
from llkd.training.stopping import SOURCES


def epoch_summary(
    epoch: int,
    tally: Tally,
    class_names: list[str],
    pseudo_label: Ints,
    pool_probs: Floats | None,
    used: np.ndarray,
) -> EpochSummary:
    """One epoch (from 1), not evaluated yet; ``pool_probs`` is None where nobody read the pool."""
    owned = np.bincount(pseudo_label, minlength=len(class_names))
    return EpochSummary(
        epoch=epoch,
        steps=tally.steps,
        skipped_steps=tally.skipped,
        backpropagated=tally.selected,
        selected_share=tally.selected / tally.offered,
        selected_share_per_class={
            name: count / int(total) if total else None
            for name, count, total in zip(class_names, tally.per_class, owned, strict=True)
        },
        selected_accuracy=tally.right / tally.known if tally.known else None,
        unique=int(used.sum()),
        loss=tally.loss / tally.updates if tally.updates else None,
        mean_information_need=None
        if pool_probs is None
        else float(signals.information_need(pool_probs).mean()),
    )


def outcome(
    at: Position,
    class_names: list[str],
    used: np.ndarray,
    warnings: list[str],
    stopped_on: str | None = None,
) -> RunSummary:
    """What the whole run did; ``at`` is its end and ``used [n]`` the rows that trained.

    ``stopped_on`` names the labels that chose the best epoch, whose figures these then are.
    """
    whole, last = at.best_whole or at.whole, at.epochs[(at.best_epoch or 0) - 1]
    return RunSummary(
        accuracy=last.accuracy,
        macro_f1=last.macro_f1,
        ece=last.ece,
        per_class_f1=last.per_class_f1,
        selected_share=whole.selected / whole.offered,
        backpropagated=whole.selected,
        unique=int(used.sum()) if at.best_epoch is None else last.unique,
        steps=at.whole.steps,
        skipped_steps=at.whole.skipped,
        selected_accuracy=whole.right / whole.known if whole.known else None,
        epochs=tuple(at.epochs),
        training_seconds=at.training_seconds,
        evaluation_seconds=at.evaluation_seconds,
        logging_seconds=at.logging_seconds,
        warnings=(
            *warnings,
            *_selection_warnings(whole, class_names),
            *_stopping_warnings(at, stopped_on),
        ),
        updates=whole.updates,
        best_epoch=at.best_epoch,
        stopped_on=stopped_on,
    )


def _stopping_warnings(at: Position, stopped_on: str | None) -> list[str]:
    """Which student this is, and that labels which chose it judge it too kindly."""
    if stopped_on is None:
        return []
    text = (
        f"The student is that of epoch {at.best_epoch} of {len(at.epochs)}, the best by "
        f"{SOURCES[stopped_on]}."
    )
    if stopped_on == "gold":
        text += " The same gold measures it, so its figures are a little too good."
    return [text]


def _selection_warnings(whole: Tally, class_names: list[str]) -> list[str]:
    """What a reader should know before trusting the student."""
    warnings = []
    if whole.skipped > whole.steps / 2:
        warnings.append(f"Nothing was selected in {whole.skipped:,} of {whole.steps:,} steps.")
    for name, count in zip(class_names, whole.per_class, strict=True):
        if not count:
            warnings.append(f"No text labelled {name!r} was selected, so it was not learned.")
    return warnings
