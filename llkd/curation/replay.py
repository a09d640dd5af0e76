"""What a run decided about one text, step by step, and why."""

from __future__ import annotations

import numpy as np
import pandas as pd

from llkd.store import Run, Store

_PASSED_OVER = {
    "random": "not drawn",
    "teacher_then_random": "not drawn",
    "learnability": "others scored higher",
    "trust": "others scored higher",
    "neighbours": "its neighbours have another label, or it was not drawn",
    "needed_neighbours": "its neighbours have another label, or the student needs others more",
    "small_loss": "its label looked wrong to the student",
    "saved": "not in the saved selection",
    "all": "not drawn",
    "teacher_only": "others stood higher above the threshold",
    "fixed": "below the student's threshold",
}
"""Why a text that the teacher was sure enough of was left out; else the student knew it."""
_BY_CONFIDENCE = {
    "llkd",
    "teacher_only",
    "student_only",
    "teacher_then_random",
    "fixed",
    "learnability",
    "trust",
}
"""Strategies that pass over a label without a confidence."""
_CLOSE = 1e-6


def history(store: Store, run: Run, row: int) -> pd.DataFrame:
    """Every step whose batch held this row, in order; empty where there was none.

    Columns: step (from 1), epoch, selected, confidence, teacher_threshold and student_threshold
    (those of the row's pseudo-label at that step) and why, in a few words. The student's need of
    the moment is not logged: where the teacher was sure enough, it is what was left to decide.
    """
    seen = store.runs.decisions(run, row)
    found = store.runs.target(run, row)
    if seen.empty or found is None:
        return pd.DataFrame()
    label, confidence = int(np.argmax(found)), float(np.max(found))
    # What a step logged of it is missing where the teacher gave no confidence.
    logged = seen.get("confidence")
    unsure = logged is not None and bool(logged.isna().all())
    steps = store.runs.steps(run).set_index("step")
    steps = steps.loc[seen["step"].to_numpy()]
    teacher, student = (
        np.vstack(steps[f"{side}_threshold"].to_list())[:, label] for side in ("teacher", "student")
    )
    selected = seen["selected"].to_numpy(dtype=bool)
    passed_over = _PASSED_OVER.get(run.config.selection.strategy, "student knew it already")
    return pd.DataFrame(
        {
            "step": seen["step"].to_numpy() + 1,
            "epoch": steps["epoch"].to_numpy(),
            "selected": selected,
            "confidence": np.nan if unsure else confidence,
            "teacher_threshold": teacher,
            "student_threshold": student,
            "why": [
                "selected"
                if chosen
                else "its label has no confidence"
                if unsure and run.config.selection.strategy in _BY_CONFIDENCE
                else "teacher not sure enough"
                if not unsure and confidence < limit - _CLOSE
                else passed_over
                for chosen, limit in zip(selected, teacher, strict=True)
            ],
        }
    )
