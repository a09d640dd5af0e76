"""The fair comparison: arms at two budgets, from the same start over the same batches.

``epochs``: each arm walks the pool as often as the settings say, or without a number as usual for
it (``llkd.selection.usual_settings``). ``samples``: each takes in every step as many texts as
the reference did (LLKD, or another selection that controls are to copy), so that optimiser steps
and back-propagated samples are the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from llkd import curation
from llkd.config import ON_THIS_MACHINE, ExecutorConfig, TrainingConfig, build
from llkd.embedding.pool import embed_and_probe, refine_in_use, student_embeddings
from llkd.errors import SelectsNothing, UserError
from llkd.evaluation.advice import advised_config
from llkd.evaluation.comparison import conclusion
from llkd.evaluation.comparison.arms import CONTROLS, USUAL_ARMS, check_arms, reference_arm
from llkd.evaluation.comparison.arms import arms as all_arms
from llkd.evaluation.comparison.contrasts import ArmRun
from llkd.evaluation.comparison.report import BUDGETS, ComparisonReport
from llkd.jobs.progress import Progress
from llkd.jobs.requests import AUTO_ARMS
from llkd.selection.registry import spec_of
from llkd.store import Project, Run, Store
from llkd.training.data_parallel.placement import check_workers
from llkd.training.targets import LabelBasis, label_basis, targets_digest
from llkd.workflows.cluster_training import RunsOnCluster
from llkd.workflows.comparison_plan import PlannedRun, arm_config
from llkd.workflows.comparison_report import report
from llkd.workflows.fitting import fit
from llkd.workflows.training import (
    neighbour_rule,
    prepare,
    run_rows_digest,
    selected_targets,
)
from llkd.workflows.training_advice import best_kind, comparison_advice


def compare(
    store: Store,
    project: Project,
    config: TrainingConfig,
    job: Progress,
    *,
    seeds: int = conclusion.USUAL_SEEDS,
    arms: Sequence[str] = USUAL_ARMS,
    budgets: Sequence[str] = BUDGETS,
    executor: ExecutorConfig = ON_THIS_MACHINE,
) -> ComparisonReport:
    """Train every arm with every seed and put them side by side.

    All arms of a seed see the same batches from the same start; a control draws in each batch as
    many texts as the reference did (``evaluation.comparison.arms.reference_arm``). ``arms`` are
    names of ``evaluation.comparison.arms``, ``every``, or ``auto``: those that the advice proposes
    when it begins; ``budgets`` is ``epochs`` with or without ``samples``. Arms that are there
    already with the same settings are not trained
    again, and a stopped comparison goes on where it was, whatever people have decided since it
    began: the teacher pass, its calibration with bias and temperature, and the texts that judge
    with their classes are frozen then. Without held-out gold the labels that people gave judge and
    train in no arm; where they are too few, nothing is said but how far students and teacher agree.
    ``executor``: where runs are trained: here one after the other, or on the workers of a cluster.
    """
    _refuse_unknown(arms, config)
    check_workers(config.workers)
    if "began" not in job.facts:
        job.remember(began=time.time())
    until = float(job.facts["began"])
    if "basis" not in job.facts:
        refine_in_use(store, project, None, job)
    config = _with_window(store, project, _judged(store, project, config, job, until), job)
    names = _arms(store, project, config, arms, job, until)
    config = build(
        TrainingConfig, config.model_dump(), epochs=config.epochs or job.facts.get("epochs")
    )
    if any("embeddings" in spec_of(all_arms()[name].strategy).needs for name in names):
        if not curation.has_all_embeddings(store, project):
            embed_and_probe(store, project, job, student=config.student)
        student_embeddings(store, project, config.student, job)
    if "basis" not in job.facts:
        job.remember(basis=label_basis(store, project, config, until=until).document())
    basis = LabelBasis(**job.facts["basis"])
    if basis.search is not None:
        store.nearest_texts.rest_on(project.id, basis.search)
    _check_arms_select(store, project, config, names, until, basis, job)
    reference = reference_arm(names)
    planned = [
        PlannedRun(seed, budget, arm, reference)
        for seed in range(config.seed, config.seed + seeds)
        for budget in BUDGETS
        if budget in budgets or budget == "epochs"
        for arm in names
    ]
    frozen = Frozen(until, basis, None)
    parts = seeds * conclusion.runs_a_seed(names, budgets)
    if executor.on_cluster:
        arm_runs = _on_cluster(store, project, config, planned, frozen, parts, executor, job)
    else:
        arm_runs = _one_by_one(store, project, config, planned, frozen, parts, job)
    return report(store, project, arm_runs)


def _one_by_one(
    store: Store,
    project: Project,
    config: TrainingConfig,
    planned: Sequence[PlannedRun],
    frozen: Frozen,
    parts: int,
    job: Progress,
) -> list[ArmRun]:
    """All runs, one after the other in this process."""
    arm_runs: list[ArmRun] = []
    references: dict[int, Run] = {}
    for plan in planned:
        settings = arm_config(config, plan, references.get(plan.seed))
        if settings is None:
            continue
        number = len(arm_runs)
        name = f"run {number + 1} of {parts}: {plan.arm}, seed {plan.seed}"
        job.begin_part(number, parts, name)
        shared = replace(frozen, eval_run=arm_runs[0].run if arm_runs else None)
        run = _arm(store, project, settings, job, shared)
        if run.summary is None:
            fit(store, project, run, job)
        job.check()
        run = store.runs.get(run.id)
        check_same_rows([*arm_runs, ArmRun(plan.arm, plan.budget, run)])
        if plan.is_reference:
            references[plan.seed] = run
        arm_runs.append(ArmRun(plan.arm, plan.budget, run))
    return arm_runs


def _on_cluster(
    store: Store,
    project: Project,
    config: TrainingConfig,
    planned: Sequence[PlannedRun],
    frozen: Frozen,
    parts: int,
    executor: ExecutorConfig,
    job: Progress,
) -> list[ArmRun]:
    """All runs on workers: first those that copy no other's counts, then the others."""
    arm_runs: dict[PlannedRun, ArmRun] = {}
    references: dict[int, Run] = {}
    finished = 0
    with RunsOnCluster(store, project, executor, job) as workers:
        for copying in (False, True):
            prepared: list[PlannedRun] = []
            for plan in planned:
                if plan.copies_counts != copying:
                    continue
                reference = references.get(plan.seed)
                settings = arm_config(config, plan, reference)
                if settings is None:
                    continue
                first = next(iter(arm_runs.values()), None)
                shared = replace(frozen, eval_run=None if first is None else first.run)
                run = _arm(store, project, settings, job, shared)
                job.check()
                arm_runs[plan] = ArmRun(plan.arm, plan.budget, run)
                check_same_rows(list(arm_runs.values()))
                prepared.append(plan)
            to_train = [plan for plan in prepared if arm_runs[plan].run.summary is None]
            finished += len(prepared) - len(to_train)
            job.progress(finished, parts, "Training on the cluster", always=True)
            for place in workers.train([arm_runs[plan].run for plan in to_train]):
                plan = to_train[place]
                run = store.runs.get(arm_runs[plan].run.id)
                arm_runs[plan] = replace(arm_runs[plan], run=run)
                finished += 1
                message = f"{plan.arm}, seed {plan.seed} is trained"
                job.progress(finished, parts, message, always=True)
            references |= {plan.seed: arm_runs[plan].run for plan in prepared if plan.is_reference}
    return [arm_runs[plan] for plan in planned if plan in arm_runs]


def _refuse_unknown(arms: Sequence[str], config: TrainingConfig) -> None:
    """Raise UserError, before anything is made, for arms that cannot be compared."""
    if tuple(arms) != AUTO_ARMS:
        check_arms(arms, config.selection.saved)


def _arms(
    store: Store,
    project: Project,
    config: TrainingConfig,
    arms: Sequence[str],
    job: Progress,
    until: float,
) -> tuple[str, ...]:
    """The arms in the order they train; ``auto`` are those that were advised when it began.

    With them goes the number of epochs that was advised, if any.
    """
    if tuple(arms) == AUTO_ARMS:
        if "arms" not in job.facts:
            advice = comparison_advice(store, project, config, until)
            proposed = advised_config(config, advice).epochs
            job.remember(arms=list(advice.arms), epochs=proposed)
            job.progress(0, None, advice.compare_sentence, always=True)
        arms = job.facts["arms"]
    return check_arms(arms, config.selection.saved)


def _check_arms_select(
    store: Store,
    project: Project,
    config: TrainingConfig,
    names: Sequence[str],
    until: float,
    basis: LabelBasis,
    job: Progress,
) -> None:
    """Raise UserError, before anything trains, where an arm would train on nothing."""
    for arm in names:
        if arm not in CONTROLS:
            settings = arm_config(config, PlannedRun(config.seed, "epochs", arm, None), None)
            try:
                if settings is not None:
                    selected_targets(store, project, settings, until=until, basis=basis, job=job)
            except SelectsNothing as error:
                raise UserError(
                    f"{error} To compare here, leave the arm {arm!r} out: name arms that can train "
                    "with --arms, such as neighbours,all."
                ) from error


def check_same_rows(entries: Sequence[ArmRun]) -> None:
    """Raise UserError where arms of one seed walked other texts: they cannot be compared."""
    first, last = entries[0], entries[-1]
    digests = [run_rows_digest(entry.run) for entry in (first, last)]
    if digests[0] != digests[1]:
        raise UserError(
            f"The arms {first.arm!r} (run {first.run.id}) and {last.arm!r} (run {last.run.id}) "
            "would be trained on different texts, so nothing could be said of their difference. "
            "The labels changed while they trained: compare again."
        )


def _judged(
    store: Store, project: Project, config: TrainingConfig, job: Progress, until: float
) -> TrainingConfig:
    """The settings with who judges: as wished, else the best there is."""
    kind = job.facts.get("judged_by") if config.judged_by == "gold" else config.judged_by
    if kind is None:
        kind = best_kind(store, project, until)
        job.remember(judged_by=kind)
    return build(TrainingConfig, config.model_dump(), judged_by=kind)


def _with_window(
    store: Store, project: Project, config: TrainingConfig, job: Progress
) -> TrainingConfig:
    """The settings with the window that all arms share, whatever texts are added meanwhile."""
    if config.max_tokens is None and "max_tokens" not in job.facts:
        with_tokens = curation.with_window(store, project, config)
        job.remember(max_tokens=with_tokens.max_tokens)
    values = config.model_dump()
    return build(TrainingConfig, values, max_tokens=config.max_tokens or job.facts["max_tokens"])


@dataclass(frozen=True)
class Frozen:
    """What a comparison holds to from its beginning, whatever becomes of the project meanwhile.

    What people had decided ``until`` then, how labels are derived, and the first arm, which lends
    the others the texts that judge and their classes (None for the first itself).
    """

    until: float
    basis: LabelBasis
    eval_run: Run | None


def _arm(
    store: Store, project: Project, config: TrainingConfig, job: Progress, frozen: Frozen
) -> Run:
    """The run with these settings, finished, begun by this job, or prepared now."""
    shared: dict[str, Any] = {
        "until": frozen.until,
        "basis": frozen.basis,
        "eval_run": frozen.eval_run,
    }
    targets = targets_digest(store, project, config, **shared)
    begun = {job.facts.get("run_id"), *job.facts.get("run_ids", [])}
    for run in store.runs.all(project.id):
        same = run.config == config and run.labelling_id == frozen.basis.labeling_run
        finished = run.summary is not None and run.labels.get("targets_sha256") == targets
        finished = finished and run.labels.get("neighbour_rule") == neighbour_rule(config)
        if same and (finished or (run.id in begun and run.summary is None)):
            return run
    run = prepare(store, project, config, job.job_id, job=job, **shared)
    job.remember(run_id=run.id, run_ids=[*job.facts.get("run_ids", []), run.id])
    return run
