"""What teacher and students are worth, measured on the same held-out texts."""

from __future__ import annotations

import time
from typing import Any

from llkd import curation
from llkd.errors import UserError
from llkd.evaluation import predictions
from llkd.evaluation.quality_report import classifier_report
from llkd.evaluation.run_result import run_result
from llkd.selection.signals import Ints
from llkd.store import Project, Run, Store
from llkd.workflows.labeling import teacher_document


def evaluate(store: Store, project: Project, run: Run | None = None) -> dict[str, Any]:
    """The teacher and every finished run (or one) on the held-out texts with gold."""
    labeling_run = curation.active_labeling_run(store, project)
    runs = [run] if run is not None else store.runs.all(project.id)
    return {
        "project": project.name,
        "teacher": teacher_document(store, project, labeling_run),
        "runs": [run_report(store, project, item) for item in runs if item.summary is not None],
    }


def run_report(store: Store, project: Project, run: Run) -> dict[str, Any]:
    """One run's document, who judged it, and its report on these texts.

    Without anybody who knows their classes the report is None, and ``agreement`` says how often it
    and the teacher say the same of texts that did not train.
    """
    evaluated = predictions.run_predictions(store, project, run)
    report = None
    if evaluated is not None:
        report = classifier_report(evaluated[1], evaluated[0], run.class_names)
    with_teacher = predictions.teacher_agreement(store, project, run)
    return {
        **run_result(run).document(),
        "judged_by": run.config.judged_by,
        "judges": len(evaluated[0]) if evaluated is not None else 0,
        "report": report,
        "agreement": None if with_teacher is None else _same(*with_teacher),
    }


def _same(teacher: Ints, student: Ints) -> dict[str, Any]:
    return {"texts": len(teacher), "share": float((teacher == student).mean())}


def predict(store: Store, project: Project, run: Run, text: str) -> dict[str, Any]:
    """The student's answer to one typed text."""
    from llkd.students import load_saved

    if not run.student_folder.is_dir():
        raise UserError(f"Run {run.id} has no finished student yet. Wait for it, or resume it.")
    if not text.strip():
        raise UserError("There is no text to classify. Type one.")
    began = time.monotonic()
    student = load_saved(run.student_folder)
    probabilities = student.probabilities([text])[0]
    names = run.class_names
    return {
        "run": run.id,
        "label": names[int(probabilities.argmax())],
        "probabilities": {name: float(p) for name, p in zip(names, probabilities, strict=True)},
        "seconds": round(time.monotonic() - began, 2),
    }
