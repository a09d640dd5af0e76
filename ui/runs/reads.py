"""Reads of training runs that pages show again and again, kept between page runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from llkd import curation
from llkd.curation import cartography, run_selection
from llkd.curation.cartography import Cartography
from llkd.curation.run_selection import Truth
from llkd.evaluation import evaluation_set, predictions
from llkd.evaluation import learning_curve as of_run
from llkd.evaluation.learning_curve import CurvePoint
from llkd.evaluation.pool_predictions import (
    PoolPredictions,
    pool_predictions,
    taught_labels,
    teacher_agreement_on_pool,
)
from llkd.evaluation.quality_report import QualityReport, evaluated_student, evaluated_teacher
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import Project, Run, Store
from ui.shell import reads


def steps(store: Store, run: Run) -> pd.DataFrame:
    """The step log: kept once the run has finished, read anew while it goes on."""
    if run.summary is None:
        return store.runs.steps(run)
    return _steps(str(store.home.root), run.id, run.finished, store, run)


@st.cache_resource(show_spinner=False, max_entries=32)
def _steps(home: str, run_id: int, finished: float | None, _store: Store, _run: Run) -> Any:
    return _store.runs.steps(_run)


def _known_classes(store: Store, project: Project, run: Run) -> tuple[Ints, Ints]:
    """The run's evaluation set where people know its classes, else held-out gold."""
    texts = reads.texts(store, project, ["gold", "split"])
    if run.config.judged_by == "teacher":
        return evaluation_set.held_out(texts, run.classes)
    return predictions.evaluation_rows(store, project, run, texts)


def answers(
    store: Store, project: Project, run: Run, epoch: int | None = None
) -> tuple[Ints, Floats] | None:
    """:func:`llkd.evaluation.predictions.run_predictions` with cached texts."""
    texts = reads.texts(store, project, ["gold", "split"])
    return predictions.run_predictions(store, project, run, epoch, texts)


def report(
    store: Store, project: Project, run: Run, epoch: int | None = None
) -> QualityReport | None:
    """What the student is worth on its evaluation set; None where it was not evaluated."""
    epochs = store.runs.epochs(run)
    classes = reads.classes_version(run.project_classes)
    which = epoch or epochs[-1:]
    stamp = (str(store.home.root), project.digest, run.id, run.finished, which, classes)
    return _report(stamp, store, project, run, epoch)


@st.cache_resource(show_spinner="Evaluating …", max_entries=256)
def _report(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _run: Run, _epoch: int | None
) -> QualityReport | None:
    evaluated = answers(_store, _project, _run, _epoch)
    return None if evaluated is None else evaluated_student(*evaluated, _run.class_names)


def by_epoch(store: Store, project: Project, run: Run) -> list[dict[str, Any]]:
    """Accuracy and macro-F1 on the evaluation set after each epoch so far; empty without gold."""
    reports = {epoch: report(store, project, run, epoch) for epoch in store.runs.epochs(run)}
    return [
        {"epoch": epoch, "accuracy": of["accuracy"], "macro_f1": of["macro_f1"]}
        for epoch, of in reports.items()
        if of is not None and of["accuracy"] is not None
    ]


def teacher_report(store: Store, project: Project, run: Run) -> QualityReport | None:
    """The teacher on the run's evaluation set, as the run saw it; None without labels there."""
    labeling_run = store.labeling_runs.get(run.labelling_id)
    calibration = run.labels["calibration"]
    own_figures = run.config.judged_by == "people" or signals.is_refined(calibration)
    own_figures = own_figures or signals.split_calibration(calibration)[0] == signals.FITTED
    own_figures = own_figures or labeling_run.in_classes_of(run.classes) is not labeling_run
    stamp = (
        str(store.home.root),
        project.digest,
        reads.labels_version(store, labeling_run),
        reads.calibration_key(store, labeling_run, run.labels["calibration"]),
        # Other runs share these figures, but for an evaluation set or a bias of its own.
        run.id if own_figures else None,
    )
    return _teacher_report(stamp, store, project, run)


@st.cache_resource(show_spinner=False, max_entries=32)
def _teacher_report(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _run: Run
) -> QualityReport | None:
    labels = reads.run_teacher_labels(_store, _run)
    rows, gold = _known_classes(_store, _project, _run)
    return evaluated_teacher(labels, rows, gold, _run.class_names)


@dataclass(frozen=True)
class Mapped:
    """The map of a run's pool: rows ``[m]``, what each was taught as, and where it lies."""

    rows: Ints
    label: Ints
    map: Cartography


def kept_epoch(run: Run) -> int | None:
    """The epoch whose student was kept; None where that is the last."""
    return None if run.summary is None else run.summary.kept_epoch


def gold(store: Store, project: Project, run: Run) -> Ints:
    """Class index of every text's gold ``[n]`` as the run counts, -1 where there is none."""
    return curation.gold_indices(reads.texts(store, project, ["gold", "split"]), run.classes)


def pool_answers(store: Store, run: Run) -> PoolPredictions:
    """What the student that was kept says of the pool. Raises NotFound where it was not logged."""
    return _pool_answers((str(store.home.root), run.id, run.finished), store, run)


@st.cache_resource(show_spinner=False, max_entries=8)
def _pool_answers(stamp: tuple[Any, ...], _store: Store, _run: Run) -> PoolPredictions:
    return pool_predictions(_store, _run)


def mapped(store: Store, run: Run) -> Mapped:
    """The map of a run from what its student said after each epoch."""
    stamp = (str(store.home.root), run.id, run.finished, len(store.runs.epochs(run)))
    return _mapped(stamp, store, run)


@st.cache_resource(show_spinner="Drawing the map …", max_entries=4)
def _mapped(stamp: tuple[Any, ...], _store: Store, _run: Run) -> Mapped:
    epochs = _store.runs.epochs(_run)
    rows = _store.runs.signals(_run, epochs[0])[0]
    label = taught_labels(_store, _run, rows)
    by_epoch = (_store.runs.signals(_run, epoch)[1] for epoch in epochs)
    return Mapped(rows, label, cartography.map_of(by_epoch, label))


def selection(store: Store, project: Project, run: Run) -> tuple[pd.DataFrame, Truth | None]:
    """:func:`llkd.curation.run_selection.of_run`, kept until people decide something."""
    people = store.decisions.version(project.id)
    classes = reads.classes_version(run.project_classes)
    stamp = (str(store.home.root), project.digest, run.id, run.finished, people, classes)
    return _selection(stamp, store, project, run)


@st.cache_resource(show_spinner="Counting what was selected …", max_entries=8)
def _selection(
    stamp: tuple[Any, ...], _store: Store, _project: Project, _run: Run
) -> tuple[pd.DataFrame, Truth | None]:
    return run_selection.of_run(_store, _project, _run)


def learning_curve(store: Store, run: Run) -> list[CurvePoint]:
    """:func:`llkd.evaluation.learning_curve.learning_curve` of a run, empty until it has ended."""
    return [] if run.summary is None else of_run.learning_curve(run.summary, steps(store, run))


def agreement(store: Store, project: Project, run: Run) -> tuple[float, int] | None:
    """How often the finished student says what the teacher said of the pool, and of how many."""
    return teacher_agreement_on_pool(store, run, reads.plane(store, project, run=run).frame)
