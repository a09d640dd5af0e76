"""Labels and confidence derived from a teacher pass; nothing is asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd.config import Calibration, LabelSet
from llkd.config.labels import told_apart
from llkd.curation.calibration import bias_of, fit_of, refined_evidence, shift_of
from llkd.curation.refinement import DAMPING, SOFTENING, WEIGHT, Refinement
from llkd.curation.refinement.search import neighbours_of, neighbours_used, refined_scores
from llkd.errors import UserError
from llkd.selection import signals
from llkd.selection.signals import FITTED, Floats, Ints
from llkd.store import LabelingRun, Project, Scores, Store


@dataclass(frozen=True)
class TeacherLabels:
    """A teacher pass under one calibration: rows ``[m]``, probabilities ``[m, C]`` and so on.

    C counts ``labelling.classes``: classes that the teacher was not asked about have a probability
    of 0 (see ``in_todays_classes`` for merged and split ones); ``bias`` is of those asked about.
    ``bias`` is what was taken off the scores, its weight included.
    ``label`` is -1 and ``confidence`` NaN where the teacher gave nothing usable; a label without
    a confidence has NaN probabilities. ``temperature`` is 1 without one, and ``fit`` tells what it
    was fitted on (see ``fit_calibration``), None where it was not fitted here. ``refinement`` says
    how labels were refined: None where they were not, also where they should be and the search for
    the nearest texts is not there yet. ``disagreement`` ``[m]``: how far a committee's members
    differ, in nats; None of labels that no committee gave, NaN where fewer than two had any.
    ``named_class`` ``[m]``: what the teacher said, a place among the classes it was asked about.
    """

    labeling_run: LabelingRun
    calibration: Calibration
    row: Ints
    probabilities: Floats
    label: Ints
    confidence: Floats
    source: np.ndarray
    bias: Floats
    version: str
    temperature: float = 1.0
    fit: dict[str, Any] | None = None
    refinement: Refinement | None = None
    disagreement: Floats | None = None
    named_class: Ints | None = None

    @property
    def of_split(self) -> np.ndarray:
        """Which rows have no label because the teacher named a class that was split, ``[m]``."""
        shares = self.labeling_run.shares
        split = [place for place, places in enumerate(shares) if not told_apart(places)]
        named = np.full(len(self.row), -1) if self.named_class is None else self.named_class
        return np.asarray(np.isin(named, split) & (self.label < 0))


def active_labeling_run(store: Store, project: Project) -> LabelingRun:
    """The teacher pass in use (see ``LabelingRuns.in_use``). Raises UserError where none is yet."""
    labeling_run = store.labeling_runs.in_use(project.id, project.labelling_id)
    if labeling_run is None:
        raise UserError(
            f"The texts of {project.name!r} have no teacher labels yet. "
            f"Label them first: llkd label {quoted(project.name)}"
        )
    return labeling_run


def quoted(name: str) -> str:
    """A name as one types it in a shell."""
    import shlex

    return shlex.quote(name)


def label_set_of(project: Project) -> LabelSet:
    """The classes. Raises UserError where they are not set."""
    if project.label_set is None:
        raise UserError(
            f"The classes of {project.name!r} are not set. Name them on the Data page or with: "
            f"llkd label {quoted(project.name)} --labels a,b,c"
        )
    return project.label_set


def teacher_labels(
    store: Store,
    labeling_run: LabelingRun,
    calibration: Calibration | None = None,
    bias: Sequence[float] | None = None,
    temperature: float | None = None,
    without: Ints | None = None,
    search: str | None = None,
) -> TeacherLabels:
    """Derive labels and confidence from the stored scores; nothing is asked again.

    The bias of ``batch`` is the mean over all rows scored so far (of a student-first pass: over
    its random sample). A temperature is the one kept
    with the pass, else fitted now; where there is nothing to fit it on yet it is 1 and ``fit`` is
    None (the labels are the same at any temperature); likewise ``fitted`` is as ``batch`` until
    there is enough to fit it on. A run's labels are derived with the ``bias``
    and the ``temperature`` that it kept. Where the rows of ``without`` are to judge, the fit
    is always made anew, to the others. Labels are refined by the kept ``search`` of that key, by
    default by that of the rows labelled so far; they stay as they are where there is none.
    """
    in_use: Calibration = calibration or labeling_run.calibration
    base, tempered = signals.split_calibration(in_use)
    version = store.labeling_runs.version(
        labeling_run
    )  # before the scores: never newer than they are
    evidence = store.labeling_runs.scores(labeling_run)
    class_bias = (
        bias_of(store, labeling_run, evidence, base)
        if bias is None
        else np.asarray(bias, dtype=np.float64)
    )
    neighbours = neighbours_of(store, labeling_run, evidence, in_use, search)
    shift = shift_of(evidence, class_bias)
    # A temperature on top of refined labels is fitted to them.
    late = neighbours if tempered else None
    scored, off = (evidence, shift) if late is None else refined_evidence(evidence, shift, late)
    fit = None
    if signals.needs_fit(in_use) and temperature is None and (bias is None or base != FITTED):
        project = store.projects.by_id(labeling_run.project_id)
        name = base if late is None else signals.fit_name(in_use)
        known = None if without is not None else (labeling_run.fits or {}).get(name)
        fit = known or fit_of(store, project, labeling_run, scored, off, base, without)
        temperature = None if fit is None else float(fit["temperature"])
    if fit is not None and base == FITTED:
        class_bias = class_bias * float(fit["bias_weight"])
        off = shift = shift_of(evidence, class_bias)
    used = 1.0 if temperature is None else temperature
    probabilities = signals.teacher_probabilities(scored.scores, off, used)
    if neighbours is not None and late is None:
        probabilities = signals.softmax(refined_scores(evidence, probabilities, neighbours))
    named_class = _label(probabilities, evidence)
    refinement = None
    if neighbours is not None:
        refinement = Refinement(
            neighbours_used(neighbours, evidence.scores.shape[1]),
            WEIGHT,
            DAMPING,
            SOFTENING,
            neighbours.key,
            neighbours.embeddings_sha256,
            neighbours.student_sha256,
            int((named_class != _label(evidence.scores - shift, evidence)).sum()),
        )
    probabilities = in_todays_classes(probabilities, labeling_run)
    label = todays_label(probabilities, named_class, labeling_run)
    return TeacherLabels(
        labeling_run,
        in_use,
        evidence.row,
        probabilities,
        label,
        signals.confidence(probabilities) if len(label) else np.empty(0),
        evidence.source,
        class_bias,
        version,
        used,
        fit,
        refinement,
        _disagreement(evidence),
        named_class,
    )


def recorded_labels(
    store: Store, labeling_run: LabelingRun, record: Mapping[str, Any]
) -> TeacherLabels:
    """The teacher's labels as a run got them; ``record`` is what it kept (``Run.labels``)."""
    return teacher_labels(
        store,
        labeling_run,
        record["calibration"],
        record.get("bias"),
        record.get("temperature"),
        search=(record.get("refinement") or {}).get("search"),
    )


def not_refined(project: Project) -> str:
    """Why labels could not be refined, and what to do."""
    return (
        "Refined labels need the nearest texts of every text, and they have not been looked for "
        f"yet. Do it with: llkd probe {quoted(project.name)}"
    )


def _disagreement(evidence: Scores) -> Floats | None:
    values = np.asarray(evidence.disagreement, dtype=np.float64)
    return values if np.isfinite(values).any() else None


def _label(values: Floats, evidence: Scores) -> Ints:
    """The class of the largest value of each row, or the class named outright; -1 for neither."""
    label = signals.pseudo_label(values)
    return np.where(label < 0, evidence.answer, label)


def in_todays_classes(probabilities: Floats, labeling_run: LabelingRun) -> Floats:
    """Probabilities ``[m, c]`` of the classes asked about as ``[m, C]`` of the pass's classes.

    Those of classes that are one now are summed. That of a class that was split is shared evenly
    by its parts, and a text whose most probable class was split has none (NaN): nobody has said
    which part it is of. A row without probabilities stays one.
    """
    width = len(labeling_run.classes.labels)
    if labeling_run.as_asked:
        return with_later_classes(probabilities, width)
    unknown = np.isnan(probabilities).any(axis=1)
    open_columns = [
        column for column, places in enumerate(labeling_run.shares) if not told_apart(places)
    ]
    unknown |= np.isin(signals.pseudo_label(probabilities), open_columns)
    todays = np.zeros((len(probabilities), width))
    for column, places in enumerate(labeling_run.shares):
        for place in places:
            if place >= 0:
                todays[:, place] += probabilities[:, column] / len(places)
    todays[unknown] = np.nan
    return todays


def todays_label(probabilities: Floats, named_class: Ints, labeling_run: LabelingRun) -> Ints:
    """The label ``[m]`` by :func:`in_todays_classes`; -1 where there is none.

    ``named_class``: what the teacher said, a place among the classes it was asked about, which
    counts where it gave no probabilities.
    """
    label = signals.pseudo_label(probabilities)
    places = [places[0] if told_apart(places) else -1 for places in labeling_run.shares]
    named = np.array([*places, -1], dtype=np.int64)[named_class]
    return np.where(label < 0, named, label)


def with_later_classes(probabilities: Floats, classes: int) -> Floats:
    """Probabilities ``[m, c]`` as ``[m, classes]``: 0 for classes that nobody was asked about.

    A row without probabilities (NaN) stays one.
    """
    missing = classes - probabilities.shape[1]
    if missing <= 0:
        return probabilities
    later = np.where(np.isnan(probabilities[:, :1]), np.nan, 0.0)
    return np.hstack([probabilities, np.repeat(later, missing, axis=1)])
