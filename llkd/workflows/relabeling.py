"""Only the texts that a change of the classes could touch are asked about again.

What the teacher says of them goes into a pass of its own, and with the labels of all other texts as
they are into a further one, which is then in use: a pass like any other, whose scores are the
log-probabilities of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from llkd import curation
from llkd.config import (
    ON_THIS_MACHINE,
    Calibration,
    ExecutorConfig,
    Label,
    LabelSet,
    Spending,
    TeacherConfig,
)
from llkd.errors import UserError
from llkd.jobs.progress import Progress
from llkd.selection.signals import Ints
from llkd.store import LabelingRun, Project, Scores, Store
from llkd.teachers.base import Teacher
from llkd.teachers.registry import display_name, kind_of, member_config, run_number
from llkd.workflows import labeling
from llkd.workflows.updated_labels import (
    log_probabilities,
    pooled_answers,
    rows_of,
    updated_run,
)

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
    executor: ExecutorConfig = ON_THIS_MACHINE,
) -> dict[str, Any]:
    """Ask a teacher about the texts that the class under the key ``about`` could touch.

    Of a class that was added those that label similarity finds likely (:func:`touched_rows`), of
    one that was split its texts. All other labels stay as they are. The teacher's answers are under
    ``calibration``, by default the usual one of its kind; of ``batch`` the mean is that of some
    texts at random, which are asked about as well. ``teacher`` and ``similarity`` may be handed in.

    A committee asks each member, and pools what they say of these texts.

    Raises UserError before the first label, for a class that is not there and where no text is
    likely.
    """
    base = _base(store, project, job)
    job.begin_part(0, 1 + len(_members(store, config)), "Likely texts")
    rows = touched_rows(store, project, about, job, teacher=similarity)
    if not len(rows):
        raise UserError(
            f"No text looks as if it could be of {_name(project, about)!r}, so nothing was asked. "
            "Describe the class in a few words on the Data page, or label some of its texts on "
            "Curate."
        )
    result = _put_together(
        store, project, config, base, rows, job, 1,
        calibration=calibration, teacher=teacher, spending=spending, batch=batch,
        executor=executor,
    )  # fmt: skip
    return {**result, "about": _name(project, about), "touched": len(rows)}


def unlabelled_rows(store: Store, project: Project, config: TeacherConfig) -> Ints:
    """Rows that came after a relabelling which is in use, where this teacher made it; else none.

    To label on with that teacher is to ask about these, and not about all texts anew.
    """
    nothing = np.empty(0, dtype=np.int64)
    in_use = store.labeling_runs.in_use(project.id, project.labelling_id)
    if in_use is None or "updated" not in in_use.teacher or in_use.config != config:
        return nothing
    label_set = curation.label_set_of(project)
    if in_use.label_set.prompt_document() != label_set.prompt_document():
        return nothing
    rows = curation.random_order(project.rows)
    return rows[~np.isin(rows, store.labeling_runs.done(in_use))].astype(np.int64)


def label_rest(
    store: Store,
    project: Project,
    config: TeacherConfig,
    job: Progress,
    *,
    calibration: Calibration | None = None,
    teacher: Teacher | None = None,
    spending: Spending | None = None,
    batch: bool = False,
    executor: ExecutorConfig = ON_THIS_MACHINE,
) -> dict[str, Any]:
    """Ask about :func:`unlabelled_rows` alone, and put them to the labels in use."""
    base = curation.active_labeling_run(store, project)
    rows = unlabelled_rows(store, project, config)
    return _put_together(
        store, project, config, base, rows, job, 0,
        calibration=calibration, teacher=teacher, spending=spending, batch=batch,
        executor=executor,
    )  # fmt: skip


def _put_together(
    store: Store,
    project: Project,
    config: TeacherConfig,
    base: LabelingRun,
    rows: Ints,
    job: Progress,
    parts_done: int,
    *,
    calibration: Calibration | None,
    teacher: Teacher | None,
    spending: Spending | None,
    batch: bool,
    executor: ExecutorConfig,
) -> dict[str, Any]:
    """Ask about these rows, and put the answers beside the labels of ``base``, into use."""
    members = _members(store, config)
    results, answers, prints = [], [], []
    for place, member in enumerate(members, start=parts_done):
        job.begin_part(place, parts_done + len(members), display_name(member))
        results.append(
            labeling.label(
                store,
                project,
                member,
                job,
                teacher=teacher,
                spending=spending,
                batch=batch,
                executor=executor,
                in_use=False,
                rows=asked_rows(project, member, rows, calibration),
            )
        )
        again = store.labeling_runs.get(int(job.facts["labelling_id"]))
        answers.append(_answers(store, project, again, rows, calibration))
        prints.append(again.fingerprint)
    together = answers[0] if len(answers) == 1 else pooled_answers(answers)
    description = again.teacher if len(members) == 1 else {"kind": "committee"}
    labeling_run = updated_run(store, project, base, config, together, description, prints)
    store.projects.use_labelling(project.id, labeling_run.id)
    job.remember(labelling_id=labeling_run.id)
    return {
        **results[-1],
        **labeling.teacher_document(store, project, labeling_run),
        **_usage(results),
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


def asked_rows(
    project: Project, config: TeacherConfig, rows: Ints, calibration: Calibration | None = None
) -> Ints:
    """The rows that are asked about: those that calibrate, then the touched ones."""
    sample = curation.calibrating_rows(project, calibration or kind_of(config).calibration)
    return np.concatenate([sample, rows[~np.isin(rows, sample)]])


def _members(store: Store, config: TeacherConfig) -> list[TeacherConfig]:
    """Who is asked: the teacher, or of a committee every member."""
    if not kind_of(config).pools:
        return [config]
    numbers = [(run_number(name), name) for name in config.members]
    return [
        member_config(config, name) if number is None else store.labeling_runs.get(number).config
        for number, name in numbers
    ]


def _answers(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    rows: Ints,
    calibration: Calibration | None,
) -> Scores:
    """What a pass says of these rows, as log-probabilities; only of those that it answered."""
    bias = None
    if len(store.labeling_runs.done(labeling_run)) >= project.rows:
        calibration = calibration or labeling_run.calibration  # the mean is that of all texts
    else:
        calibration = calibration or kind_of(labeling_run.config).calibration
        sample = curation.calibrating_rows(project, calibration)
        if len(sample):
            evidence = store.labeling_runs.scores(labeling_run)
            bias = curation.batch_bias(evidence, sample).tolist()
    labels = curation.teacher_labels(store, labeling_run, calibration, bias)
    scores = log_probabilities(labels, curation.label_set_of(project))
    answered = np.isin(scores.row, rows) & (
        (scores.answer >= 0) | np.isfinite(scores.scores).all(axis=1)
    )
    return rows_of(scores, answered)


def _usage(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was asked and spent, all members together."""
    money = [result["money"] for result in results if result.get("money") is not None]
    stopped = next((result for result in results if result.get("stopped")), results[-1])
    return {
        **{name: sum(result[name] for result in results) for name in ("asked", "cached")},
        "calls": sum(result.get("calls") or 0 for result in results),
        "money": sum(money) if money else None,
        "stopped": stopped.get("stopped"),
        "stopped_because": stopped.get("stopped_because"),
        "notices": list(dict.fromkeys(line for each in results for line in each["notices"])),
    }


def _base(store: Store, project: Project, job: Progress) -> LabelingRun:
    """The pass whose labels stay, also where an earlier attempt has put its own in use."""
    number = job.facts.get("relabelled_from")
    if number is None:
        number = curation.active_labeling_run(store, project).id
        job.remember(relabelled_from=number)
    return store.labeling_runs.get(int(cast(int, number)))


def _label(label_set: LabelSet, key: str) -> Label:
    place = label_set.places.get(key)
    if place is None:
        raise UserError(f"There is no class {key!r}. The classes are {', '.join(label_set.names)}.")
    return label_set.labels[place]


def _name(project: Project, key: str) -> str:
    label_set = curation.label_set_of(project)
    split: dict[str, str] = {old.identity: old.name for old in label_set.split_classes}
    return split.get(key) or _label(label_set, key).name
