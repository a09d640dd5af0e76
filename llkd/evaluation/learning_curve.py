"""How fast a run learned: its quality after each epoch against samples and seconds so far."""

from __future__ import annotations

from typing import TypedDict

import pandas as pd

from llkd.store.run_summary import RunSummary


class CurvePoint(TypedDict):
    """The end of one epoch (from 1); accuracy and macro-F1 in [0, 1]."""

    epoch: int
    samples: int
    seconds: float
    accuracy: float | None
    macro_f1: float | None


def learning_curve(summary: RunSummary, steps: pd.DataFrame) -> list[CurvePoint]:
    """A point an epoch of a finished run; empty where it was not evaluated.

    ``steps`` is its step log (epoch, selected, seconds); seconds are those of training alone.
    """
    measured = [epoch for epoch in summary.epochs if epoch.accuracy is not None]
    if not measured or steps.empty:
        return []
    so_far = steps.groupby("epoch")[["selected", "seconds"]].sum().cumsum()
    return [
        {
            "epoch": entry.epoch,
            "samples": int(so_far["selected"].loc[entry.epoch]),
            "seconds": float(so_far["seconds"].loc[entry.epoch]),
            "accuracy": entry.accuracy,
            "macro_f1": entry.macro_f1,
        }
        for entry in measured
        if entry.epoch in so_far.index
    ]
