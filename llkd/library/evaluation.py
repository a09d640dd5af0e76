"""How right labels are, measured on texts whose classes people have told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from llkd.curation import TeacherLabels
    from llkd.evaluation.quality_report import QualityReport
    from llkd.store import Project, Store


@dataclass(frozen=True)
class Evaluation:
    """Quality on ``texts`` texts with gold. Shares are from 0 to 1.

    ``interval`` is the 95 % interval of the accuracy (Wilson). ``auroc``: how well confidence tells
    right labels from wrong ones (0.5: not at all), ``ece``: how far it is from the share of right
    labels; None where they cannot be measured. ``per_class`` has precision, recall and F1 by class;
    ``confusion [C, C]`` counts gold (lines) by label (columns). ``judged_by`` says whose labels are
    the gold.
    """

    texts: int
    accuracy: float
    interval: tuple[float, float]
    macro_f1: float
    auroc: float | None
    ece: float | None
    classes: list[str]
    judged_by: str
    per_class: list[dict[str, Any]] = field(repr=False)
    confusion: npt.NDArray[np.int64] = field(repr=False)

    def __str__(self) -> str:
        """One line to print."""
        low, high = self.interval
        return (
            f"accuracy {self.accuracy:.1%} ({low:.1%} to {high:.1%}), macro-F1 {self.macro_f1:.1%} "
            f"on {self.texts:,} texts"
        )


def teacher_evaluation(store: Store, project: Project, labels: TeacherLabels) -> Evaluation | None:
    """A teacher's labels on held-out texts with gold (else those that people labelled)."""
    from llkd import curation
    from llkd.evaluation import teacher_answers
    from llkd.evaluation.quality_report import teacher_report

    judged = curation.rows_to_evaluate(store, project, labels.labeling_run)
    answers = teacher_answers.judged_answers(store, project, labels, judged)
    names = labels.labeling_run.classes.names
    report = teacher_report(
        answers.probabilities, answers.label, answers.confidence, answers.gold, names
    )
    return evaluation_of(report, names, judged.source)


def evaluation_of(report: QualityReport, names: Sequence[str], judged_by: str) -> Evaluation | None:
    """A report of ``evaluation.metrics`` as an :class:`Evaluation`; None where no text has gold."""
    accuracy, interval = report["accuracy"], report["accuracy_interval"]
    if accuracy is None or interval is None:
        return None
    low, high = interval
    return Evaluation(
        texts=int(report["judged"]),
        accuracy=accuracy,
        interval=(low, high),
        macro_f1=report["macro_f1"] or 0.0,
        auroc=report["auroc"],
        ece=report["ece"],
        classes=list(names),
        judged_by=judged_by,
        per_class=[dict(row) for row in report["per_class"]],
        confusion=np.asarray(report["confusion"], dtype=np.int64),
    )
