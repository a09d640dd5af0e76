"""Reads of training runs that pages show again and again, kept between page runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation, evaluation, fairness, signals
from llkd.errors import NotFound
from llkd.evaluation import f1_interval
from llkd.fairness import class_names
from llkd.signals import Floats, Ints
from llkd.store import Project, Run, Store
from ui import reads


def steps(store: Store, run: Run) -> pd.DataFrame:
    """The step log: kept once the run has finished, read anew while it goes on."""
    if run.summary is None:
        return store.runs.steps(run)
    return _steps(str(store.home.root), run.id, run.finished, store, run)


@st.cache_resource(show_spinner=False, max_entries=32)
def _steps(home: str, run_id: int, finished: float | None, _store: Store, _run: Run) -> Any:
    return _store.runs.steps(_run)


def judges(
    store: Store, project: Project, names: Sequence[str], run: Run | None
) -> tuple[Ints, Ints]:
    """The texts that judge a run (:func:`llkd.fairness.judges`), or those with held-out gold."""
    texts = reads.texts(store, project, ["gold", "split"])
    if run is None or run.config.judged_by == "teacher":
        return curation.held_out(texts, names)
    return fairness.judges(store, project, run, texts)


def answers(
    store: Store, project: Project, run: Run, epoch: int | None = None
) -> tuple[Ints, Floats] | None:
    """:func:`llkd.fairness.answers` with texts that are kept between page runs."""
    texts = reads.texts(store, project, ["gold", "split"])
    return fairness.answers(store, project, run, epoch, texts)


def report(
    store: Store, project: Project, run: Run, epoch: int | None = None
) -> dict[str, Any] | None:
    """What the student is worth on the held-out texts; None where it was not evaluated."""
    epochs = store.runs.epochs(run)
    stamp = (str(store.home.root), project.digest, run.id, run.finished, epoch or epochs[-1:])
    return _report(stamp, store, project, run, epoch)


@st.cache_resource(show_spinner="Evaluating …", max_entries=256)
def _report(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _run: Run, _epoch: int | None
) -> dict[str, Any] | None:
    found = answers(_store, _project, _run, _epoch)
    if found is None:
        return None
    gold, probabilities = found
    made = evaluation.classifier_report(probabilities, gold, class_names(_run))
    label = signals.pseudo_label(probabilities)
    return {**made, "macro_f1_interval": f1_interval(label, gold, len(class_names(_run)))}


def by_epoch(store: Store, project: Project, run: Run) -> list[dict[str, Any]]:
    """Accuracy and macro-F1 on the held-out texts after each epoch so far; empty without gold."""
    found = []
    for epoch in store.runs.epochs(run):
        made = report(store, project, run, epoch)
        if made is not None and made["accuracy"] is not None:
            found.append({"epoch": epoch, **{k: made[k] for k in ("accuracy", "macro_f1")}})
    return found


def teacher_report(store: Store, project: Project, run: Run | None = None) -> dict[str, Any] | None:
    """The teacher on the same judging texts, as a run saw it; None without any or labels."""
    if run is None:
        labelling = curation.current_labelling(store, project)
        calibration = labelling.calibration
    else:
        labelling = store.labellings.get(run.labelling_id)
        calibration = run.labels["calibration"]
    stamp = (
        str(store.home.root),
        project.digest,
        store.labellings.version(labelling),
        reads.calibration_key(store, labelling, calibration),
        None if run is None or run.config.judged_by != "people" else run.id,
    )
    return _teacher_report(stamp, store, project, labelling, calibration, run)


@st.cache_resource(show_spinner=False, max_entries=32)
def _teacher_report(
    stamp: tuple[Any, ...],
    _store: Store,
    _project: Project,
    _labelling: Any,
    _calibration: Any,
    _run: Run | None,
) -> dict[str, Any] | None:
    names = _labelling.label_set.names
    labels = reads.teacher_labels(_store, _labelling, _calibration)
    rows, gold = judges(_store, _project, names, _run)
    here = np.isin(labels.row, rows)
    if not here.any():
        return None
    gold = gold[np.searchsorted(rows, labels.row[here])]
    made = evaluation.teacher_report(
        labels.probabilities[here], labels.label[here], labels.confidence[here], gold, names
    )
    known = labels.label[here] >= 0
    interval = f1_interval(labels.label[here][known], gold[known], len(names))
    return {**made, "macro_f1_interval": interval}


def agreement(store: Store, project: Project, run: Run) -> tuple[float, int] | None:
    """How often the finished student says what the teacher said of the pool, and of how many."""
    try:
        rows, probabilities = store.runs.signals(run)
    except NotFound:
        return None
    plane = reads.plane(store, project, run=run)
    teacher = plane.frame.set_index("row")["teacher_label"].reindex(rows).to_numpy()
    known = teacher >= 0
    if not known.any():
        return None
    student = signals.pseudo_label(probabilities)
    return float((student[known] == teacher[known]).mean()), int(known.sum())
