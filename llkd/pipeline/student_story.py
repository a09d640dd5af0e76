"""What a model card tells of a run's student, read from the store; nothing in it is made up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llkd import curation, evaluation, exporting, fairness, models, signals
from llkd.config import LabelSet
from llkd.errors import NotFound
from llkd.signals import Floats, Ints
from llkd.store import Project, Run, Store
from llkd.store.runs import read_probabilities


def story(
    store: Store,
    project: Project,
    run: Run,
    forms: Mapping[str, Any] | None,
    sizes: Mapping[str, int],
) -> exporting.Story:
    """What the card of a run's student tells.

    ``teacher``: kind, model, asked (how, in a sentence), labelled, calibration, temperature,
    people (how many texts they labelled before the run).
    """
    from llkd.students.saving import ABOUT, README

    labelling = store.labellings.get(run.labelling_id)
    names = fairness.class_names(run)
    meanings = {entry.name: entry.description for entry in run.classes.labels}
    try:
        about = json.loads((run.student_folder / ABOUT).read_text("utf-8"))
    except (OSError, ValueError):
        about = {}
    base, base_id = _base(run.config.student)
    texts = store.projects.texts(project.id, ["gold", "split"])
    labels = curation.teacher_labels(
        store,
        labelling,
        run.labels["calibration"],
        run.labels.get("bias"),
        run.labels.get("temperature"),
    )
    found = fairness.answers(store, project, run, texts=texts)
    return exporting.Story(
        project=project.name,
        classes=[{"name": name, "description": meanings.get(name, "")} for name in names],
        base=base,
        base_id=base_id,
        max_tokens=int(about.get("max_tokens", run.config.max_tokens)),
        made=time.strftime("%d %B %Y", time.gmtime(run.finished or run.created)).lstrip("0"),
        program=exporting.PROGRAM,
        run=run.id,
        data={
            "source": project.source,
            "rows": project.rows,
            "held_out": int((texts["split"] == "eval").sum()),
            "sha256": project.digest,
            "languages": _languages(project),
        },
        teacher={
            "kind": str(labelling.teacher.get("kind", "")),
            "model": _teacher_name(labelling.teacher, labelling.config.teacher),
            "asked": _asked(labelling.teacher, labelling.config.model_dump()),
            "labelled": int((labels.label >= 0).sum()),
            "calibration": labels.calibration,
            "temperature": labels.temperature,
            "people": int(run.labels.get("human_labels") or 0),
        },
        teacher_report=None if found is None else _teacher_report(labels, texts, run.classes),
        config=run.config.model_dump(mode="json"),
        summary=run.summary or {},
        report=None if found is None else _student_report(*found, names),
        agreement=_agreement(store, run) if found is None else None,
        forms=forms,
        sizes=sizes,
        usage=README.partition("\n\n")[2],
    )


def _student_report(gold: Ints, probabilities: Floats, names: list[str]) -> dict[str, Any]:
    report = evaluation.classifier_report(probabilities, gold, names)
    label = signals.pseudo_label(probabilities)
    return {**report, "macro_f1_interval": evaluation.f1_interval(label, gold, len(names))}


def _teacher_report(
    labels: curation.TeacherLabels, texts: pd.DataFrame, classes: LabelSet
) -> dict[str, Any] | None:
    """The teacher on the held-out texts it has read; None where it has read none."""
    names = classes.names
    rows, gold = fairness.held_out(texts, classes)
    here = np.isin(labels.row, rows) & (labels.label >= 0)
    if not here.any():
        return None
    of = gold[np.searchsorted(rows, labels.row[here])]
    report = evaluation.teacher_report(
        labels.probabilities[here], labels.label[here], labels.confidence[here], of, names
    )
    interval = evaluation.f1_interval(labels.label[here], of, len(names))
    return {**report, "macro_f1_interval": interval}


def _agreement(store: Store, run: Run) -> tuple[float, int] | None:
    """How often the student says what it was to learn, and of how many texts; None unknown."""
    try:
        rows, probabilities = store.runs.signals(run, (run.summary or {}).get("best_epoch"))
        taught, targets = read_probabilities(run.folder / "targets.parquet")
    except NotFound:
        return None
    order = np.argsort(taught)
    place = order[np.minimum(np.searchsorted(taught[order], rows), len(taught) - 1)]
    here = taught[place] == rows
    if not here.any():
        return None
    said, told = signals.pseudo_label(probabilities), signals.pseudo_label(targets)[place]
    return float((said == told)[here].mean()), int(here.sum())


def _languages(project: Project) -> dict[str, float]:
    """The languages guessed at the import as shares, the five most frequent; none from of old."""
    found = (project.report.get("statistics") or {}).get("languages") or {}
    return dict(sorted(found.items(), key=lambda item: -item[1])[:5])


def _base(spec: str) -> tuple[str, str | None]:
    """The name of the model that a student began as, and its id on a hub where it has one."""
    from llkd.students.loading import HUB_ID

    if spec == "embedded":
        name = models.EMBEDDED_STUDENT.name
        return name, f"sentence-transformers/{name}"
    folder = Path(spec).expanduser()
    if folder.exists() or not HUB_ID.fullmatch(spec):
        return folder.name, None
    return spec, spec


def _teacher_name(teacher: Mapping[str, Any], spec: str) -> str:
    """The model, or the file, without where on a machine or a network it was."""
    name = str(teacher.get("model") or teacher.get("file") or teacher.get("name") or spec)
    return Path(name).name if Path(name).is_absolute() else name


_CONFIDENCES = {
    "auto": "log-probabilities where the server gives them, else repeated answers",
    "logprob": "the log-probabilities of its answer",
    "self_consistency": "how often repeated answers agree",
    "verbalized": "what it states itself",
    "none": "nothing: it stated none",
}
_ASKED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "file": lambda config: "No model was asked here: another tool had made the labels.",
    "api": lambda config: (
        "It was asked through a server of the OpenAI kind to choose one of the classes; its "
        f"confidence comes from {_CONFIDENCES[config['confidence']]}."
    ),
    "local": lambda config: (
        "It was not asked to write: the log-probability of every class's words as its answer was "
        f"scored (tokens of a name: {config['verbaliser_score']})."
    ),
}


def _asked(teacher: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """How the question was put, in sentences; the prompt itself may hold texts of the data."""
    kind = str(config["teacher"]).partition(":")[0]
    said = _ASKED["local" if kind == "embedded" else kind](config)
    if kind == "file":
        return said
    if config["examples"] == "none":
        return f"{said} The prompt held no examples."
    return f"{said} The prompt held {config['example_count']} {config['examples']} examples."
