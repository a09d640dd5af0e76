"""Reads of the store that are kept between page runs.

Everything here is keyed on what it depends on (home, project, version), shared by all sessions
and therefore never changed by a page: copy before altering.
"""

from __future__ import annotations

import json
import os
import zlib
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation, exporting
from llkd.config import Calibration, LabelSet
from llkd.curation import Plane, TeacherLabels
from llkd.selection import signals
from llkd.store import Home, LabelingRun, Project, Run, Store


def store() -> Store:
    """The store of LLKD_HOME. Raises StoreError where it cannot be used."""
    return _store(str(Home().root), os.environ.get("LLKD_DATABASE_URL"))


@st.cache_resource(show_spinner=False, max_entries=8)
def _store(home: str, _database: str | None) -> Store:
    return Store(home)


def texts(store: Store, project: Project, columns: list[str] | None = None) -> pd.DataFrame:
    """The project's texts in row order (row, id, text, gold, split, or only ``columns``)."""
    return _texts(home_of(store), project.id, project.digest, tuple(columns or ()), store, project)


@st.cache_resource(show_spinner="Reading the texts \u2026", max_entries=8)
def _texts(
    home: str,
    project_id: int,
    digest: str,
    columns: tuple[str, ...],
    _store: Store,
    _project: Project,
) -> pd.DataFrame:
    return _store.projects.texts(_project, list(columns) or None)


def gold_names(project: Project, gold: pd.Series) -> pd.Series:
    """Gold as the project calls its classes now; what is of no class stays as it came."""
    if project.label_set is None:
        return gold
    names = project.label_set.names
    now = {key: names[k] for key, k in project.label_set.places.items()}
    return gold.map(now).where(gold.isin(list(now)), gold)


def labelled_rows(store: Store, labeling_run: LabelingRun) -> int:
    """How many rows this teacher pass holds by now."""
    version = store.labeling_runs.version(labeling_run)
    return _labelled_rows(home_of(store), version, labeling_run, store)


@st.cache_resource(show_spinner=False, max_entries=64)
def _labelled_rows(home: str, version: str, _labelling: LabelingRun, _store: Store) -> int:
    return len(_store.labeling_runs.done(_labelling))


def teacher_labels(
    store: Store, labeling_run: LabelingRun, calibration: Calibration | None = None
) -> TeacherLabels:
    """Labels and confidence derived from the stored scores (the pass's calibration by default)."""
    return _teacher_labels(
        home_of(store),
        labels_version(store, labeling_run),
        calibration_key(store, labeling_run, calibration),
        calibration or labeling_run.calibration,
        labeling_run,
        store,
    )


@st.cache_resource(show_spinner="Deriving the labels \u2026", max_entries=4)
def _teacher_labels(
    home: str,
    version: str,
    derived: str,
    _calibration: Calibration,
    _labelling: LabelingRun,
    _store: Store,
) -> TeacherLabels:
    return curation.teacher_labels(_store, _labelling, _calibration)


def run_teacher_labels(store: Store, run: Run) -> TeacherLabels:
    """The teacher's labels as a run got them: under the bias and temperature that it kept."""
    today, labels = store.labeling_runs.get(run.labelling_id), run.labels
    labeling_run = today.in_classes_of(run.classes)
    base, _ = signals.split_calibration(labels["calibration"])
    if (
        labeling_run is today
        and base != signals.FITTED
        and not signals.is_refined(labels["calibration"])
    ):
        return teacher_labels(store, labeling_run, labels["calibration"])
    return _run_teacher_labels(
        home_of(store), labels_version(store, labeling_run), run.id, run.labels, labeling_run, store
    )


@st.cache_resource(show_spinner="Deriving the labels \u2026", max_entries=4)
def _run_teacher_labels(
    home: str,
    version: str,
    run: int,
    _labels: dict[str, Any],
    _labelling: LabelingRun,
    _store: Store,
) -> TeacherLabels:
    return curation.recorded_labels(_store, _labelling, _labels)


def labels_version(store: Store, labeling_run: LabelingRun) -> str:
    """Changes whenever labels come in, or the classes are edited: a key for caches."""
    classes = classes_version(labeling_run.project_classes)
    return f"{store.labeling_runs.version(labeling_run)}-{classes}"


def classes_version(classes: LabelSet | None) -> str:
    """Stands for the classes of a project as they are called now: a key for caches."""
    return "" if classes is None else f"{zlib.crc32(classes.model_dump_json().encode()):08x}"


def calibration_key(
    store: Store, labeling_run: LabelingRun, calibration: Calibration | None = None
) -> str:
    """What a pass's calibration depends on beside the scores: a key for caches.

    A fit is the one kept with the pass; without one it follows what people decide. Refined labels
    depend on the embeddings in use and on the searches that are kept.
    """
    applied = calibration or labeling_run.calibration
    base, _ = signals.split_calibration(applied)
    fit: Any = None
    if signals.needs_fit(applied):
        fits = labeling_run.fits or {}
        fit = {name: fits.get(name) for name in (base, signals.fit_name(applied))}
        if None in fit.values():
            fit["people"] = store.decisions.version(labeling_run.project_id)
    key = f"{applied} {labeling_run.content_free is not None} {json.dumps(fit, sort_keys=True)}"
    if signals.is_refined(applied):
        newest = store.embeddings.newest(labeling_run.project_id)
        searches = [path.name for path in store.nearest_texts.all(labeling_run.project_id)]
        key += f" {None if newest is None else newest.name} {sorted(searches)}"
    return key


def plane(
    store: Store,
    project: Project,
    *,
    calibration: Calibration | None = None,
    run: Run | None = None,
    epoch: int | None = None,
) -> Plane:
    """The decision plane with people's decisions as they hold now.

    Decisions are put on top of a kept plane, so that a correction does not read it all again.
    Raises UserError before the first teacher label.
    """
    return keyed_plane(store, project, calibration=calibration, run=run, epoch=epoch)[0]


def keyed_plane(
    store: Store,
    project: Project,
    *,
    calibration: Calibration | None = None,
    run: Run | None = None,
    epoch: int | None = None,
) -> tuple[Plane, tuple[Any, ...], str]:
    """:func:`plane`, its :func:`plane_key`, and the version of people's decisions in it."""
    key = plane_key(store, project, calibration=calibration, run=run, epoch=epoch)
    people = store.decisions.version(project.id)
    return _decided(key, people, store, project, calibration, run, epoch), key, people


def plane_key(
    store: Store,
    project: Project,
    *,
    calibration: Calibration | None = None,
    run: Run | None = None,
    epoch: int | None = None,
) -> tuple[Any, ...]:
    """What a plane depends on, people's decisions apart: a key for whatever is made from it."""
    if run is not None:
        labeling_run = store.labeling_runs.get(run.labelling_id)
        calibration = calibration or run.labels["calibration"]
        evidence = f"run-{run.id}-{store.runs.epochs(run)[-1:] if epoch is None else epoch}"
    else:
        labeling_run = curation.active_labeling_run(store, project)
        files = sorted(path.name for path in store.embeddings.all(project.id))
        evidence = f"probe-{files}"
    return (
        home_of(store),
        project.id,
        project.digest,
        labels_version(store, labeling_run),
        calibration_key(store, labeling_run, calibration),
        evidence,
    )


@st.cache_resource(show_spinner="Reading the plane \u2026", max_entries=4)
def _base(
    key: tuple[Any, ...],
    _store: Store,
    _project: Project,
    _calibration: Calibration | None,
    _run: Run | None,
    _epoch: int | None,
) -> Plane:
    return curation.load_plane(_store, _project, calibration=_calibration, run=_run, epoch=_epoch)


@st.cache_resource(show_spinner=False, max_entries=8)
def _decided(
    key: tuple[Any, ...],
    people: str,
    _store: Store,
    _project: Project,
    _calibration: Calibration | None,
    _run: Run | None,
    _epoch: int | None,
) -> Plane:
    base = _base(key, _store, _project, _calibration, _run, _epoch)
    return curation.with_decisions(base, _store.decisions.current(_project.id))


def home_of(store: Store) -> str:
    """The store's home: a part of every key."""
    return str(store.home.root)


def split_places(store: Store, project: Project, seed: int) -> np.ndarray:
    """Where each text of the project stands in the draw of a validation split, in row order."""
    home = home_of(store)
    return np.asarray(_split_places(home, project.id, project.digest, seed, store, project))


@st.cache_resource(show_spinner="Drawing the validation split \u2026", max_entries=4)
def _split_places(
    home: str, project_id: int, digest: str, seed: int, _store: Store, _project: Project
) -> np.ndarray:
    return exporting.places(_store.projects.texts(_project, ["text"])["text"], seed)
