"""What refining a pass's labels changed, and whether it made them better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llkd import curation
from llkd.config import Calibration
from llkd.curation import EvaluationRows, TeacherLabels
from llkd.evaluation.differences import Difference, paired_difference
from llkd.evaluation.teacher_answers import judged_answers
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import LabelingRun, Project, Store

LEAST_JUDGED = 10
"""Of fewer texts with a known class nothing is said."""


@dataclass(frozen=True)
class Judgement:
    """Accuracy of ``texts`` labels before and after, and the interval of the difference.

    ``source`` and ``held_out``: whose classes judge, as ``curation.EvaluationRows`` has it;
    ``cross_fitted``: whether each text was calibrated by a fit to others.
    """

    texts: int
    source: str
    held_out: bool
    before: float
    after: float
    difference: Difference
    cross_fitted: bool


@dataclass(frozen=True)
class RefinementEffect:
    """The ``c`` texts whose label refinement changed, in row order, and how right labels are.

    ``before [c]`` and ``after [c]`` are class indices, the confidences those of these labels.
    ``texts`` counts the labelled ones; ``judged`` is None without enough known classes.
    """

    labels: TeacherLabels
    rows: Ints
    before: Ints
    after: Ints
    confidence_before: Floats
    confidence_after: Floats
    texts: int
    judged: Judgement | None

    @property
    def pairs(self) -> list[tuple[int, int, int]]:
        """Class before, class after and how many texts, most first."""
        pairs, counts = np.unique(
            np.stack([self.before, self.after], axis=1), axis=0, return_counts=True
        )
        order = np.argsort(-counts, kind="stable")
        return [(int(pairs[i, 0]), int(pairs[i, 1]), int(counts[i])) for i in order]


def refinement_effect(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    calibration: Calibration | None = None,
) -> RefinementEffect | None:
    """What refinement does to the labels under ``calibration`` (its own, refined or not, counts).

    Both are derived now: the labels with it and those without. None where it takes a job first
    (see ``curation.has_search``).
    """
    name = calibration or labeling_run.calibration
    after, before = (
        curation.teacher_labels(store, labeling_run, _named(name, refined))
        for refined in (True, False)
    )
    if after.refinement is None:
        return None
    changed = np.flatnonzero(after.label != before.label)
    judged = curation.rows_to_evaluate(store, project, labeling_run)
    return RefinementEffect(
        after,
        after.row[changed],
        before.label[changed],
        after.label[changed],
        before.confidence[changed],
        after.confidence[changed],
        int((after.label >= 0).sum()),
        _judgement(store, project, before, after, judged),
    )


def _named(name: str, refined: bool) -> Calibration:
    wanted: Calibration = signals.with_refinement(name, refined)  # type: ignore[assignment]
    return wanted


def _judgement(
    store: Store,
    project: Project,
    before: TeacherLabels,
    after: TeacherLabels,
    judged: EvaluationRows,
) -> Judgement | None:
    first, second = (judged_answers(store, project, of, judged) for of in (before, after))
    if len(first.gold) < LEAST_JUDGED:
        return None
    classes = before.probabilities.shape[1] + 1  # a missing answer is a class that is never gold
    then, now = (np.where(of.label < 0, classes - 1, of.label) for of in (first, second))
    return Judgement(
        len(first.gold),
        judged.source,
        judged.held_out,
        float((first.label == first.gold).mean()),
        float((second.label == second.gold).mean()),
        paired_difference(now, then, first.gold, classes=classes),
        second.cross_fitted,
    )
