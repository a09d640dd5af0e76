"""Texts that a class which came later could be about, by label similarity: to read, or ask again.

A teacher that labelled before was not asked about such a class. To ask about every text again costs
what the first time cost; the encoder, which costs nothing, says where it is worth a question.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llkd.config import Label
from llkd.curation.labels import TeacherLabels, teacher_labels
from llkd.curation.random_order import random_order
from llkd.selection import signals
from llkd.selection.signals import Ints
from llkd.store import LabelingRun, Project, Store
from llkd.teachers.registry import split

SIMILARITY = "similarity"
RANKS = 2
"""A text could be of a class that is among the so many nearest to it."""
LEAST_ODDS = 0.1
"""And at least so likely, beside the nearest."""


CALIBRATING = 100
"""So many texts at random are asked about as well, where the calibration takes a mean."""


@dataclass(frozen=True)
class LikelyTexts:
    """Pool texts ``rows [m]`` that could be of a class, the likeliest first.

    Nobody has labelled them since the class is there, nor excluded them. ``people`` of them carry a
    label that a person gave before.
    """

    label: Label
    rows: Ints
    people: int


def later_classes(project: Project, labeling_run: LabelingRun) -> list[Label]:
    """The project's classes that a pass was not asked about, in whatever words or parts."""
    if project.label_set is None:
        return []
    known = set(labeling_run.label_set.places)
    return [
        label
        for label in project.label_set.labels
        if not known & {label.identity, *label.also} and not _is_part(project, label, known)
    ]


def _is_part(project: Project, label: Label, known: set[str]) -> bool:
    """Whether a class is what one that the pass was asked about was split into."""
    split_classes = [] if project.label_set is None else project.label_set.split_classes
    return any(label.identity in old.parts and old.identity in known for old in split_classes)


def likely_texts(
    store: Store, project: Project, label: Label, labels: TeacherLabels | None = None
) -> LikelyTexts | None:
    """The texts that could be of a class; None before label similarity was asked about it.

    ``labels`` are those of :func:`similarity_run` under ``batch``, derived where they are not
    given.
    """
    labeling_run = similarity_run(store, project, label)
    if labeling_run is None:
        return None
    if labels is None:
        labels = teacher_labels(store, labeling_run, "batch")
    place = labeling_run.classes.places[label.identity]
    own = labels.probabilities[:, place]
    nearer = (labels.probabilities > own[:, None]).sum(axis=1)
    near = np.isfinite(own) & (nearer < RANKS)
    near &= own >= LEAST_ODDS * labels.probabilities.max(axis=1)
    pool = (store.projects.texts(project, ["split"])["split"] == "pool").to_numpy(copy=True)
    decisions = store.decisions.current(project.id)
    since = _moment(store, project, label)
    settled = decisions["excluded"].astype(bool) | (
        decisions["human_key"].notna() & (decisions["created"] >= since)
    )
    pool[decisions.index[settled].to_numpy(dtype=np.int64)] = False
    near &= pool[labels.row]
    order = np.argsort(-own[near], kind="stable")
    rows = labels.row[near][order]
    earlier = decisions.index[decisions["human_key"].notna()].to_numpy(dtype=np.int64)
    return LikelyTexts(label, rows, int(np.isin(rows, earlier).sum()))


def calibrating_rows(project: Project, calibration: str) -> Ints:
    """Rows drawn at random whose mean score is a bias; none for a calibration without a mean.

    The mean over texts that were chosen because they may be of one class is none.
    """
    base, _ = signals.split_calibration(calibration)
    count = CALIBRATING if base == "batch" else 0
    return random_order(project.rows)[:count].astype(np.int64)


def similarity_run(store: Store, project: Project, label: Label) -> LabelingRun | None:
    """The newest pass of label similarity that was asked about a class and is done."""
    for labeling_run in store.labeling_runs.all(project.id):
        if split(labeling_run.config.teacher)[0] != SIMILARITY:
            continue
        if label.identity not in labeling_run.label_set.places:
            continue
        if len(store.labeling_runs.done(labeling_run)) >= project.rows:
            return labeling_run
    return None


def _moment(store: Store, project: Project, label: Label) -> float:
    """When the class came, in seconds since 1970; what people said before is of other classes."""
    moments = [
        change.created
        for change in store.classes.history(project.id)
        if change.after is not None
        and label.identity in change.after.keys
        and (change.before is None or label.identity not in change.before.keys)
    ]
    return moments[-1] if moments else 0.0
