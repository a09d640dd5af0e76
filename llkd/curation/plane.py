"""The decision plane as data: every pool row with its two signals and what people decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llkd.config import Calibration, ClassKey, LabelSet
from llkd.config.labels import told_apart
from llkd.curation.evaluation_rows import gold_indices, key_indices
from llkd.curation.labels import (
    TeacherLabels,
    active_labeling_run,
    recorded_labels,
    teacher_labels,
    with_later_classes,
)
from llkd.curation.probe_signals import probe_file, probe_signals
from llkd.curation.refinement import Refinement
from llkd.selection import signals
from llkd.selection.signals import Floats
from llkd.store import LabelingRun, Project, Run, Store

PROBE = "the probe: a quick classifier on the untrained student's embeddings"


@dataclass(frozen=True)
class Plane:
    """What Curate shows. ``frame`` has one line per pool row, in row order.

    Columns: row, id, gold (class index or -1), teacher_label (-1 where none), confidence,
    disagreement (of a committee's members, in nats; NaN where unknown), information_need (NaN where
    unknown), student_label (-1), human_label (-1), excluded, flagged, disputed (then excluded),
    label (the person's where there is one, else the teacher's). ``probabilities`` is the teacher's
    ``[n, C]``, ``student_probabilities`` the student's or None: 0 for classes that came after them.
    ``classes`` are what C counts, under the names of today (``names``); people may choose among
    ``open_classes``, which leaves out what was removed from the project. ``need_source`` says in
    words where information need comes from, and ``need_file`` is the Parquet file it was read from.
    ``temperature`` is 1 without one; ``temperature_fit`` tells what it was fitted on, None where it
    was not (see ``curation.fit_calibration``). ``bias`` is the calibration's, ``[C]``;
    ``refinement`` how labels were refined, None where they were not.
    """

    project: Project
    labeling_run: LabelingRun
    calibration: Calibration
    classes: LabelSet
    frame: pd.DataFrame
    probabilities: Floats
    student_probabilities: Floats | None
    need_source: str
    temperature: float = 1.0
    temperature_fit: dict[str, Any] | None = None
    bias: tuple[float, ...] = ()
    need_file: Path | None = None
    refinement: Refinement | None = None

    @property
    def names(self) -> list[str]:
        """Today's names of the classes, by class index."""
        return self.classes.names

    @property
    def keys(self) -> list[ClassKey]:
        """What the classes are stored under, by class index."""
        return self.classes.keys

    @property
    def open_classes(self) -> list[int]:
        """The class indices that a person may give to a text."""
        label_set = self.project.label_set
        if label_set is None:
            return list(range(len(self.names)))
        known = set(label_set.places)
        return [
            k
            for k, label in enumerate(self.classes.labels)
            if {label.identity, *label.also} & known
        ]


@dataclass(frozen=True)
class Need:
    """The student's probabilities ``[m, C]`` of rows ``[m]``, in words where they come from.

    ``classes`` are a run's; None: those that the teacher was asked about.
    """

    rows: np.ndarray
    probabilities: Floats
    source: str
    file: Path
    classes: LabelSet | None = None


def load_plane(
    store: Store,
    project: Project,
    *,
    calibration: Calibration | None = None,
    run: Run | None = None,
    epoch: int | None = None,
    need: bool = True,
    labels: TeacherLabels | None = None,
    held_out: bool = False,
) -> Plane:
    """Bring together texts' rows, teacher labels, the student's signals and human decisions.

    Information need is the run's after ``epoch`` (its last by default), else the probe's, which
    may have to be fitted; without ``need`` it is left out. ``labels`` are derived where they are
    not given. With ``held_out`` the texts that evaluate are among the rows, too.
    Raises UserError before the first teacher label.
    """
    labeling_run = (
        store.labeling_runs.get(run.labelling_id) if run else active_labeling_run(store, project)
    )
    if run is not None and calibration is None:
        calibration = run.labels["calibration"]
    run_labels: dict[str, Any] = {}
    if run is not None and calibration == run.labels["calibration"]:
        run_labels = run.labels
    if labels is None:
        labels = (
            recorded_labels(store, labeling_run, run_labels)
            if run_labels
            else teacher_labels(store, labeling_run, calibration)
        )
    signals_of = find_need(store, project, labels, run, epoch) if need else None
    decisions = store.decisions.current(project.id)
    plane = plane_of(store, project, labels, signals_of, decisions, held_out)
    return replace(
        plane,
        temperature_fit=labels.fit or run_labels.get("temperature_fit"),
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
        file = store.runs.signals_file(run, int(shown or 0))
        return Need(rows, values, source, file, run.classes)
    answers = probe_signals(store, project, labels)
    if answers is None:
        return None
    return Need(*answers, PROBE, probe_file(store, project, labels))


def signal_source(
    store: Store, project: Project, number: int | None, epoch: int | None
) -> tuple[Run | None, int | None]:
    """The run ``number`` and epoch that give information need.

    A run that is not there (it was deleted since) or has no signals gives None, for the probe; an
    epoch that is not there gives None, for the run's last.
    """
    run = next((run for run in store.runs.all(project.id) if run.id == number), None)
    epochs = [] if run is None else store.runs.epochs(run)
    return (run if epochs else None), (epoch if epoch in epochs else None)


def plane_of(
    store: Store,
    project: Project,
    labels: TeacherLabels,
    need: Need | None,
    decisions: pd.DataFrame,
    held_out: bool = False,
) -> Plane:
    """The plane of exactly these labels, signals and decisions; see :func:`load_plane`."""
    labels, need = _known_rows(project, labels, need)
    classes = _classes_of(labels, need)
    texts = store.projects.texts(project, ["row", "id", "gold", "split"])
    n, width = project.rows, len(classes.labels)

    probabilities = np.full((n, width), np.nan)
    probabilities[labels.row] = with_later_classes(labels.probabilities, width)
    teacher = np.full(n, -1, dtype=np.int64)
    teacher[labels.row] = labels.label
    sure, disagreement = np.full((2, n), np.nan)
    sure[labels.row] = labels.confidence
    if labels.disagreement is not None:
        disagreement[labels.row] = labels.disagreement

    student: Floats | None = None
    if need is not None:
        answers = np.full((n, need.probabilities.shape[1]), np.nan)
        answers[need.rows] = need.probabilities
        # Need is of the classes that the student knows; it gives the others no probability.
        unsure = signals.information_need(answers)
        student = _spread(answers, classes, need)
    else:
        unsure = np.full(n, np.nan)
    frame = pd.DataFrame(
        {
            "row": texts["row"].to_numpy(),
            "id": texts["id"],
            "gold": gold_indices(texts, classes),
            "teacher_label": teacher,
            "confidence": sure,
            "disagreement": disagreement,
            "information_need": unsure,
            "student_label": np.full(n, -1) if student is None else signals.pseudo_label(student),
        }
    )
    pool = held_out | (texts["split"] == "pool").to_numpy()
    plane = Plane(
        project,
        labels.labeling_run,
        labels.calibration,
        classes,
        frame[pool].reset_index(drop=True),
        probabilities[pool],
        None if student is None else student[pool],
        "nothing yet: run the probe" if need is None else need.source,
        labels.temperature,
        labels.fit,
        tuple(float(value) for value in labels.bias),
        None if need is None else need.file,
        labels.refinement,
    )
    return with_decisions(plane, decisions)


def _known_rows(
    project: Project, labels: TeacherLabels, need: Need | None
) -> tuple[TeacherLabels, Need | None]:
    """Labels and signals without rows that ``project``, an earlier stage, does not have."""
    known = labels.row < project.rows
    if not known.all():
        disagreement = labels.disagreement
        labels = replace(
            labels,
            row=labels.row[known],
            probabilities=labels.probabilities[known],
            label=labels.label[known],
            confidence=labels.confidence[known],
            source=labels.source[known],
            disagreement=None if disagreement is None else disagreement[known],
        )
    if need is not None and not (known := need.rows < project.rows).all():
        need = replace(need, rows=need.rows[known], probabilities=need.probabilities[known])
    return labels, need


def _classes_of(labels: TeacherLabels, need: Need | None) -> LabelSet:
    """The pass's classes; after them those that only the run knows, removed from the project."""
    classes = labels.labeling_run.classes
    if need is None or need.classes is None:
        return classes
    further = [label for label in need.classes.labels if not classes.shares(label.identity)]
    return classes.extended(further)


def _spread(probabilities: Floats, classes: LabelSet, need: Need) -> Floats:
    """The student's probabilities ``[n, c]`` in the order of ``classes``, 0 for those it lacks."""
    if need.classes is None:
        return with_later_classes(probabilities, len(classes.labels))
    unknown = np.isnan(probabilities[:, :1])
    shares = [classes.shares(key) for key in need.classes.keys]
    open_columns = [column for column, places in enumerate(shares) if not told_apart(places)]
    if open_columns:  # what it calls a class that was split has no class now
        unknown |= np.isin(signals.pseudo_label(probabilities), open_columns)[:, None]
    spread = np.repeat(np.where(unknown, np.nan, 0.0), len(classes.labels), axis=1)
    for column, places in enumerate(shares):
        for place in places:
            if place >= 0:
                spread[:, place] += probabilities[:, column] / len(places)
    return spread


def with_decisions(plane: Plane, decisions: pd.DataFrame) -> Plane:
    """The plane with people's labels and exclusions as they hold now (the rest is shared)."""
    frame = plane.frame.copy(deep=False)
    human = np.full(len(frame), -1, dtype=np.int64)
    excluded, flagged, disputed = np.zeros((3, len(frame)), dtype=bool)
    if len(decisions):
        # Rows are in order, so that a decision among a million texts is found without an index.
        rows, wanted = frame["row"].to_numpy(), decisions.index.to_numpy()
        position = np.minimum(np.searchsorted(rows, wanted), max(0, len(rows) - 1))
        here = rows[position] == wanted if len(rows) else np.zeros(len(wanted), dtype=bool)
        codes = key_indices(decisions["human_key"], plane.classes)
        human[position[here]] = codes[here]
        excluded[position[here]] = decisions["excluded"].to_numpy(dtype=bool)[here]
        flagged[position[here]] = decisions["flagged"].to_numpy(dtype=bool)[here]
        disputed[position[here]] = decisions["disputed"].to_numpy(dtype=bool)[here]
    frame["human_label"] = human
    frame["excluded"] = excluded
    frame["flagged"] = flagged
    frame["disputed"] = disputed
    frame["label"] = np.where(human >= 0, human, frame["teacher_label"])
    return replace(plane, frame=frame)
