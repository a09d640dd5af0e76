"""What a run decided about one text, step by step, and why."""

from __future__ import annotations

import numpy as np
import pandas as pd

from llkd.selection.registry import needs, spec_of
from llkd.store import Run, Store

_CLOSE = 1e-6


def history(store: Store, run: Run, row: int) -> pd.DataFrame:
    """Every step whose batch held this row, in order; empty where there was none.

    Columns: step (from 1), epoch, selected, confidence, teacher_threshold and student_threshold
    (those of the row's pseudo-label at that step) and why, in a few words. The student's need of
    the moment is not logged: where the teacher was sure enough, it is what was left to decide.
    """
    lines = store.runs.decisions(run, row)
    target = store.runs.target(run, row)
    if lines.empty or target is None:
        return pd.DataFrame()
    label, confidence = int(np.argmax(target)), float(np.max(target))
    # What a step logged of it is missing where the teacher gave no confidence.
    logged = lines.get("confidence")
    unsure = logged is not None and bool(logged.isna().all())
    steps = store.runs.steps(run).set_index("step")
    steps = steps.loc[lines["step"].to_numpy()]
    teacher, student = (
        np.vstack(steps[f"{side}_threshold"].to_list())[:, label] for side in ("teacher", "student")
    )
    selected = lines["selected"].to_numpy(dtype=bool)
    passed_over = spec_of(run.config.selection.strategy).skip_reason
    return pd.DataFrame(
        {
            "step": lines["step"].to_numpy() + 1,
            "epoch": steps["epoch"].to_numpy(),
            "selected": selected,
            "confidence": np.nan if unsure else confidence,
            "teacher_threshold": teacher,
            "student_threshold": student,
            "why": [
                "selected"
                if was_selected
                else "its label has no confidence"
                if unsure and needs(run.config.selection, "confidence")
                else "teacher not sure enough"
                if not unsure and confidence < limit - _CLOSE
                else passed_over
                for was_selected, limit in zip(selected, teacher, strict=True)
            ],
        }
    )
