"""The fair comparison: the method, all texts, and the two controls at matched steps and samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from llkd import curation, fairness
from llkd.config import SelectionConfig, StrategyName, TrainingConfig, build
from llkd.jobs import JobContext
from llkd.pipeline.labelling import teacher_document
from llkd.pipeline.training import document, fit, prepare, targets_digest
from llkd.store import Project, Run, Store

ARMS: tuple[StrategyName, ...] = ("llkd", "all", "random", "teacher_then_random")


def compare(
    store: Store,
    project: Project,
    config: TrainingConfig,
    job: JobContext,
    *,
    seeds: int = 1,
    arms: Sequence[StrategyName] = ARMS,
) -> dict[str, Any]:
    """Train every arm with every seed and put them side by side.

    All arms of a seed see the same batches from the same start; a control draws in each batch as
    many texts as LLKD did. Arms that are there already with the same settings are not trained
    again, and a stopped comparison goes on where it was.
    """
    curation.current_labelling(store, project)
    done: list[Run] = []
    for seed in range(config.seed, config.seed + seeds):
        reference: Run | None = None
        for arm in arms:
            run = _arm(store, project, _config(config, arm, seed, reference), job)
            reference = run if arm == "llkd" else reference
            done.append(run)
    return report(store, project, done)


def _config(
    config: TrainingConfig, arm: StrategyName, seed: int, reference: Run | None
) -> TrainingConfig:
    selection = build(SelectionConfig, config.selection.model_dump(), strategy=arm, share=None)
    return build(
        TrainingConfig,
        config.model_dump(),
        selection=selection.model_dump(),
        seed=seed,
        reference_run=reference.id if reference is not None and arm in fairness.CONTROLS else None,
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


def report(store: Store, project: Project, runs: Sequence[Run]) -> dict[str, Any]:
    """Arms side by side: means over seeds, every run, and what may be concluded, in a sentence."""
    labelling = curation.current_labelling(store, project)
    documents = [document(run) for run in runs]
    table = []
    for arm in dict.fromkeys(entry["strategy"] for entry in documents):
        of_arm = [entry for entry in documents if entry["strategy"] == arm]
        table.append({"strategy": arm, "seeds": len(of_arm), **_means(of_arm)})
    teacher = teacher_document(store, project, labelling)
    return {
        "project": project.name,
        "teacher": teacher,
        "arms": table,
        "runs": documents,
        "conclusion": conclusion(store, project, runs),
    }


def _means(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    means: dict[str, Any] = {}
    for key in (
        "accuracy",
        "macro_f1",
        "selected_share",
        "backpropagated",
        "selected_accuracy",
        "training_seconds",
    ):
        values = [entry[key] for entry in entries if entry[key] is not None]
        mean = float(np.mean(values)) if values else None
        means[key] = round(mean) if key == "backpropagated" and mean is not None else mean
    return means


def conclusion(store: Store, project: Project, runs: Sequence[Run]) -> str:
    """What the runs show, in plain words; never credits LLKD with what a control also reaches."""
    methods = [run for run in runs if run.config.selection.strategy == "llkd"]
    full = [run for run in runs if run.config.selection.strategy == "all"]
    if not methods or methods[-1].summary is None or methods[-1].summary["accuracy"] is None:
        return "No text with gold is held out, so nothing can be said about accuracy."
    used = sum((run.summary or {}).get("backpropagated", 0) for run in methods)
    whole = sum((run.summary or {}).get("backpropagated", 0) for run in full)
    found = {
        rival: fairness.compare(store, project, methods[-1], runs, rival)
        for rival in fairness.RIVALS
    }
    cost = f"LLKD used {used / whole:.0%} of the samples that all texts take. " if whole else ""
    return cost + fairness.sentence(found)
