"""What one finished run comes to: its quality, what it trained on, and what that cost."""

from __future__ import annotations

from llkd.config import Document
from llkd.evaluation.run_costs import preparation_seconds, total_seconds
from llkd.store import Run
from llkd.store.run_summary import RunSummary


class RunResult(Document):
    """A run as it is reported; figures are those of :class:`RunSummary`, None where unknown.

    ``preparation_seconds`` go before the first step, ``seconds`` are all that the student cost.
    """

    run: int
    state: str = "finished"
    strategy: str = ""
    seed: int = 0
    accuracy: float | None = None
    macro_f1: float | None = None
    selected_share: float | None = None
    backpropagated: int | None = None
    unique: int | None = None
    selected_accuracy: float | None = None
    steps: int | None = None
    skipped_steps: int | None = None
    updates: int | None = None
    best_epoch: int | None = None
    training_seconds: float | None = None
    preparation_seconds: float | None = None
    seconds: float | None = None
    beside_teacher: str = ""
    """What is said of the student and its teacher; nothing within a comparison."""


def run_result(run: Run) -> RunResult:
    """What a finished run reports."""
    summary = run.summary or RunSummary()
    return RunResult(
        run=run.id,
        state=run.state,
        strategy=run.config.selection.strategy,
        seed=run.config.seed,
        accuracy=summary.accuracy,
        macro_f1=summary.macro_f1,
        selected_share=summary.selected_share,
        backpropagated=summary.backpropagated,
        unique=summary.unique,
        selected_accuracy=summary.selected_accuracy,
        steps=summary.steps,
        skipped_steps=summary.skipped_steps,
        updates=summary.updates,
        best_epoch=summary.best_epoch,
        training_seconds=summary.training_seconds,
        preparation_seconds=preparation_seconds(run),
        seconds=total_seconds(run),
    )
