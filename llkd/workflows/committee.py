"""A committee labels: each member in a pass of its own, then one pass that pools them.

Members keep their own passes, which are seen and can be used while the others still work, and go on
where they stopped. The pool is a pass like any other: its scores are pooled log-probabilities.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from llkd import curation
from llkd.config import (
    ON_THIS_MACHINE,
    Calibration,
    ExecutorConfig,
    LabelSet,
    OrderConfig,
    Spending,
    TeacherConfig,
)
from llkd.embedding.pool import refinable
from llkd.errors import ConfigError
from llkd.jobs.progress import Progress
from llkd.labeling.committee_members import Member, member_of, pool_by_fitted_weights, spread
from llkd.labeling.metering import usage_document
from llkd.labeling.run_identity import run_fingerprint
from llkd.selection import pooling, signals
from llkd.selection.signals import Floats
from llkd.store import LabelingRun, Project, Scores, Store
from llkd.teachers.committee import SOURCE
from llkd.teachers.registry import display_name, kind_of, member_config, run_number
from llkd.workflows import labeling
from llkd.workflows.refinement import refine_by_default


def label_by_committee(
    store: Store,
    project: Project,
    config: TeacherConfig,
    job: Progress,
    *,
    calibration: Calibration | None = None,
    limit: int | None = None,
    spending: Spending | None = None,
    order: OrderConfig | None = None,
    ask_again: bool = False,
    executor: ExecutorConfig = ON_THIS_MACHINE,
) -> dict[str, Any]:
    """Label by every member that is no pass yet, or is not finished, then pool their labels.

    ``spending`` bounds what each member's pass may cost. Member passes keep the calibration they
    have; ``calibration`` is that of the pool, where ``batch`` is ``none``: no bias is left.
    None leaves that of an earlier pool; a new one is refined if ``refine_by_default`` says so.
    The first member with labels is in use where nothing was; the pool, once it is there, takes its
    place unless a person has chosen another pass meanwhile.
    Raises UserError where members have other classes, or what a member raises.
    """
    began = time.monotonic()
    label_set = curation.label_set_of(project)
    if (order or OrderConfig()).order == "need":
        raise ConfigError(
            "A committee asks its members about the same texts, so it labels in random order. To "
            "label by need, label with one member and name the number of its labelling run."
        )
    if ask_again:
        raise ConfigError(
            "A committee asks nobody itself. Ask a member again, then start the committee again."
        )
    pool_calibration = None if calibration is None else calibration_of_pool(calibration)
    before = _in_use_before(store, project, job)
    members, reports = [], []
    for place, name in enumerate(config.members):
        job.begin_part(place, len(config.members), _short_name(config, name))
        number = run_number(name)
        if number is None:
            busy = store.labeling_runs.in_use(project.id, _in_use(store, project)) is not None
            report = labeling.label(
                store,
                project,
                member_config(config, name),
                job,
                calibration=None,
                limit=limit,
                spending=spending,
                in_use=not busy,
                executor=executor,
            )
            reports.append(report)
            number = int(job.facts["labelling_id"])
        members.append(member_of(store, project, label_set, number))
        job.check()
    labeling_run, weights, advice = _pool(
        store, project, config, label_set, members, pool_calibration, job
    )
    # Ready before anybody sees the labels: they would move a second time.
    refinable(store, project, labeling_run, labeling_run.calibration, job)
    job.remember(labelling_id=labeling_run.id)
    notices = [
        *_notices(reports),
        *advice,
        *_take_into_use(store, project, labeling_run, members, before),
    ]
    if notices:
        job.remember(notices=notices)
    result = _document(store, project, labeling_run, reports, began, job)
    done = len(store.labeling_runs.done(labeling_run))
    result.update(
        left=max(0, min(limit or project.rows, project.rows) - done),
        weights=[round(float(weight), 4) for weight in weights],
        members=[
            labeling.teacher_document(store, project, each.labels.labeling_run)
            | {"labeling_run": each.labels.labeling_run.id}
            for each in members
        ],
        notices=notices,
    )
    store.events.record(project.id, "label", result)
    return result


def calibration_of_pool(calibration: Calibration | None) -> Calibration:
    """The calibration of pooled labels: without a bias to take off, as members have none left.

    Raises ConfigError for ``contextual``.
    """
    name: str = calibration or "none"
    base, _ = signals.split_calibration(name)
    if base == "contextual":
        raise ConfigError(
            "A committee's labels have no scores of texts without content: calibrate its members "
            "with contextual, and the committee with none."
        )
    if base == "batch":
        name = name.replace("batch", "none", 1)
    return cast(Calibration, name)


def _short_name(config: TeacherConfig, member: str) -> str:
    number = run_number(member)
    if number is not None:
        return f"Labelling run {number}"
    name = display_name(member_config(config, member))
    return name[:1].upper() + name[1:]


def _in_use(store: Store, project: Project) -> int | None:
    return store.projects.by_id(project.id).labelling_id


def _in_use_before(store: Store, project: Project, job: Progress) -> int | None:
    """The pass in use when the work began, also where it was broken off since."""
    if "in_use_before" not in job.facts:
        job.remember(in_use_before=_in_use(store, project))
    number = job.facts["in_use_before"]
    return None if number is None else int(number)


def _pool(
    store: Store,
    project: Project,
    config: TeacherConfig,
    label_set: LabelSet,
    members: Sequence[Member],
    calibration: Calibration | None,
    job: Progress,
) -> tuple[LabelingRun, Floats, list[str]]:
    """The pass that holds the pool of these members, made or found, and their weights.

    With ``calibration`` None a new pass is refined if the rule says so; what it says where not.
    """
    rows = np.unique(np.concatenate([member.rows for member in members]))
    logs = [spread(member, rows) for member in members]
    weights = pooling.equal_weights(len(members))
    fitted_on: dict[str, Any] | None = None
    if config.weights == "fitted":
        pooled, weights, fitted_on = pool_by_fitted_weights(store, project, members, rows, logs)
    else:
        pooled = pooling.pool(logs, weights)
    description = {
        "kind": "committee",
        "members": [member.facts() for member in members],
        "rule": config.weights,
        "weights": [round(float(weight), 6) for weight in weights],
        "fitted_on": fitted_on,
        "floor": pooling.FLOOR,
        "one_hot": pooling.ONE_HOT,
    }
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=label_set,
        config=config,
        fingerprint=run_fingerprint(description, label_set),
        teacher=description,
        calibration="none",
    )
    advice: list[str] = []
    with store.labeling_runs.exclusive(labeling_run, lambda: None):
        if len(store.labeling_runs.done(labeling_run)) < len(rows):
            job.remember(pooled=labeling_run.id)  # a resumed job goes on with what follows
            scores = pooled.log_probabilities.astype(np.float32)
            has_scores = np.isfinite(scores).all(axis=1)
            store.labeling_runs.append(
                labeling_run,
                Scores(
                    rows,
                    scores,
                    np.full(len(rows), -1),
                    np.where(has_scores, SOURCE, "none").astype(object),
                    np.full(len(rows), None, dtype=object),
                    disagreement=pooled.disagreement.astype(np.float32),
                ),
            )
            store.labeling_runs.compact(labeling_run)
        fresh = job.facts.get("pooled") == labeling_run.id != job.facts.get("refinement_chosen")
        if calibration is None and fresh:
            first, second = (member.labels.labeling_run for member in members[:2])
            sentence = refine_by_default(store, project, labeling_run, first, second).sentence
            advice += [sentence] if sentence else []
            job.remember(refinement_chosen=labeling_run.id)
    if calibration is not None:
        store.labeling_runs.set_calibration(labeling_run.id, calibration)
    return store.labeling_runs.get(labeling_run.id), weights, advice


def _take_into_use(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    members: Sequence[Member],
    before: int | None,
) -> list[str]:
    """Put the pool in use, unless a person chose or audits another pass; what to say of it."""
    number = _in_use(store, project)
    if number == labeling_run.id:
        return []
    replaced = next((m for m in members if m.labels.labeling_run.id == number), None)
    if number is not None and number != before and replaced is None:
        return ["The committee's labels are there; the labelling run that you chose stays in use."]
    if number is not None and _audited(store, project, number):
        return [
            "The committee's labels are there. An audit of the labels before is under way, so "
            "those stay in use; the Teacher page puts the committee's in use."
        ]
    store.projects.use_labelling(project.id, labeling_run.id)
    if replaced is None:
        return []
    pool_labels = curation.teacher_labels(store, labeling_run)
    shared = np.isin(pool_labels.row, replaced.rows)
    there = np.searchsorted(replaced.rows, pool_labels.row[shared])
    changed = int((pool_labels.label[shared] != replaced.labels.label[there]).sum())
    name = display_name(replaced.labels.labeling_run.config)
    return [
        f"The committee's labels are in use now, in place of those of {name}: {changed:,} of "
        f"{len(there):,} texts have another label. Both labelling runs stay, and you choose."
    ]


def _audited(store: Store, project: Project, number: int) -> bool:
    """Whether people are auditing the labels of this pass: others in use would void their work."""
    audits = store.audits.all(project.id)
    return any(
        audit.open and audit.labeling_run == number and store.audits.answers(audit)
        for audit in audits
    )


def _notices(reports: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(sentence for report in reports for sentence in report["notices"]))


def _document(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    reports: Sequence[dict[str, Any]],
    began: float,
    job: Progress,
) -> dict[str, Any]:
    """The report of labelling: the quality of the pool, and what its members cost together."""
    result = labeling.teacher_document(store, project, labeling_run)
    sums: dict[str, Any] = {
        name: sum(report[name] for report in reports)
        for name in ("asked", "cached", "cut", "tokens_in", "tokens_out")
    }
    stopped = [report for report in reports if report["stopped"]]
    money = [report["money"] for report in reports if report.get("money") is not None]
    result.update(
        usage_document(None),
        **sums,
        calls=sum(report.get("calls") or 0 for report in reports),
        money=sum(money) if money else None,
        stopped=stopped[0]["stopped"] if stopped else None,
        stopped_because=stopped[0]["stopped_because"] if stopped else None,
        **({} if job.job_id is None else {"job": job.job_id}),
        state="finished",
        seconds=round(time.monotonic() - began, 2),
        of_file=kind_of(labeling_run.config).lookup,
    )
    return result
