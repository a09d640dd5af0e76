"""What teacher and students are worth, measured on the same held-out texts."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from llkd import curation
from llkd.errors import UserError
from llkd.pipeline.labelling import teacher_document
from llkd.pipeline.training import document
from llkd.store import Project, Run, Store


def evaluate(store: Store, project: Project, run: Run | None = None) -> dict[str, Any]:
    """The teacher and every finished run (or one) on the held-out texts with gold."""
    labelling = curation.current_labelling(store, project)
    runs = [run] if run is not None else store.runs.all(project.id)
    return {
        "project": project.name,
        "teacher": teacher_document(store, project, labelling),
        "runs": [run_report(store, project, item) for item in runs if item.summary is not None],
    }


def run_report(store: Store, project: Project, run: Run) -> dict[str, Any]:
    """One run's document with its report on the held-out texts (None without gold)."""
    from llkd.evaluation import classifier_report

    names = list(run.labels["classes"])
    texts = store.projects.texts(project.id, ["gold", "split"])
    gold = curation.gold_indices(texts, names)
    held_out = np.flatnonzero((texts["split"] == "eval").to_numpy() & (gold >= 0))
    report = None
    if len(held_out):
        position, probabilities = store.runs.evaluation(run)
        report = classifier_report(probabilities, gold[held_out][position], names)
    return {**document(run), "report": report}


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
    names = list(run.labels["classes"])
    return {
        "run": run.id,
        "label": names[int(probabilities.argmax())],
        "probabilities": {name: float(p) for name, p in zip(names, probabilities, strict=True)},
        "seconds": round(time.monotonic() - began, 2),
    }
