"""The report of a comparison: means, paired differences and, without known classes, agreement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llkd import curation
from llkd.evaluation import evaluation_set, predictions, student_and_teacher
from llkd.evaluation.best_run import best_run
from llkd.evaluation.comparison import conclusion
from llkd.evaluation.comparison.contrasts import ArmRun, contrasts, grouped
from llkd.evaluation.comparison.report import (
    Agreement,
    ArmAgreement,
    ArmMeans,
    ArmResult,
    ComparisonReport,
    EvaluationSummary,
    TeacherFigures,
)
from llkd.evaluation.run_result import run_result
from llkd.selection.registry import EVERYTHING, weights_of
from llkd.selection.signals import Ints
from llkd.store import Project, Store
from llkd.workflows.labeling import teacher_document

_MEANS = ("accuracy", "macro_f1", "selected_share", "selected_accuracy")
_MEAN_COUNTS = ("backpropagated", "updates")
_MEAN_SECONDS = ("training_seconds", "seconds")


def report(store: Store, project: Project, arm_runs: Sequence[ArmRun]) -> ComparisonReport:
    """Arms side by side: means over seeds, paired differences, every run, and what they show."""
    notes = [note for entry in arm_runs for note in entry.run.labels.get("notes", [])]
    measured = ComparisonReport(
        project=project.name,
        teacher=_teacher(store, project, arm_runs),
        evaluation=_evaluation(arm_runs),
        texts=max((int(entry.run.labels["rows"]) for entry in arm_runs), default=0),
        notes=tuple(dict.fromkeys(notes)),
        arms=tuple(_means(entries) for entries in grouped(arm_runs).values()),
        runs=tuple(arm_result(entry) for entry in arm_runs),
        differences=tuple(contrasts(store, project, arm_runs)),
        agreement=agreement(store, project, arm_runs),
        student=_best_student(store, project, arm_runs),
    )
    return measured.model_copy(
        update={
            "conclusion": conclusion.sentence(measured),
            "lines": tuple(conclusion.lines(measured)),
            "basis": tuple(conclusion.basis(measured)),
        }
    )


def _best_student(store: Store, project: Project, arm_runs: Sequence[ArmRun]) -> str:
    """The best of the students beside its teacher, in a sentence; empty where none was measured."""
    finished = [entry.run for entry in arm_runs if entry.run.summary is not None]
    if not finished:
        return ""
    return student_and_teacher.said_of(store, project, best_run(finished))


def arm_result(entry: ArmRun) -> ArmResult:
    """What is reported of one run of a comparison."""
    return ArmResult(**run_result(entry.run).document(), arm=entry.arm, budget=entry.budget)


def _evaluation(arm_runs: Sequence[ArmRun]) -> EvaluationSummary:
    """Whose classes evaluate, as the first run was made with them."""
    if not arm_runs:
        return EvaluationSummary()
    stored = arm_runs[0].run.labels.get("judges", {})
    return EvaluationSummary.read({**stored, "least": evaluation_set.LEAST_LABELS})


def _teacher(store: Store, project: Project, arm_runs: Sequence[ArmRun]) -> TeacherFigures:
    """What is known of the teacher, on the very texts that evaluate its students."""
    labeling_run = curation.active_labeling_run(store, project)
    if not arm_runs or arm_runs[0].run.config.judged_by == "gold":
        return TeacherFigures.read(teacher_document(store, project, labeling_run))
    run = arm_runs[0].run
    rows, label = predictions.evaluation_rows(store, project, run)
    if run.config.judged_by == "teacher":
        rows, label = rows[:0], label[:0]
    judged = curation.EvaluationRows(rows, label, "human", True)
    labeling_run = labeling_run.in_classes_of(run.classes)
    labels = curation.recorded_labels(store, labeling_run, run.labels)
    document = teacher_document(store, project, labeling_run, judged=judged, labels=labels)
    return TeacherFigures.read(document)


def agreement(store: Store, project: Project, arm_runs: Sequence[ArmRun]) -> Agreement | None:
    """How often arms say what the teacher says, and what ``all`` says, on texts that did not train.

    Means over seeds, each in [0, 1]. None where students are evaluated by what people know.
    """
    labels: dict[tuple[str, str, int], Ints] = {}
    teacher = None
    for entry in arm_runs:
        pair = predictions.teacher_agreement(store, project, entry.run)
        if pair is not None:
            teacher = pair[0]
            labels[entry.arm, entry.budget, entry.run.config.seed] = pair[1]
    if teacher is None:
        return None
    arms = []
    for arm, budget in dict.fromkeys((arm, budget) for arm, budget, _ in labels):
        by_seed = {seed: label for (a, b, seed), label in labels.items() if (a, b) == (arm, budget)}
        with_all = [
            float((label == labels[EVERYTHING, "epochs", seed]).mean())
            for seed, label in by_seed.items()
            if arm != EVERYTHING and (EVERYTHING, "epochs", seed) in labels
        ]
        with_teacher = [float((label == teacher).mean()) for label in by_seed.values()]
        arms.append(
            ArmAgreement(
                arm=arm,
                budget=budget,
                with_teacher=float(np.mean(with_teacher)),
                with_all=float(np.mean(with_all)) if with_all else None,
            )
        )
    return Agreement(texts=len(teacher), arms=tuple(arms))


def _means(entries: Sequence[ArmRun]) -> ArmMeans:
    """One arm at one budget over its seeds."""
    results = [run_result(entry.run) for entry in entries]

    def mean(name: str) -> float | None:
        values = [value for result in results if (value := getattr(result, name)) is not None]
        return float(np.mean(values)) if values else None

    counts = {name: mean(name) for name in _MEAN_COUNTS}
    return ArmMeans.read(
        {
            "strategy": entries[0].arm,
            "arm": entries[0].arm,
            "budget": entries[0].budget,
            "seeds": len(results),
            "weights": weights_of(entries[0].run.config.selection),
            **{name: mean(name) for name in (*_MEANS, *_MEAN_SECONDS)},
            **{name: None if of is None else round(of) for name, of in counts.items()},
        }
    )
