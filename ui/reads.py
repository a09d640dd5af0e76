"""Reads of the store that are kept between page runs.

Everything here is keyed on what it depends on (home, project, version), shared by all sessions
and therefore never changed by a page: copy before altering.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation, exporting, signals
from llkd.config import Calibration, LabelSet
from llkd.curation import Judged, Plane, TeacherLabels
from llkd.curation.judging import development_rows
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


def gold_names(project: Project, gold: pd.Series) -> pd.Series:
    """Gold as the project calls its classes now; what is of no class stays as it came."""
    if project.label_set is None:
        return gold
    names = project.label_set.names
    now = {key: names[k] for key, k in project.label_set.places.items()}
    return gold.map(now).where(gold.isin(list(now)), gold)


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
        labels_version(store, labelling),
        calibration_key(store, labelling, calibration),
        calibration or labelling.calibration,
        labelling,
        store,
    )


@st.cache_resource(show_spinner="Deriving the labels \u2026", max_entries=4)
def _teacher_labels(
    home: str,
    version: str,
    derived: str,
    _calibration: Calibration,
    _labelling: Labelling,
    _store: Store,
) -> TeacherLabels:
    return curation.teacher_labels(_store, _labelling, _calibration)


def run_teacher_labels(store: Store, run: Run) -> TeacherLabels:
    """The teacher's labels as a run got them: under the bias and temperature that it kept."""
    labelling, kept = store.labellings.get(run.labelling_id), run.labels
    if kept["calibration"] != signals.FITTED:
        return teacher_labels(store, labelling, kept["calibration"])
    return _run_teacher_labels(
        _home(store), labels_version(store, labelling), run.id, run.labels, labelling, store
    )


@st.cache_resource(show_spinner="Deriving the labels \u2026", max_entries=4)
def _run_teacher_labels(
    home: str,
    version: str,
    run: int,
    _kept: dict[str, Any],
    _labelling: Labelling,
    _store: Store,
) -> TeacherLabels:
    return curation.teacher_labels(
        _store, _labelling, _kept["calibration"], _kept.get("bias"), _kept.get("temperature")
    )


def labels_version(store: Store, labelling: Labelling) -> str:
    """Changes whenever labels come in, or the classes are edited: a key for caches."""
    return f"{store.labellings.version(labelling)}-{classes_version(labelling.project_classes)}"


def classes_version(classes: LabelSet | None) -> str:
    """Stands for the classes of a project as they are called now: a key for caches."""
    return "" if classes is None else f"{zlib.crc32(classes.model_dump_json().encode()):08x}"


def calibration_key(
    store: Store, labelling: Labelling, calibration: Calibration | None = None
) -> str:
    """What a pass's calibration depends on beside the scores: a key for caches.

    A fit is the one kept with the pass; without one it follows what people decide.
    """
    chosen = calibration or labelling.calibration
    base, _ = signals.split_calibration(chosen)
    fit: Any = None
    if signals.needs_fit(chosen):
        fit = (labelling.fits or {}).get(base) or store.people.version(labelling.project_id)
    return f"{chosen} {labelling.content_free is not None} {json.dumps(fit, sort_keys=True)}"


def fit_on(
    store: Store, project: Project, labelling: Labelling, base: str = "none"
) -> tuple[int, str, bool] | None:
    """What the fit on top of ``base`` would rest on now: how many rows, whose classes, held out.

    None where there are too few.
    """
    least = signals.WEIGHT_ROWS if base == signals.FITTED else signals.FIT_ROWS
    return next((one for one in known_texts(store, project, labelling) if one[0] >= least), None)


def known_texts(
    store: Store, project: Project, labelling: Labelling
) -> list[tuple[int, str, bool]]:
    """The kinds of texts that may be fitted on: how many were scored, whose classes, held out."""
    return _known_texts(*_judging(store, project, labelling), store, project, labelling)


@st.cache_resource(show_spinner=False, max_entries=8)
def _known_texts(
    home: str,
    digest: str,
    version: str,
    people: str,
    _store: Store,
    _project: Project,
    _labelling: Labelling,
) -> list[tuple[int, str, bool]]:
    labels = teacher_labels(_store, _labelling, "none")
    scored = labels.row[np.isfinite(labels.probabilities).all(axis=1)]
    return [
        (int(np.isin(known.rows, scored).sum()), known.source, known.held_out)
        for known in development_rows(_store, _project, _labelling)
    ]


def batch_share_shift(store: Store, labelling: Labelling) -> float | None:
    """:func:`llkd.curation.batch_share_shift` of a pass, kept until it grows."""
    return _batch_share_shift(_home(store), store.labellings.version(labelling), labelling, store)


@st.cache_resource(show_spinner=False, max_entries=8)
def _batch_share_shift(
    home: str, version: str, _labelling: Labelling, _store: Store
) -> float | None:
    evidence = _store.labellings.scores(_labelling)
    bias = curation.bias_of(_store, _labelling, evidence, "batch")
    return curation.batch_share_shift(evidence, bias)


def unanswered(store: Store, labelling: Labelling) -> pd.DataFrame:
    """Texts that were asked about and got no usable answer: ``raw`` (a text), by row."""
    return _unanswered(_home(store), store.labellings.version(labelling), labelling, store)


@st.cache_resource(show_spinner=False, max_entries=8)
def _unanswered(home: str, version: str, _labelling: Labelling, _store: Store) -> pd.DataFrame:
    said = _store.labellings.scores(_labelling)
    without = (said.answer < 0) & np.isnan(said.scores).any(axis=1)
    raw = pd.Series(said.raw[without], index=said.row[without], dtype=object)
    return pd.DataFrame({"raw": raw.where(raw.notna(), "").astype(str)})


@dataclass(frozen=True)
class Quality:
    """How good a pass is on the judged texts: figures, and each label's confidence and verdict.

    ``source``: whose classes it is judged by, ``gold`` or ``human``. ``cross_fitted``: whether each
    text was answered by a calibration fitted to others of them.
    """

    report: dict[str, Any]
    confidence: np.ndarray
    correct: np.ndarray
    source: str
    held_out: bool
    cross_fitted: bool = False


def judged(store: Store, project: Project, labelling: Labelling) -> Judged | None:
    """The texts a pass is judged on: held-out gold, else gold, else labels of people.

    None where no labelled text is known.
    """
    return _judged(*_judging(store, project, labelling), store, project, labelling)


def _judging(store: Store, project: Project, labelling: Labelling) -> tuple[str, str, str, str]:
    version = labels_version(store, labelling)
    return _home(store), project.digest, version, store.people.version(project.id)


@st.cache_resource(show_spinner=False, max_entries=8)
def _judged(
    home: str,
    digest: str,
    version: str,
    people: str,
    _store: Store,
    _project: Project,
    _labelling: Labelling,
) -> Judged | None:
    known = curation.judged_rows(_store, _project, _labelling)
    return known if len(known.rows) else None


def teacher_quality(
    store: Store, project: Project, labelling: Labelling, calibration: Calibration | None = None
) -> Quality | None:
    """How good the labels are on the texts of :func:`judged`; None where there is none."""
    return _teacher_quality(
        *_judging(store, project, labelling),
        calibration_key(store, labelling, calibration),
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
    people: str,
    derived: str,
    _calibration: Calibration,
    _store: Store,
    _project: Project,
    _labelling: Labelling,
) -> Quality | None:
    known = judged(_store, _project, _labelling)
    if known is None:
        return None
    labels = teacher_labels(_store, _labelling, _calibration)
    answers = curation.judged_answers(_store, _project, labels, known)
    label, sure, gold = answers.label, answers.confidence, answers.gold
    names = _labelling.classes.names
    report = teacher_report(answers.probabilities, label, sure, gold, names)
    answered = label >= 0
    sure, correct = sure[answered], (label == gold)[answered]
    crossed = answers.cross_fitted
    return Quality(report, sure, correct, known.source, known.held_out, crossed)


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
    people = store.people.version(project.id)
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
        labelling = store.labellings.get(run.labelling_id)
        calibration = calibration or run.labels["calibration"]
        evidence = f"run-{run.id}-{store.runs.epochs(run)[-1:] if epoch is None else epoch}"
    else:
        labelling = curation.current_labelling(store, project)
        folder = store.runs.embeddings_file(project.id, "x").parent
        files = sorted(p.name for p in folder.glob("*.safetensors")) if folder.exists() else []
        evidence = f"probe-{files}"
    return (
        _home(store),
        project.id,
        project.digest,
        labels_version(store, labelling),
        calibration_key(store, labelling, calibration),
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
    return curation.with_decisions(base, _store.people.decisions(_project.id))


def _home(store: Store) -> str:
    return str(store.home.root)


def split_places(store: Store, project: Project, seed: int) -> np.ndarray:
    """Where each text of the project stands in the draw of a validation split, in row order."""
    return np.asarray(_split_places(_home(store), project.id, project.digest, seed, store))


@st.cache_resource(show_spinner="Drawing the validation split \u2026", max_entries=4)
def _split_places(home: str, project_id: int, digest: str, seed: int, _store: Store) -> np.ndarray:
    return exporting.places(_store.projects.texts(project_id, ["text"])["text"], seed)
