"""The fair comparison: arms at two budgets, from the same start over the same batches.

``epochs``: each arm walks the pool as often. ``samples``: each takes in every step as many texts as
LLKD did, so that optimiser steps and back-propagated samples are the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llkd import comparisons, curation, fairness
from llkd.config import SelectionConfig, TrainingConfig, build
from llkd.contrasts import ArmRun
from llkd.errors import SelectsNothing, UserError
from llkd.jobs import JobContext
from llkd.pipeline.probing import embed_and_probe, student_embeddings
from llkd.pipeline.reporting import report
from llkd.pipeline.targets import LabelBasis, label_basis, targets_digest
from llkd.pipeline.training import (
    BY_NEIGHBOURS,
    fit,
    neighbour_rule,
    prepare,
    run_rows_digest,
    selected_targets,
)
from llkd.store import Project, Run, Store
from llkd.strategies import BY_EMBEDDING

ARMS = fairness.USUAL_ARMS
BUDGETS = comparisons.BUDGETS
EVERY = "every"


def check_arms(names: Sequence[str], saved: str | None = None) -> tuple[str, ...]:
    """The arms in the order they train; ``every`` means all there are.

    LLKD comes first, because controls copy its counts. ``saved`` is the name of a selection that
    is to be compared, too. Raises UserError for a name that is none, a control without LLKD, or
    the arm ``saved`` without its selection.
    """
    every = [name for name in fairness.ARMS if saved or name not in fairness.NEEDS_A_NAME]
    wanted = every if list(names) == [EVERY] else list(dict.fromkeys(names))
    if saved and wanted and "saved" not in wanted:
        wanted.append("saved")
    unknown = [name for name in wanted if name not in fairness.ARMS]
    if unknown or not wanted:
        raise UserError(
            f"There is no arm {unknown[0] if unknown else ''!r}. "
            f"The arms are {', '.join(fairness.ARMS)}, or '{EVERY}'."
        )
    if "llkd" not in wanted and set(wanted) & set(fairness.CONTROLS):
        raise UserError(
            f"The arms {' and '.join(fairness.CONTROLS)} copy the counts of 'llkd': name it, too."
        )
    if "saved" in wanted and not saved:
        raise UserError(
            "The arm 'saved' trains on a selection that was saved on the Curate page: name it with "
            "--selection NAME."
        )
    return tuple(sorted(wanted, key=lambda name: name != "llkd"))


def compare(
    store: Store,
    project: Project,
    config: TrainingConfig,
    job: JobContext,
    *,
    seeds: int = comparisons.USUAL_SEEDS,
    arms: Sequence[str] = ARMS,
    budgets: Sequence[str] = BUDGETS,
) -> dict[str, Any]:
    """Train every arm with every seed and put them side by side.

    All arms of a seed see the same batches from the same start; a control draws in each batch as
    many texts as LLKD did. ``arms`` are names of ``fairness.ARMS``; ``budgets`` is ``epochs`` with
    or without ``samples``. Arms that are there already with the same settings are not trained
    again, and a stopped comparison goes on where it was, whatever people have decided since it
    began: the teacher pass, its calibration with bias and temperature, and the texts that judge
    with their classes are frozen then. Without held-out gold the labels that people gave judge and
    train in no arm; where they are too few, nothing is said but how far students and teacher agree.
    """
    names = check_arms(arms, config.selection.saved)
    if "began" not in job.facts:
        job.remember(began=time.time())
    until = float(job.facts["began"])
    config = _judged(store, project, config, job, until)
    if set(BY_EMBEDDING) & set(names) and not curation.has_embeddings(store, project):
        embed_and_probe(store, project, job, student=config.student)
    if BY_NEIGHBOURS & set(names):
        student_embeddings(store, project, config.student, job)
    if "basis" not in job.facts:
        job.remember(basis=label_basis(store, project, config, until=until).document())
    basis = LabelBasis(**job.facts["basis"])
    _check_arms_select(store, project, config, names, until, basis, job)
    done: list[ArmRun] = []
    parts = seeds * comparisons.runs_a_seed(names, budgets)
    for seed in range(config.seed, config.seed + seeds):
        reference: Run | None = None
        for budget in BUDGETS:
            for arm in names:
                if budget not in budgets and budget != "epochs":
                    continue
                settings = _config(config, arm, budget, seed, reference)
                if settings is None:
                    continue
                number = len(done)
                job.begin_part(number, parts, f"run {number + 1} of {parts}: {arm}, seed {seed}")
                eval_run = done[0].run if done else None
                run = _arm(store, project, settings, job, Frozen(until, basis, eval_run))
                _check_same_rows([*done, ArmRun(arm, budget, run)])
                reference = run if (arm, budget) == ("llkd", "epochs") else reference
                done.append(ArmRun(arm, budget, run))
    return report(store, project, done)


def _check_arms_select(
    store: Store,
    project: Project,
    config: TrainingConfig,
    names: Sequence[str],
    until: float,
    basis: LabelBasis,
    job: JobContext,
) -> None:
    """Raise UserError, before anything trains, where an arm would train on nothing."""
    for arm in names:
        if arm not in fairness.CONTROLS:
            settings = _config(config, arm, "epochs", config.seed, None)
            try:
                if settings is not None:
                    selected_targets(store, project, settings, until=until, basis=basis, job=job)
            except SelectsNothing as error:
                raise UserError(
                    f"{error} To compare here, leave the arm {arm!r} out: name arms that can train "
                    "with --arms, such as neighbours,all."
                ) from error


def _check_same_rows(entries: Sequence[ArmRun]) -> None:
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
    store: Store, project: Project, config: TrainingConfig, job: JobContext, until: float
) -> TrainingConfig:
    """The settings with who judges: as wished, else the best there is."""
    labelling = curation.current_labelling(store, project)
    kind = job.facts.get("judged_by") if config.judged_by == "gold" else config.judged_by
    if kind is None:
        labels = curation.teacher_labels(store, labelling)
        plane = curation.load_plane(store, project, need=False, labels=labels)
        plane = curation.with_decisions(plane, store.people.decisions(project.id, until))
        texts = store.projects.texts(project.id, ["gold", "split"])
        kind = curation.best_jury(plane, texts).kind
        job.remember(judged_by=kind)
    return build(TrainingConfig, config.model_dump(), judged_by=kind)


def _config(
    config: TrainingConfig, arm: str, budget: str, seed: int, reference: Run | None
) -> TrainingConfig | None:
    """The settings of one run; None where a budget has no run of its own for the arm.

    LLKD and its controls are the same runs in both budgets, and all texts at LLKD's counts are the
    control ``random``.
    """
    chosen = fairness.ARMS[arm]
    strategy, counted = chosen.strategy, arm in fairness.CONTROLS
    if budget == "samples":
        if arm == "all" or arm == "llkd" or counted or reference is None:
            return None
        strategy, counted = "random" if strategy == "all" else strategy, True
    selection = build(
        SelectionConfig,
        config.selection.model_dump(),
        chosen.selection,
        strategy=strategy,
        saved=config.selection.saved if strategy == "saved" else None,
        share=None,
        **_plain_weights(config, strategy),
    )
    return build(
        TrainingConfig,
        config.model_dump(),
        chosen.training,
        selection=selection.model_dump(),
        seed=seed,
        reference_run=reference.id if reference is not None and counted else None,
        # A run that may end early has no matched budget.
        early_stopping="none",
    )


@dataclass(frozen=True)
class Frozen:
    """What a comparison holds to from its beginning, whatever becomes of the project meanwhile.

    What people had decided ``until`` then, how labels are derived, and the first arm, which lends
    the others the texts that judge and their classes (None for the first itself).
    """

    until: float
    basis: LabelBasis
    eval_run: Run | None


def _plain_weights(config: TrainingConfig, strategy: str) -> dict[str, Any]:
    """``all`` is what selections are held against, so its texts weigh the same whatever is set."""
    weighted = strategy == "all" and config.selection.weighting == "softmatch"
    return {"weighting": "none"} if weighted else {}


def _arm(
    store: Store, project: Project, config: TrainingConfig, job: JobContext, frozen: Frozen
) -> Run:
    shared: dict[str, Any] = {
        "until": frozen.until,
        "basis": frozen.basis,
        "eval_run": frozen.eval_run,
    }
    targets = targets_digest(store, project, config, **shared)
    for run in store.runs.all(project.id):
        same = run.config == config and run.labelling_id == frozen.basis.labelling
        mine = job.facts.get("run_id") == run.id
        finished = run.summary is not None and run.labels.get("targets_sha256") == targets
        finished = finished and run.labels.get("neighbour_rule") == neighbour_rule(config)
        if same and (finished or (mine and run.summary is None)):
            break
    else:
        run = prepare(store, project, config, job.job_id, job=job, **shared)
        job.remember(run_id=run.id)
    if run.summary is None:
        fit(store, project, run, job)
    job.check()
    return store.runs.get(run.id)
