"""Only the texts that a change of the classes could touch are asked about again.

What the teacher says of them goes into a pass of its own, and with the labels of all other texts as
they are into a further one, which is then in use: a pass like any other, whose scores are the
log-probabilities of both.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

import numpy as np

from llkd import curation
from llkd.config import Calibration, Label, LabelSet, Spending, TeacherConfig
from llkd.errors import UserError
from llkd.jobs.progress import Progress
from llkd.labeling.run_identity import run_fingerprint
from llkd.selection import pooling
from llkd.selection.signals import Ints
from llkd.store import LabelingRun, Project, Scores, Store
from llkd.teachers.base import Teacher
from llkd.teachers.registry import display_name, kind_of
from llkd.workflows import labeling

SIMILARITY = TeacherConfig(teacher="similarity")


def relabel(
    store: Store,
    project: Project,
    config: TeacherConfig,
    about: str,
    job: Progress,
    *,
    calibration: Calibration | None = None,
    teacher: Teacher | None = None,
    similarity: Teacher | None = None,
    spending: Spending | None = None,
    batch: bool = False,
) -> dict[str, Any]:
    """Ask a teacher about the texts that the class under the key ``about`` could touch.

    Of a class that was added those that label similarity finds likely (:func:`touched_rows`), of
    one that was split its texts. All other labels stay as they are. The teacher's answers are under
    ``calibration``; None: contextual where it scored texts without content, else none, for the mean
    of a choice of texts is no bias. ``teacher`` and ``similarity`` may be handed in.

    Raises UserError before the first label, for a class that is not there, where no text is likely,
    and for a committee.
    """
    if kind_of(config).pools:
        raise UserError(
            "A committee asks nobody itself. Ask one of its members about these texts, or start "
            "the committee again."
        )
    base = _base(store, project, job)
    job.begin_part(0, 2, "Likely texts")
    rows = touched_rows(store, project, about, job, teacher=similarity)
    if not len(rows):
        raise UserError(
            f"No text looks as if it could be of {_name(project, about)!r}, so nothing was asked. "
            "Describe the class in a few words on the Data page, or label some of its texts on "
            "Curate."
        )
    job.begin_part(1, 2, display_name(config))
    result = labeling.label(
        store,
        project,
        config,
        job,
        teacher=teacher,
        spending=spending,
        batch=batch,
        in_use=False,
        rows=rows,
    )
    again = store.labeling_runs.get(int(job.facts["labelling_id"]))
    labeling_run = updated_run(store, project, base, again, rows, calibration)
    store.projects.use_labelling(project.id, labeling_run.id)
    job.remember(labelling_id=labeling_run.id)
    facts = ("asked", "cached", "calls", "money", "stopped", "stopped_because", "notices")
    return {
        **result,
        **labeling.teacher_document(store, project, labeling_run),
        **{name: result[name] for name in facts if name in result},
        "about": _name(project, about),
        "touched": len(rows),
    }


def touched_rows(
    store: Store,
    project: Project,
    about: str,
    job: Progress,
    *,
    teacher: Teacher | None = None,
) -> Ints:
    """The rows that a class could touch, the likeliest first; what people labelled is left alone.

    Label similarity is asked about the class where it was not yet, beside the labels in use.
    """
    label_set = curation.label_set_of(project)
    for entry in curation.split_texts(store, project):
        if about in (entry.label.identity, *entry.label.also):
            return entry.rows
    label = _label(label_set, about)
    likely = curation.likely_texts(store, project, label)
    if likely is None:
        labeling.label(store, project, SIMILARITY, job, teacher=teacher, in_use=False)
        likely = curation.likely_texts(store, project, label)
    if likely is None:
        return np.empty(0, dtype=np.int64)
    decisions = store.decisions.current(project.id)
    of_people = decisions.index[decisions["human_label"].notna()].to_numpy(dtype=np.int64)
    return likely.rows[~np.isin(likely.rows, of_people)]


def updated_run(
    store: Store,
    project: Project,
    base: LabelingRun,
    again: LabelingRun,
    rows: Ints,
    calibration: Calibration | None = None,
) -> LabelingRun:
    """The pass with the labels of ``base``, and those of ``again`` for the ``rows`` it answered."""
    label_set = curation.label_set_of(project)
    if calibration is None:
        calibration = "none" if again.content_free is None else "contextual"
    first = _in_order(curation.teacher_labels(store, base), label_set)
    second = _in_order(curation.teacher_labels(store, again, calibration), label_set)
    answered = np.isin(second.row, rows) & (
        (second.answer >= 0) | np.isfinite(second.scores).all(axis=1)
    )
    kept_rows = ~np.isin(first.row, second.row[answered])
    names = ("row", "scores", "answer", "source", "raw")
    parts = [
        np.concatenate([getattr(first, name)[kept_rows], getattr(second, name)[answered]])
        for name in names
    ]
    order = np.argsort(parts[0], kind="stable")
    scores = Scores(*(part[order] for part in parts))
    description = {
        **again.teacher,
        "updated": {
            "base": base.fingerprint,
            "again": again.fingerprint,
            "texts": int(answered.sum()),
            "calibration": calibration,
            "scores_sha256": _digest(scores),
        },
    }
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=label_set,
        config=again.config,
        fingerprint=run_fingerprint(description, label_set),
        teacher=description,
        calibration="none",
    )
    with store.labeling_runs.exclusive(labeling_run, lambda: None):
        if len(store.labeling_runs.done(labeling_run)) < len(scores.row):
            store.labeling_runs.append(labeling_run, scores)
            store.labeling_runs.compact(labeling_run)
    return labeling_run


def _base(store: Store, project: Project, job: Progress) -> LabelingRun:
    """The pass whose labels stay, also where an earlier attempt has put its own in use."""
    number = job.facts.get("relabelled_from")
    if number is None:
        number = curation.active_labeling_run(store, project).id
        job.remember(relabelled_from=number)
    return store.labeling_runs.get(int(cast(int, number)))


def _in_order(labels: curation.TeacherLabels, label_set: LabelSet) -> Scores:
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
    )


def _digest(scores: Scores) -> str:
    total = hashlib.sha256(scores.row.astype("<i8").tobytes())
    total.update(np.nan_to_num(scores.scores, nan=-1e30).astype("<f4").tobytes())
    total.update(scores.answer.astype("<i8").tobytes())
    return total.hexdigest()


def _label(label_set: LabelSet, key: str) -> Label:
    place = label_set.places.get(key)
    if place is None:
        raise UserError(f"There is no class {key!r}. The classes are {', '.join(label_set.names)}.")
    return label_set.labels[place]


def _name(project: Project, key: str) -> str:
    label_set = curation.label_set_of(project)
    split: dict[str, str] = {old.identity: old.name for old in label_set.split_classes}
    return split.get(key) or _label(label_set, key).name
