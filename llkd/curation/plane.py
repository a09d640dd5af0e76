"""The decision plane as data: every pool row with its two signals and what people decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llkd import signals
from llkd.config import Calibration
from llkd.curation.embeddings import probe_file, probe_signals
from llkd.curation.judging import gold_indices
from llkd.curation.labels import TeacherLabels, current_labelling, teacher_labels
from llkd.signals import Floats
from llkd.store import Labelling, Project, Run, Store

PROBE = "the probe: a quick classifier on the untrained student's embeddings"


@dataclass(frozen=True)
class Plane:
    """What Curate shows. ``frame`` has one line per pool row, in row order.

    Columns: row, id, gold (class index or -1), teacher_label (-1 where none), confidence,
    information_need (NaN where unknown), student_label (-1), human_label (-1), excluded,
    flagged, label
    (the person's where there is one, else the teacher's). ``probabilities`` is the teacher's
    ``[n, C]``, ``student_probabilities`` the student's or None. ``need_source`` says in words
    where information need comes from, and ``need_file`` is the Parquet file it was read from.
    ``temperature`` is 1 without one; ``temperature_fit`` tells what it was fitted on, None where it
    was not (see ``curation.fit_temperature``). ``bias`` is the calibration's, ``[C]``.
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
    bias: tuple[float, ...] = ()
    need_file: Path | None = None


@dataclass(frozen=True)
class Need:
    """The student's probabilities ``[m, C]`` of rows ``[m]``, in words where they come from."""

    rows: np.ndarray
    probabilities: Floats
    source: str
    file: Path


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
    found = find_need(store, project, labels, run, epoch) if need else None
    plane = plane_of(store, project, labels, found, store.people.decisions(project.id))
    return replace(
        plane,
        temperature_fit=labels.fit or kept.get("temperature_fit"),
        need_source=plane.need_source if need else "not asked for",
    )


def find_need(
    store: Store,
    project: Project,
    labels: TeacherLabels,
    run: Run | None = None,
    epoch: int | None = None,
) -> Need | None:
    """The run's signals after ``epoch`` (its last by default), else the probe's; None before it."""
    if run is not None:
        shown = epoch
        if shown is None:
            shown = next(iter(store.runs.epochs(run)[::-1]), None)
        rows, values = store.runs.signals(run, shown)
        source = f"the student of {run.name}, after epoch {shown}"
        return Need(rows, values, source, store.runs.signals_file(run, int(shown or 0)))
    found = probe_signals(store, project, labels)
    if found is None:
        return None
    return Need(*found, PROBE, probe_file(store, project, labels))


def run_of_view(
    store: Store, project: Project, number: int | None, epoch: int | None
) -> tuple[Run | None, int | None]:
    """The run and epoch that a view of the plane names.

    A run that is not there (it was deleted since) or has no signals gives None, for the probe; an
    epoch that is not there gives None, for the run's last.
    """
    run = next((one for one in store.runs.all(project.id) if one.id == number), None)
    epochs = [] if run is None else store.runs.epochs(run)
    return (run if epochs else None), (epoch if epoch in epochs else None)


def plane_of(
    store: Store,
    project: Project,
    labels: TeacherLabels,
    need: Need | None,
    decisions: pd.DataFrame,
) -> Plane:
    """The plane of exactly these labels, signals and decisions; see :func:`load_plane`."""
    names = labels.labelling.label_set.names
    texts = store.projects.texts(project.id, ["row", "id", "gold", "split"])
    n, classes = project.rows, len(names)

    probabilities = np.full((n, classes), np.nan)
    probabilities[labels.row] = labels.probabilities
    teacher = np.full(n, -1, dtype=np.int64)
    teacher[labels.row] = labels.label
    sure = np.full(n, np.nan)
    sure[labels.row] = labels.confidence

    student: Floats | None = None
    if need is not None:
        student = np.full((n, need.probabilities.shape[1]), np.nan)
        student[need.rows] = need.probabilities
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
        labels.labelling,
        labels.calibration,
        names,
        frame[pool].reset_index(drop=True),
        probabilities[pool],
        None if student is None else student[pool],
        "nothing yet: run the probe" if need is None else need.source,
        labels.temperature,
        labels.fit,
        tuple(float(one) for one in labels.bias),
        None if need is None else need.file,
    )
    return with_decisions(plane, decisions)


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
