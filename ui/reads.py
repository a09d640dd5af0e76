"""Reads of the store that are kept between page runs.

Everything here is keyed on what it depends on (home, project, version), shared by all sessions
and therefore never changed by a page: copy before altering.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation
from llkd.config import Calibration
from llkd.curation import Plane, TeacherLabels
from llkd.evaluation import teacher_report
from llkd.store import Home, Labelling, Project, Run, Store


def store() -> Store:
    """The store of LLKD_HOME. Raises StoreError where it cannot be used."""
    return _store(str(Home().root), os.environ.get("LLKD_DATABASE_URL"))


@st.cache_resource(show_spinner=False, max_entries=8)
def _store(home: str, _database: str | None) -> Store:
    return Store(home)


def texts(store: Store, project: Project, columns: list[str] | None = None) -> pd.DataFrame:
    """The project's texts in row order (row, id, text, gold, split, or only ``columns``)."""
    return _texts(_home(store), project.id, project.digest, tuple(columns or ()), store)


@st.cache_resource(show_spinner="Reading the texts \u2026", max_entries=8)
def _texts(
    home: str, project_id: int, digest: str, columns: tuple[str, ...], _store: Store
) -> pd.DataFrame:
    return _store.projects.texts(project_id, list(columns) or None)


def labelled_rows(store: Store, labelling: Labelling) -> int:
    """How many rows this teacher pass holds by now."""
    version = store.labellings.version(labelling)
    return _labelled_rows(_home(store), version, labelling, store)


@st.cache_resource(show_spinner=False, max_entries=64)
def _labelled_rows(home: str, version: str, _labelling: Labelling, _store: Store) -> int:
    return len(_store.labellings.done(_labelling))


def teacher_labels(
    store: Store, labelling: Labelling, calibration: Calibration | None = None
) -> TeacherLabels:
    """Labels and confidence derived from the stored scores (the pass's calibration by default)."""
    return _teacher_labels(
        _home(store),
        store.labellings.version(labelling),
        calibration or labelling.calibration,
        labelling.content_free is not None,
        labelling,
        store,
    )


@st.cache_resource(show_spinner="Deriving the labels \u2026", max_entries=4)
def _teacher_labels(
    home: str,
    version: str,
    calibration: Calibration,
    content_free: bool,
    _labelling: Labelling,
    _store: Store,
) -> TeacherLabels:
    return curation.teacher_labels(_store, _labelling, calibration)


@dataclass(frozen=True)
class Quality:
    """Where a teacher pass can be judged: ``rows`` positions with gold, held-out ones if any."""

    report: dict[str, Any]
    confidence: np.ndarray
    correct: np.ndarray
    held_out: bool


def teacher_quality(
    store: Store, project: Project, labelling: Labelling, calibration: Calibration | None = None
) -> Quality | None:
    """How good the labels are, on the held-out texts where there are any, else on all with gold.

    None where no labelled text has gold.
    """
    return _teacher_quality(
        _home(store),
        project.digest,
        store.labellings.version(labelling),
        calibration or labelling.calibration,
        store,
        project,
        labelling,
    )


@st.cache_resource(show_spinner=False, max_entries=12)
def _teacher_quality(
    home: str,
    digest: str,
    version: str,
    calibration: Calibration,
    _store: Store,
    _project: Project,
    _labelling: Labelling,
) -> Quality | None:
    labels = teacher_labels(_store, _labelling, calibration)
    names = _labelling.label_set.names
    frame = texts(_store, _project, ["gold", "split"])
    gold = curation.gold_indices(frame, names)[labels.row]
    held_out = (frame["split"] == "eval").to_numpy()[labels.row] & (gold >= 0)
    chosen = held_out if held_out.any() else gold >= 0
    if not chosen.any():
        return None
    label, sure = labels.label[chosen], labels.confidence[chosen]
    report = teacher_report(labels.probabilities[chosen], label, sure, gold[chosen], names)
    answered = label >= 0
    correct = (label == gold[chosen])[answered]
    return Quality(report, sure[answered], correct, bool(held_out.any()))


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
    key = plane_key(store, project, calibration=calibration, run=run, epoch=epoch)
    people = store.people.version(project.id)
    return _decided(key, people, store, project, calibration, run, epoch)


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
        labelling = store.labellings.get(run.labelling_id)
        calibration = calibration or run.labels["calibration"]
        signals = f"run-{run.id}-{store.runs.epochs(run)[-1:] if epoch is None else epoch}"
    else:
        labelling = curation.current_labelling(store, project)
        folder = store.runs.embeddings_file(project.id, "x").parent
        files = sorted(p.name for p in folder.glob("*.safetensors")) if folder.exists() else []
        signals = f"probe-{files}"
    return (
        _home(store),
        project.id,
        project.digest,
        store.labellings.version(labelling),
        calibration or labelling.calibration,
        labelling.content_free is not None,
        signals,
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
    return curation.with_decisions(base, _store.people.decisions(_project.id))


def _home(store: Store) -> str:
    return str(store.home.root)
