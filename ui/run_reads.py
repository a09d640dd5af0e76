"""Reads of training runs that pages show again and again, kept between page runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation, evaluation, fairness, signals
from llkd.config import LabelSet
from llkd.curation import cartography, chosen
from llkd.curation.cartography import Cartography
from llkd.curation.chosen import Truth
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


def judges(store: Store, project: Project, classes: LabelSet, run: Run | None) -> tuple[Ints, Ints]:
    """The texts that judge a run (:func:`llkd.fairness.judges`), or those with held-out gold."""
    texts = reads.texts(store, project, ["gold", "split"])
    if run is None or run.config.judged_by == "teacher":
        return curation.held_out(texts, classes)
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
    classes = reads.classes_version(run.project_classes)
    which = epoch or epochs[-1:]
    stamp = (str(store.home.root), project.digest, run.id, run.finished, which, classes)
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
        reads.labels_version(store, labelling),
        reads.calibration_key(store, labelling, calibration),
        None if run is None or not _own_answers(run) else run.id,
    )
    return _teacher_report(stamp, store, project, labelling, calibration, run)


def _own_answers(run: Run) -> bool:
    """Whether no other run shares its figures of the teacher: it has its own judges or bias."""
    return run.config.judged_by == "people" or run.labels["calibration"] == signals.FITTED


@st.cache_resource(show_spinner=False, max_entries=32)
def _teacher_report(
    stamp: tuple[Any, ...],
    _store: Store,
    _project: Project,
    _labelling: Any,
    _calibration: Any,
    _run: Run | None,
) -> dict[str, Any] | None:
    classes = _labelling.classes if _run is None else _run.classes
    names = classes.names
    if _run is None:
        labels = reads.teacher_labels(_store, _labelling, _calibration)
    else:
        labels = reads.run_teacher_labels(_store, _run)
    rows, gold = judges(_store, _project, classes, _run)
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


@dataclass(frozen=True)
class PoolAnswers:
    """The finished student on the pool: rows ``[m]``, what each was taught as, its answer."""

    rows: Ints
    label: Ints
    answer: Ints


@dataclass(frozen=True)
class Mapped:
    """The map of a run's pool: rows ``[m]``, what each was taught as, and where it lies."""

    rows: Ints
    label: Ints
    map: Cartography


def kept_epoch(run: Run) -> int | None:
    """The epoch whose student was kept; None where that is the last."""
    best = (run.summary or {}).get("best_epoch")
    return None if best is None or best == len((run.summary or {}).get("epochs", [])) else int(best)


def gold(store: Store, project: Project, run: Run) -> Ints:
    """Class index of every text's gold ``[n]`` as the run counts, -1 where there is none."""
    return curation.gold_indices(reads.texts(store, project, ["gold", "split"]), run.classes)


def pool_answers(store: Store, run: Run) -> PoolAnswers:
    """What the student that was kept says of the pool. Raises NotFound where it was not logged."""
    return _pool_answers((str(store.home.root), run.id, run.finished), store, run)


@st.cache_resource(show_spinner=False, max_entries=8)
def _pool_answers(stamp: tuple[Any, ...], _store: Store, _run: Run) -> PoolAnswers:
    rows, probabilities = _store.runs.signals(_run, kept_epoch(_run))
    return PoolAnswers(rows, _taught(_store, _run, rows), signals.pseudo_label(probabilities))


def _taught(store: Store, run: Run, rows: Ints) -> Ints:
    """The class that each of these rows was taught as."""
    known, targets = store.runs.targets(run)
    order = np.argsort(known, kind="stable")
    place = order[np.searchsorted(known[order], rows)]
    return np.asarray(targets[place].argmax(axis=1))


def mapped(store: Store, run: Run) -> Mapped:
    """The map of a run from what its student said after each epoch."""
    stamp = (str(store.home.root), run.id, run.finished, len(store.runs.epochs(run)))
    return _mapped(stamp, store, run)


@st.cache_resource(show_spinner="Drawing the map …", max_entries=4)
def _mapped(stamp: tuple[Any, ...], _store: Store, _run: Run) -> Mapped:
    epochs = _store.runs.epochs(_run)
    rows = _store.runs.signals(_run, epochs[0])[0]
    label = _taught(_store, _run, rows)
    said = (_store.runs.signals(_run, epoch)[1] for epoch in epochs)
    return Mapped(rows, label, cartography.map_of(said, label))


def selection(store: Store, project: Project, run: Run) -> tuple[pd.DataFrame, Truth | None]:
    """:func:`llkd.curation.chosen.of_run`, kept until people decide something."""
    people = store.people.version(project.id)
    classes = reads.classes_version(run.project_classes)
    stamp = (str(store.home.root), project.digest, run.id, run.finished, people, classes)
    return _selection(stamp, store, project, run)


@st.cache_resource(show_spinner="Counting what was selected …", max_entries=8)
def _selection(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _run: Run
) -> tuple[pd.DataFrame, Truth | None]:
    return chosen.of_run(_store, _project, _run)


def learning_curve(store: Store, run: Run) -> list[dict[str, Any]]:
    """After each epoch of a finished run: samples and training seconds so far, and its quality.

    Empty where it was not measured: accuracy and macro-F1 are those of its held-out texts.
    """
    made = [one for one in (run.summary or {}).get("epochs", []) if one.get("accuracy") is not None]
    log = steps(store, run)
    if not made or log.empty:
        return []
    so_far = log.groupby("epoch")[["selected", "seconds"]].sum().cumsum()
    return [
        {
            "epoch": int(one["epoch"]),
            "samples": int(so_far["selected"].loc[one["epoch"]]),
            "seconds": float(so_far["seconds"].loc[one["epoch"]]),
            "accuracy": one["accuracy"],
            "macro_f1": one["macro_f1"],
        }
        for one in made
        if one["epoch"] in so_far.index
    ]


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
