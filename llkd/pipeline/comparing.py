"""The fair comparison: arms at two budgets, from the same start over the same batches.

``epochs``: each arm walks the pool as often. ``samples``: each takes in every step as many texts as
LLKD did, so that optimiser steps and back-propagated samples are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd import comparisons, curation, evaluation, fairness, signals
from llkd.config import SelectionConfig, TrainingConfig, build
from llkd.errors import UserError
from llkd.jobs import JobContext
from llkd.pipeline.labelling import teacher_document
from llkd.pipeline.probing import embed_and_probe
from llkd.pipeline.training import document, fit, prepare, targets_digest
from llkd.store import Project, Run, Store

ARMS = fairness.USUAL_ARMS
BUDGETS = comparisons.BUDGETS
EVERY = "every"
BY_EMBEDDING = {"neighbours", "needed_neighbours", "trust"}


@dataclass(frozen=True)
class Entry:
    """One run of a comparison."""

    arm: str
    budget: str
    run: Run

    def document(self) -> dict[str, Any]:
        """What is reported of it."""
        return {**document(self.run), "arm": self.arm, "budget": self.budget}


def check_arms(names: Sequence[str]) -> tuple[str, ...]:
    """The arms in the order they train; ``every`` means all there are.

    LLKD comes first, because controls copy its counts. Raises UserError for a name that is none,
    or a control without LLKD.
    """
    wanted = list(fairness.ARMS) if list(names) == [EVERY] else list(dict.fromkeys(names))
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
    return tuple(sorted(wanted, key=lambda name: name != "llkd"))


def compare(
    store: Store,
    project: Project,
    config: TrainingConfig,
    job: JobContext,
    *,
    seeds: int = 1,
    arms: Sequence[str] = ARMS,
    budgets: Sequence[str] = BUDGETS,
) -> dict[str, Any]:
    """Train every arm with every seed and put them side by side.

    All arms of a seed see the same batches from the same start; a control draws in each batch as
    many texts as LLKD did. ``arms`` are names of ``fairness.ARMS``; ``budgets`` is ``epochs`` with
    or without ``samples``. Arms that are there already with the same settings are not trained
    again, and a stopped comparison goes on where it was.
    """
    curation.current_labelling(store, project)
    names = check_arms(arms)
    if BY_EMBEDDING & set(names) and not curation.has_embeddings(store, project):
        embed_and_probe(store, project, job, student=config.student)
    done: list[Entry] = []
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
                run = _arm(store, project, settings, job)
                reference = run if (arm, budget) == ("llkd", "epochs") else reference
                done.append(Entry(arm, budget, run))
    return report(store, project, done)


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
        share=None,
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


def _arm(store: Store, project: Project, config: TrainingConfig, job: JobContext) -> Run:
    labelling = curation.current_labelling(store, project)
    targets = targets_digest(store, project, config)
    for run in store.runs.all(project.id):
        same = run.config == config and run.labelling_id == labelling.id
        mine = job.facts.get("run_id") == run.id
        finished = run.summary is not None and run.labels.get("targets_sha256") == targets
        if same and (finished or (mine and run.summary is None)):
            break
    else:
        run = prepare(store, project, config, job.job_id)
        job.remember(run_id=run.id)
    if run.summary is None:
        fit(store, project, run, job)
    job.check()
    return store.runs.get(run.id)


def report(store: Store, project: Project, done: Sequence[Entry]) -> dict[str, Any]:
    """Arms side by side: means over seeds, paired differences, every run, and what they show."""
    labelling = curation.current_labelling(store, project)
    table = []
    for (arm, budget), entries in _grouped(done).items():
        documents = [entry.document() for entry in entries]
        row = {"strategy": arm, "arm": arm, "budget": budget, "seeds": len(documents)}
        table.append({**row, **_means(documents)})
    found: dict[str, Any] = {
        "project": project.name,
        "teacher": teacher_document(store, project, labelling),
        "arms": table,
        "runs": [entry.document() for entry in done],
        "differences": differences(store, project, done),
    }
    return {**found, "conclusion": comparisons.sentence(found)}


def _grouped(done: Sequence[Entry]) -> dict[tuple[str, str], list[Entry]]:
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in done:
        groups.setdefault((entry.arm, entry.budget), []).append(entry)
    return groups


def _means(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    means: dict[str, Any] = {}
    for key in (
        "accuracy",
        "macro_f1",
        "selected_share",
        "backpropagated",
        "updates",
        "selected_accuracy",
        "training_seconds",
    ):
        values = [entry[key] for entry in entries if entry[key] is not None]
        mean = float(np.mean(values)) if values else None
        whole = key in {"backpropagated", "updates"}
        means[key] = round(mean) if whole and mean is not None else mean
    return means


def differences(store: Store, project: Project, done: Sequence[Entry]) -> list[dict[str, Any]]:
    """Arm minus rival on the same held-out texts, paired by seed, with 95 % intervals.

    At equal epochs every arm against ``all`` and LLKD against its controls; at equal samples every
    arm against LLKD and the controls. Empty without held-out gold.
    """
    groups = _grouped(done)
    found = []
    for (arm, budget), entries in groups.items():
        if arm in fairness.RIVALS:
            continue
        rivals: tuple[str, ...] = ("llkd", *fairness.CONTROLS)
        if budget == "epochs":
            rivals = fairness.RIVALS if arm == "llkd" else ("all",)
        for rival in rivals:
            # LLKD and its controls are of both budgets.
            others = groups.get((rival, "epochs"), [])
            paired = _difference(store, project, entries, others)
            if paired is not None:
                found.append({"arm": arm, "budget": budget, "rival": rival, **paired})
    return found


def _difference(
    store: Store, project: Project, entries: Sequence[Entry], others: Sequence[Entry]
) -> dict[str, Any] | None:
    by_seed = {entry.run.config.seed: entry.run for entry in others}
    mine, theirs, gold = [], [], None
    for entry in entries:
        rival = by_seed.get(entry.run.config.seed)
        answers = [
            fairness.answers(store, project, run) for run in (entry.run, rival) if run is not None
        ]
        if len(answers) != 2 or answers[0] is None or answers[1] is None:
            continue
        gold = answers[0][0]
        mine.append(signals.pseudo_label(answers[0][1]))
        theirs.append(signals.pseudo_label(answers[1][1]))
    if gold is None or not len(gold):
        return None
    classes = len(fairness.class_names(entries[0].run))
    result: dict[str, Any] = {"seeds": len(mine), "texts": len(gold)}
    for metric in ("accuracy", "macro_f1"):
        paired = evaluation.paired_bootstrap(
            np.stack(mine),
            np.stack(theirs),
            gold,
            seed=0,
            metric=metric,
            classes=classes,
            draws=max(200, min(fairness.DRAWS, 4_000_000 // len(gold))),
        )
        result[metric] = {"value": paired.value, "low": paired.low, "high": paired.high}
    return result
