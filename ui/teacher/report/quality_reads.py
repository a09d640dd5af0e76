"""What the Teacher page reads of a labeling run, kept between page runs as ``ui.shell.reads``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from llkd import curation
from llkd.config import Calibration
from llkd.curation import EvaluationRows
from llkd.curation.evaluation_rows import development_rows
from llkd.evaluation import teacher_answers
from llkd.evaluation.quality_report import QualityReport, teacher_report
from llkd.selection import signals
from llkd.store import LabelingRun, Project, Store
from ui.shell import reads


def fit_on(
    store: Store, project: Project, labeling_run: LabelingRun, base: str = "none"
) -> tuple[int, str, bool] | None:
    """What the fit on top of ``base`` would rest on now: how many rows, whose classes, held out.

    None where there are too few.
    """
    least = signals.WEIGHT_ROWS if base == signals.FITTED else signals.FIT_ROWS
    return next((fit for fit in known_texts(store, project, labeling_run) if fit[0] >= least), None)


def known_texts(
    store: Store, project: Project, labeling_run: LabelingRun
) -> list[tuple[int, str, bool]]:
    """The kinds of texts that may be fitted on: how many were scored, whose classes, held out."""
    return _known_texts(*_judging(store, project, labeling_run), store, project, labeling_run)


@st.cache_resource(show_spinner=False, max_entries=8)
def _known_texts(
    home: str,
    digest: str,
    version: str,
    people: str,
    _store: Store,
    _project: Project,
    _labelling: LabelingRun,
) -> list[tuple[int, str, bool]]:
    labels = reads.teacher_labels(_store, _labelling, "none")
    scored = labels.row[np.isfinite(labels.probabilities).all(axis=1)]
    return [
        (int(np.isin(known.rows, scored).sum()), known.source, known.held_out)
        for known in development_rows(_store, _project, _labelling)
    ]


def batch_share_shift(store: Store, labeling_run: LabelingRun) -> float | None:
    """:func:`llkd.curation.batch_share_shift` of a pass, kept until it grows."""
    return _batch_share_shift(
        reads.home_of(store), store.labeling_runs.version(labeling_run), labeling_run, store
    )


@st.cache_resource(show_spinner=False, max_entries=8)
def _batch_share_shift(
    home: str, version: str, _labelling: LabelingRun, _store: Store
) -> float | None:
    evidence = _store.labeling_runs.scores(_labelling)
    bias = curation.bias_of(_store, _labelling, evidence, "batch")
    return curation.batch_share_shift(evidence, bias)


def unanswered(store: Store, labeling_run: LabelingRun) -> pd.DataFrame:
    """Texts that were asked about and got no usable answer: ``raw`` (a text), by row."""
    return _unanswered(
        reads.home_of(store), store.labeling_runs.version(labeling_run), labeling_run, store
    )


@st.cache_resource(show_spinner=False, max_entries=8)
def _unanswered(home: str, version: str, _labelling: LabelingRun, _store: Store) -> pd.DataFrame:
    scores = _store.labeling_runs.scores(_labelling)
    without = (scores.answer < 0) & np.isnan(scores.scores).any(axis=1)
    raw = pd.Series(scores.raw[without], index=scores.row[without], dtype=object)
    return pd.DataFrame({"raw": raw.where(raw.notna(), "").astype(str)})


@dataclass(frozen=True)
class Quality:
    """How good a pass is on the judged texts: figures, and each label's confidence and verdict.

    ``source``: whose classes it is judged by, ``gold`` or ``human``. ``cross_fitted``: whether each
    text was answered by a calibration fitted to others of them.
    """

    report: QualityReport
    confidence: np.ndarray
    correct: np.ndarray
    source: str
    held_out: bool
    cross_fitted: bool = False


def judged(store: Store, project: Project, labeling_run: LabelingRun) -> EvaluationRows | None:
    """The texts a pass is judged on: held-out gold, else gold, else labels of people.

    None where no labelled text is known.
    """
    return _judged(*_judging(store, project, labeling_run), store, project, labeling_run)


def _judging(
    store: Store, project: Project, labeling_run: LabelingRun
) -> tuple[str, str, str, str]:
    version = reads.labels_version(store, labeling_run)
    return reads.home_of(store), project.digest, version, store.decisions.version(project.id)


@st.cache_resource(show_spinner=False, max_entries=8)
def _judged(
    home: str,
    digest: str,
    version: str,
    people: str,
    _store: Store,
    _project: Project,
    _labelling: LabelingRun,
) -> EvaluationRows | None:
    known = curation.rows_to_evaluate(_store, _project, _labelling)
    return known if len(known.rows) else None


def teacher_quality(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    calibration: Calibration | None = None,
) -> Quality | None:
    """How good the labels are on the texts of :func:`judged`; None where there is none."""
    return _teacher_quality(
        *_judging(store, project, labeling_run),
        reads.calibration_key(store, labeling_run, calibration),
        calibration or labeling_run.calibration,
        store,
        project,
        labeling_run,
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
    _labelling: LabelingRun,
) -> Quality | None:
    known = judged(_store, _project, _labelling)
    if known is None:
        return None
    labels = reads.teacher_labels(_store, _labelling, _calibration)
    answers = teacher_answers.judged_answers(_store, _project, labels, known)
    label, sure, gold = answers.label, answers.confidence, answers.gold
    names = _labelling.classes.names
    report = teacher_report(answers.probabilities, label, sure, gold, names)
    answered = label >= 0
    sure, correct = sure[answered], (label == gold)[answered]
    crossed = answers.cross_fitted
    return Quality(report, sure, correct, known.source, known.held_out, crossed)
