"""Labels and confidence derived from a teacher pass; nothing is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from llkd import signals
from llkd.config import Calibration, LabelSet
from llkd.errors import UserError
from llkd.signals import Floats, Ints
from llkd.store import Labelling, Project, Store


@dataclass(frozen=True)
class TeacherLabels:
    """A teacher pass under one calibration: rows ``[m]``, probabilities ``[m, C]`` and so on.

    ``label`` is -1 and ``confidence`` NaN where the teacher gave nothing usable; a label without
    a confidence has NaN probabilities.
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


def current_labelling(store: Store, project: Project) -> Labelling:
    """The teacher pass in use. Raises UserError where there is none yet."""
    if project.labelling_id is not None:
        return store.labellings.get(project.labelling_id)
    made = store.labellings.all(project.id)
    if not made:
        raise UserError(
            f"The texts of {project.name!r} have no teacher labels yet. "
            f"Label them first: llkd label {quoted(project.name)}"
        )
    return made[0]


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


def gold_indices(texts: pd.DataFrame, names: Sequence[str]) -> Ints:
    """Class index of each text's gold, -1 where there is none or it is not one of the classes."""
    codes = pd.Categorical(texts["gold"], categories=list(names)).codes
    return np.asarray(codes, dtype=np.int64)


def teacher_labels(
    store: Store,
    labelling: Labelling,
    calibration: Calibration | None = None,
    bias: Sequence[float] | None = None,
) -> TeacherLabels:
    """Derive labels and confidence from the stored scores; nothing is asked again.

    The bias of ``batch`` is the mean over all rows scored so far; a run's labels are derived with
    the ``bias`` that it kept.
    """
    chosen: Calibration = calibration or labelling.calibration
    version = store.labellings.version(labelling)  # before the scores: never newer than they are
    evidence = store.labellings.scores(labelling)
    free = None if labelling.content_free is None else np.asarray(labelling.content_free)
    found = (
        signals.calibration_bias(evidence.scores, chosen, free)
        if bias is None
        else np.asarray(bias, dtype=np.float64)
    )
    # Rows that carry a confidence rather than measured log-probabilities have no prompt bias.
    measured = np.isin(evidence.source, ["logprob"])
    shift = np.where(measured[:, None], found, 0.0) if len(measured) else found
    probabilities = signals.teacher_probabilities(evidence.scores, shift)
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
    )
