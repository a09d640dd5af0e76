"""The decision plane as data: every pool row with its two signals and what people decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from llkd import signals
from llkd.config import Calibration
from llkd.curation.embeddings import probe_signals
from llkd.curation.judging import gold_indices
from llkd.curation.labels import TeacherLabels, current_labelling, teacher_labels
from llkd.signals import Floats
from llkd.store import Labelling, Project, Run, Store


@dataclass(frozen=True)
class Plane:
    """What Curate shows. ``frame`` has one line per pool row, in row order.

    Columns: row, id, gold (class index or -1), teacher_label (-1 where none), confidence,
    information_need (NaN where unknown), student_label (-1), human_label (-1), excluded,
    flagged, label
    (the person's where there is one, else the teacher's). ``probabilities`` is the teacher's
    ``[n, C]``, ``student_probabilities`` the student's or None. ``need_source`` says in words
    where information need comes from. ``temperature`` is 1 without one; ``temperature_fit`` tells
    what it was fitted on, None where it was not (see ``curation.fit_temperature``).
    """

    project: Project
    labelling: Labelling
    calibration: Calibration
    names: list[str]
    frame: pd.DataFrame
    probabilities: Floats
    student_probabilities: Floats | None
    need_source: str
    temperature: float = 1.0
    temperature_fit: dict[str, Any] | None = None


def load_plane(
    store: Store,
    project: Project,
    *,
    calibration: Calibration | None = None,
    run: Run | None = None,
    epoch: int | None = None,
    need: bool = True,
    labels: TeacherLabels | None = None,
) -> Plane:
    """Bring together texts' rows, teacher labels, the student's signals and human decisions.

    Information need is the run's after ``epoch`` (its last by default), else the probe's, which
    may have to be fitted; without ``need`` it is left out. ``labels`` are derived where they are
    not given.
    Raises UserError before the first teacher label.
    """
    labelling = store.labellings.get(run.labelling_id) if run else current_labelling(store, project)
    if run is not None and calibration is None:
        calibration = run.labels["calibration"]
    kept: dict[str, Any] = {}
    if run is not None and calibration == run.labels["calibration"]:
        kept = run.labels
    if labels is None:
        labels = teacher_labels(
            store, labelling, calibration, kept.get("bias"), kept.get("temperature")
        )
    names = labelling.label_set.names
    texts = store.projects.texts(project.id, ["row", "id", "gold", "split"])
    n, classes = project.rows, len(names)

    probabilities = np.full((n, classes), np.nan)
    probabilities[labels.row] = labels.probabilities
    teacher = np.full(n, -1, dtype=np.int64)
    teacher[labels.row] = labels.label
    sure = np.full(n, np.nan)
    sure[labels.row] = labels.confidence

    student: Floats | None = None
    source = "not asked for"
    if need:
        student, source = _student_signals(store, project, labels, run, epoch, n)
    unsure = np.full(n, np.nan) if student is None else signals.information_need(student)
    frame = pd.DataFrame(
        {
            "row": texts["row"].to_numpy(),
            "id": texts["id"],
            "gold": gold_indices(texts, names),
            "teacher_label": teacher,
            "confidence": sure,
            "information_need": unsure,
            "student_label": np.full(n, -1) if student is None else signals.pseudo_label(student),
        }
    )
    pool = (texts["split"] == "pool").to_numpy()
    plane = Plane(
        project,
        labelling,
        labels.calibration,
        names,
        frame[pool].reset_index(drop=True),
        probabilities[pool],
        None if student is None else student[pool],
        source,
        labels.temperature,
        labels.fit or kept.get("temperature_fit"),
    )
    return with_decisions(plane, store.people.decisions(project.id))


def _student_signals(
    store: Store,
    project: Project,
    labels: TeacherLabels,
    run: Run | None,
    epoch: int | None,
    n: int,
) -> tuple[Floats | None, str]:
    if run is not None:
        rows, values = store.runs.signals(run, epoch)
        shown = store.runs.epochs(run)[-1] if epoch is None else epoch
        source = f"the student of {run.name}, after epoch {shown}"
    else:
        found = probe_signals(store, project, labels)
        if found is None:
            return None, "nothing yet: run the probe"
        rows, values = found
        source = "the probe: a quick classifier on the untrained student's embeddings"
    spread = np.full((n, values.shape[1]), np.nan)
    spread[rows] = values
    return spread, source


def with_decisions(plane: Plane, decisions: pd.DataFrame) -> Plane:
    """The plane with people's labels and exclusions as they hold now (the rest is shared)."""
    frame = plane.frame.copy(deep=False)
    human = np.full(len(frame), -1, dtype=np.int64)
    excluded, flagged = np.zeros((2, len(frame)), dtype=bool)
    if len(decisions):
        # Rows are in order, so that a decision among a million texts is found without an index.
        rows, wanted = frame["row"].to_numpy(), decisions.index.to_numpy()
        position = np.minimum(np.searchsorted(rows, wanted), max(0, len(rows) - 1))
        here = rows[position] == wanted if len(rows) else np.zeros(len(wanted), dtype=bool)
        codes = pd.Categorical(decisions["human_label"], categories=plane.names).codes
        human[position[here]] = codes[here]
        excluded[position[here]] = decisions["excluded"].to_numpy(dtype=bool)[here]
        flagged[position[here]] = decisions["flagged"].to_numpy(dtype=bool)[here]
    frame["human_label"] = human
    frame["excluded"] = excluded
    frame["flagged"] = flagged
    frame["label"] = np.where(human >= 0, human, frame["teacher_label"])
    return replace(plane, frame=frame)
