"""What a student costs in time: preparation, scoring and training."""

from __future__ import annotations

from llkd.selection.registry import needs
from llkd.store import Run


def preparation_seconds(run: Run) -> float | None:
    """Seconds before the first step that the strategy needs; None for older runs that need some."""
    otherwise = None if needs(run.config.selection, "embeddings") else 0.0
    seconds: float | None = run.labels.get("preparation_seconds", otherwise)
    return seconds


def total_seconds(run: Run) -> float | None:
    """All that a student costs: preparation, scoring and training; None where it is not known."""
    training = None if run.summary is None else run.summary.training_seconds
    preparation = preparation_seconds(run)
    if training is None or preparation is None:
        return None
    return float(training + preparation)
