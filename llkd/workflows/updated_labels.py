"""A pass put together: the labels in use, and further answers in place of some of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from llkd import curation
from llkd.config import LabelSet, TeacherConfig
from llkd.labeling.run_identity import run_fingerprint
from llkd.selection import pooling
from llkd.store import LabelingRun, Project, Scores, Store
from llkd.teachers.committee import SOURCE

_COLUMNS = ("row", "scores", "answer", "source", "raw", "disagreement")


def pooled_answers(answers: Sequence[Scores]) -> Scores:
    """What the members of a committee say together, with equal weights."""
    rows = np.unique(np.concatenate([scores.row for scores in answers]))
    logs = []
    for scores in answers:
        spread = np.full((len(rows), scores.scores.shape[1]), np.nan)
        member = pooling.member_logs(np.exp(scores.scores), scores.answer)
        spread[np.searchsorted(rows, scores.row)] = member
        logs.append(spread)
    pooled = pooling.pool(logs, pooling.equal_weights(len(logs)))
    return Scores(
        rows,
        pooled.log_probabilities.astype(np.float32),
        np.full(len(rows), -1),
        np.full(len(rows), SOURCE, dtype=object),
        np.full(len(rows), None, dtype=object),
        pooled.disagreement.astype(np.float32),
    )


def updated_run(
    store: Store,
    project: Project,
    base: LabelingRun,
    config: TeacherConfig,
    answers: Scores,
    description: dict[str, Any],
    prints: Sequence[str],
) -> LabelingRun:
    """The pass with the labels of ``base``, and the ``answers`` for the texts that have one."""
    label_set = curation.label_set_of(project)
    first = log_probabilities(curation.teacher_labels(store, base), label_set)
    scores = _joined(rows_of(first, ~np.isin(first.row, answers.row)), answers)
    description = {
        **description,
        "updated": {
            "base": base.fingerprint,
            "again": list(prints),
            "texts": len(answers.row),
            "scores_sha256": _digest(scores),
        },
    }
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=label_set,
        config=config,
        fingerprint=run_fingerprint(description, label_set),
        teacher=description,
        calibration="none",
    )
    with store.labeling_runs.exclusive(labeling_run, lambda: None):
        if len(store.labeling_runs.done(labeling_run)) < len(scores.row):
            store.labeling_runs.append(labeling_run, scores)
            store.labeling_runs.compact(labeling_run)
    return labeling_run


def rows_of(scores: Scores, mask: np.ndarray) -> Scores:
    """The scores where the mask ``[m]`` is true."""
    return Scores(*(getattr(scores, name)[mask] for name in _COLUMNS))


def _joined(one_part: Scores, other: Scores) -> Scores:
    columns = [np.concatenate([getattr(one_part, name), getattr(other, name)]) for name in _COLUMNS]
    order = np.argsort(columns[0], kind="stable")
    return Scores(*(column[order] for column in columns))


def log_probabilities(labels: curation.TeacherLabels, label_set: LabelSet) -> Scores:
    """Labels as log-probabilities ``[m, C]`` of the project's classes, in their order.

    A label of a class that is none of them is none.
    """
    places = labels.labeling_run.classes.places
    columns = [places[key] for key in label_set.keys]
    index = np.full(len(labels.labeling_run.classes.labels) + 1, -1, dtype=np.int64)
    index[columns] = np.arange(len(columns))
    label = index[labels.label]
    logs = pooling.member_logs(labels.probabilities[:, columns], np.where(label < 0, -1, label))
    named = np.isnan(labels.probabilities).any(axis=1) | (label < 0)
    logs[named] = np.nan
    return Scores(
        labels.row,
        logs.astype(np.float32),
        np.where(named, label, -1),
        labels.source,
        np.full(len(labels.row), None, dtype=object),
        np.full(len(labels.row), np.nan) if labels.disagreement is None else labels.disagreement,
    )


def _digest(scores: Scores) -> str:
    total = hashlib.sha256(scores.row.astype("<i8").tobytes())
    total.update(np.nan_to_num(scores.scores, nan=-1e30).astype("<f4").tobytes())
    total.update(scores.answer.astype("<i8").tobytes())
    return total.hexdigest()
