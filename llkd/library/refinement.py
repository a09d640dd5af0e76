"""Refined labels in the Python API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from llkd.library.labels import Labels, checked_calibration
from llkd.library.progress import shown_progress
from llkd.library.wording import python_words
from llkd.selection.signals import with_refinement

if TYPE_CHECKING:
    import pandas as pd


def refined_labels(labels: Labels, progress: bool) -> Labels:
    """See :meth:`Labels.refine`."""
    from llkd.embedding.pool import refinable

    texts, name = labels.texts, with_refinement(labels.derived.calibration, True)
    with python_words(), shown_progress(progress) as shown:
        refinable(texts.workspace.store, texts.record, labels.labeling_run, name, shown)
    return Labels(texts, labels.labeling_run_id, checked_calibration(name), labels._report)


def changes_of(labels: Labels) -> pd.DataFrame:
    """See :meth:`Labels.changes`."""
    from llkd.evaluation.refinement_effect import refinement_effect

    store, project = labels.texts.workspace.store, labels.texts.record
    effect = None
    if labels.refined:
        with python_words():
            calibration = labels.derived.calibration
            effect = refinement_effect(store, project, labels.labeling_run, calibration)
    rows = np.empty(0, dtype=np.int64) if effect is None else effect.rows
    frame = labels.texts.to_frame().iloc[rows].reset_index(drop=True)
    names = np.array([*labels.classes, None], dtype=object)
    return frame[["id", "text"]].assign(
        label_before=names[rows if effect is None else effect.before],
        label=names[rows if effect is None else effect.after],
        confidence_before=[] if effect is None else effect.confidence_before,
        confidence=[] if effect is None else effect.confidence_after,
    )
