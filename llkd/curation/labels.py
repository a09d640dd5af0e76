"""Labels and confidence derived from a teacher pass; nothing is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd import signals
from llkd.config import Calibration, LabelSet
from llkd.curation.temperature import bias_of, fit_of, shift_of
from llkd.errors import UserError
from llkd.signals import FITTED, Floats, Ints
from llkd.store import Labelling, Project, Store


@dataclass(frozen=True)
class TeacherLabels:
    """A teacher pass under one calibration: rows ``[m]``, probabilities ``[m, C]`` and so on.

    C counts ``labelling.classes``: classes that the teacher was not asked about have a probability
    of 0, and ``bias`` is only of the others.
    ``bias`` is what was taken off the scores, its weight included.
    ``label`` is -1 and ``confidence`` NaN where the teacher gave nothing usable; a label without
    a confidence has NaN probabilities. ``temperature`` is 1 without one, and ``fit`` tells what it
    was fitted on (see ``fit_calibration``), None where it was not fitted here.
    """

    labelling: Labelling
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


def current_labelling(store: Store, project: Project) -> Labelling:
    """The teacher pass in use (see ``Labellings.in_use``). Raises UserError where none is yet."""
    labelling = store.labellings.in_use(project.id, project.labelling_id)
    if labelling is None:
        raise UserError(
            f"The texts of {project.name!r} have no teacher labels yet. "
            f"Label them first: llkd label {quoted(project.name)}"
        )
    return labelling


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
    labelling: Labelling,
    calibration: Calibration | None = None,
    bias: Sequence[float] | None = None,
    temperature: float | None = None,
    without: Ints | None = None,
) -> TeacherLabels:
    """Derive labels and confidence from the stored scores; nothing is asked again.

    The bias of ``batch`` is the mean over all rows scored so far (of a student-first pass: over
    its random sample). A temperature is the one kept
    with the pass, else fitted now; where there is nothing to fit it on yet it is 1 and ``fit`` is
    None (the labels are the same at any temperature); likewise ``fitted`` is as ``batch`` until
    there is enough to fit it on. A run's labels are derived with the ``bias``
    and the ``temperature`` that it kept. Where the rows of ``without`` are to judge, the fit
    is always made anew, to the others.
    """
    chosen: Calibration = calibration or labelling.calibration
    base, _ = signals.split_calibration(chosen)
    version = store.labellings.version(labelling)  # before the scores: never newer than they are
    evidence = store.labellings.scores(labelling)
    found = (
        bias_of(store, labelling, evidence, base)
        if bias is None
        else np.asarray(bias, dtype=np.float64)
    )
    fit = None
    if signals.needs_fit(chosen) and temperature is None and (bias is None or base != FITTED):
        project = store.projects.by_id(labelling.project_id)
        known = None if without is not None else (labelling.fits or {}).get(base)
        shift = shift_of(evidence, found)
        fit = known or fit_of(store, project, labelling, evidence, shift, base, without)
        temperature = None if fit is None else float(fit["temperature"])
    if fit is not None and base == FITTED:
        found = found * float(fit["bias_weight"])
    shift = shift_of(evidence, found)
    used = 1.0 if temperature is None else temperature
    probabilities = with_later_classes(
        signals.teacher_probabilities(evidence.scores, shift, used), len(labelling.classes.labels)
    )
    label = signals.pseudo_label(probabilities)
    label = np.where(label < 0, evidence.answer, label)
    return TeacherLabels(
        labelling,
        chosen,
        evidence.row,
        probabilities,
        label,
        signals.confidence(probabilities) if len(label) else np.empty(0),
        evidence.source,
        found,
        version,
        used,
        fit,
    )


def with_later_classes(probabilities: Floats, classes: int) -> Floats:
    """Probabilities ``[m, c]`` as ``[m, classes]``: 0 for classes that nobody was asked about.

    A row without probabilities (NaN) stays one.
    """
    missing = classes - probabilities.shape[1]
    if missing <= 0:
        return probabilities
    later = np.where(np.isnan(probabilities[:, :1]), np.nan, 0.0)
    return np.hstack([probabilities, np.repeat(later, missing, axis=1)])
