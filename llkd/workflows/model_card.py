"""What a model card tells of a run's student, read from the store; nothing in it is made up."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from llkd import curation, exporting
from llkd.config import TeacherConfig
from llkd.config.selection_rule import CertifiedRule, read_rule
from llkd.errors import NotFound, UserError
from llkd.evaluation import audits, predictions, student_and_teacher
from llkd.evaluation.quality_report import QualityReport, evaluated_student, evaluated_teacher
from llkd.models import sources
from llkd.selection import signals
from llkd.store import Project, Run, Store
from llkd.store.files.probabilities import read_probabilities
from llkd.store.run_summary import RunSummary
from llkd.teachers.registry import kind_of


def card_of_run(
    store: Store,
    project: Project,
    run: Run,
    forms: Mapping[str, Any] | None,
    sizes: Mapping[str, int],
    calibration: Mapping[str, Any] | None = None,
) -> exporting.ModelCard:
    """What the card of a run's student tells; ``calibration`` where its ONNX files go along.

    ``teacher``: kind, model, asked (how, in a sentence), labelled, calibration, temperature,
    people (how many texts they labelled before the run).
    """
    from llkd.students.saving import ABOUT, README

    labeling_run = store.labeling_runs.get(run.labelling_id).in_classes_of(run.classes)
    names = run.class_names
    meanings = {entry.name: entry.description for entry in run.classes.labels}
    try:
        about = json.loads((run.student_folder / ABOUT).read_text("utf-8"))
    except (OSError, ValueError):
        about = {}
    base, base_id = _base(run.config.student)
    texts = store.projects.texts(project, ["gold", "split"])
    known = curation.known_to_run(project, run)
    labels = curation.recorded_labels(store, labeling_run, run.labels)
    answers = predictions.run_predictions(store, project, run, texts=texts)
    return exporting.ModelCard(
        project=project.name,
        classes=[{"name": name, "description": meanings.get(name, "")} for name in names],
        base=base,
        base_id=base_id,
        max_tokens=int(about.get("max_tokens", run.config.window)),
        longer=(run.labels.get("window") or {}).get("cut"),
        date=time.strftime("%d %B %Y", time.gmtime(run.finished or run.created)).lstrip("0"),
        program=exporting.PROGRAM,
        run=run.id,
        data={
            "source": project.source,
            "rows": known.rows,
            "held_out": int((texts["split"].iloc[: known.rows] == "eval").sum()),
            "sha256": known.digest,
            "languages": _languages(project),
        },
        teacher={
            "kind": str(labeling_run.teacher.get("kind", "")),
            "model": _teacher_name(labeling_run.teacher, labeling_run.config.teacher),
            "asked": _prompt_words(labeling_run.config),
            "labelled": int((labels.label >= 0).sum()),
            "calibration": labels.calibration,
            "temperature": labels.temperature,
            "refinement": run.labels.get("refinement"),
            "people": int(run.labels.get("human_labels") or 0),
        },
        teacher_report=None if answers is None else _teacher_report(store, project, run, labels),
        config=run.config.model_dump(mode="json"),
        summary=run.summary or RunSummary(),
        report=None if answers is None else evaluated_student(*answers, names),
        agreement=_agreement(store, run) if answers is None else None,
        forms=forms,
        sizes=sizes,
        usage=README.partition("\n\n")[2],
        standing=student_and_teacher.standing(store, project, run, labels),
        certificate=_certificate(store, project, run),
        calibration=calibration,
    )


def _certificate(store: Store, project: Project, run: Run) -> dict[str, Any] | None:
    """What certifies the texts that a run was trained on, by what held when it was made.

    None where it was not trained on a certified selection, or the audit is gone.
    """
    view = (run.labels.get("saved") or {}).get("view")
    try:
        rule = None if view is None else read_rule(view)
        if isinstance(rule, CertifiedRule):
            return audits.certificate_facts(store, project, rule, at=run.created)
    except UserError:
        pass
    return None


def _teacher_report(
    store: Store, project: Project, run: Run, labels: curation.TeacherLabels
) -> QualityReport | None:
    """The teacher on the run's evaluation set; None where it labelled none of it."""
    rows, classes = predictions.evaluation_rows(store, project, run)
    return evaluated_teacher(labels, rows, classes, run.class_names)


def _agreement(store: Store, run: Run) -> tuple[float, int] | None:
    """How often the student says what it was to learn, and of how many texts; None unknown."""
    try:
        rows, probabilities = store.runs.signals(run, run.best_epoch)
        taught, targets = read_probabilities(run.files.targets)
    except NotFound:
        return None
    order = np.argsort(taught)
    place = order[np.minimum(np.searchsorted(taught[order], rows), len(taught) - 1)]
    here = taught[place] == rows
    if not here.any():
        return None
    answered, taught_label = (
        signals.pseudo_label(probabilities),
        signals.pseudo_label(targets)[place],
    )
    return float((answered == taught_label)[here].mean()), int(here.sum())


def _languages(project: Project) -> dict[str, float]:
    """The languages guessed at the import as shares, the five most frequent; none from of old."""
    languages = (project.report.get("statistics") or {}).get("languages") or {}
    return dict(sorted(languages.items(), key=lambda item: -item[1])[:5])


def _base(spec: str) -> tuple[str, str | None]:
    """The name of the model that a student began as, and its id on a hub where it has one."""
    from llkd.students.loading import HUB_ID

    if spec == "embedded":
        name = sources.EMBEDDED_STUDENT.name
        return name, f"sentence-transformers/{name}"
    folder = Path(spec).expanduser()
    if folder.exists() or not HUB_ID.fullmatch(spec):
        return folder.name, None
    return spec, spec


def _teacher_name(teacher: Mapping[str, Any], spec: str) -> str:
    """The model, or the file, without where on a machine or a network it was."""
    name = str(teacher.get("model") or teacher.get("file") or teacher.get("name") or spec)
    return Path(name).name if Path(name).is_absolute() else name


def _prompt_words(config: TeacherConfig) -> str:
    """How the question was put, in sentences; the prompt itself may hold texts of the data."""
    kind = kind_of(config)
    sentence = kind.described(config.model_dump())
    if not kind.has_prompt:
        return sentence
    if config.examples == "none":
        return f"{sentence} The prompt held no examples."
    return f"{sentence} The prompt held {config.example_count} {config.examples} examples."
