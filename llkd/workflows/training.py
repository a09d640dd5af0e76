"""Train a student on a project's pseudo-labels, as a run with a folder of its own."""

from __future__ import annotations

import time
from typing import Any

from llkd import curation
from llkd.config import ON_THIS_MACHINE, Calibration, ExecutorConfig, TrainingConfig
from llkd.embedding.pool import embed_and_probe, refine_in_use, student_embeddings
from llkd.errors import UserError
from llkd.evaluation import student_and_teacher
from llkd.evaluation.advice import TrainingAdvice
from llkd.evaluation.run_result import RunResult, run_result
from llkd.jobs.progress import Progress
from llkd.models.sources import student_digest
from llkd.selection.registry import check_strategy, needs
from llkd.selection.strategies.neighbours import NEIGHBOUR_RULE
from llkd.selection.usual_settings import with_reference_epochs, with_usual
from llkd.store import Project, Run, Store
from llkd.store.files.evaluation_labels import write_evaluation_labels
from llkd.store.files.probabilities import (
    read_probabilities,
    write_probabilities,
)
from llkd.training import run_inputs
from llkd.training.data_parallel.placement import check_workers
from llkd.training.selectability import check_selects, confidence_notes
from llkd.training.targets import LabelBasis, Targets, gather, rows_digest
from llkd.workflows.cluster_training import RunsOnCluster
from llkd.workflows.fitting import fit
from llkd.workflows.preparation import (
    head_embeddings,
    preparation_seconds,
)
from llkd.workflows.training_advice import with_strategy


def train(
    store: Store,
    project: Project,
    config: TrainingConfig,
    job: Progress,
    *,
    calibration: Calibration | None = None,
    run: Run | None = None,
    executor: ExecutorConfig = ON_THIS_MACHINE,
) -> RunResult:
    """Train one student; a resumed job goes on with its own run from the last checkpoint.

    The pseudo-labels are those of the current teacher pass when the run is made, kept in its
    folder, so that later labels or calibrations change nothing in it. Where no strategy is named,
    the advice chooses it then, and the run keeps strategy and advice. A strategy that compares
    texts by their embeddings gets them made first, where there are none. ``executor``: where the
    student is trained: here, or by a worker of a cluster, which keeps no checkpoints.
    """
    run = run or _run_of(store, project, job)
    if run is None:
        check_strategy(config)
        check_workers(config.workers)
        refine_in_use(store, project, calibration, job)
        config, advice = with_strategy(store, project, config, calibration)
        if advice is not None:
            job.progress(0, None, advice.sentence, always=True)
        if needs(config.selection, "embeddings"):
            if not curation.has_all_embeddings(store, project):
                gather(store, project, config, calibration)  # what cannot train is said at once
                embed_and_probe(store, project, job, student=config.student)
            student_embeddings(store, project, config.student, job)
        run = prepare(store, project, config, job.job_id, calibration, job=job, advice=advice)
        job.remember(run_id=run.id)
    if executor.on_cluster and run.summary is None:
        with RunsOnCluster(store, project, executor, job) as workers:
            for _ in workers.train([run]):
                pass
    elif not executor.on_cluster:
        fit(store, project, run, job)
    finished = store.runs.get(run.id)
    result = run_result(finished).model_copy(
        update={"beside_teacher": student_and_teacher.said_of(store, project, finished)}
    )
    warnings = [] if finished.summary is None else list(finished.summary.warnings)
    facts = {**result.document(), "warnings": warnings}
    store.events.record(project.id, "train", facts)
    return result


def _run_of(store: Store, project: Project, job: Progress) -> Run | None:
    run_id = job.facts.get("run_id")
    return None if run_id is None else store.runs.get(int(run_id), project.id)


def prepare(
    store: Store,
    project: Project,
    config: TrainingConfig,
    job_id: int | None,
    calibration: Calibration | None = None,
    until: float | None = None,
    basis: LabelBasis | None = None,
    eval_run: Run | None = None,
    job: Progress | None = None,
    advice: TrainingAdvice | None = None,
) -> Run:
    """A new run with its pseudo-labels in its folder. Raises UserError before labelling.

    ``until``: what people had decided at that time counts (seconds since 1970; now by default).
    ``basis`` and ``eval_run`` are what the arms of a comparison share (``targets.gather``).
    ``advice``: what chose the strategy, where nobody named one; the run keeps it.
    """
    check_strategy(config)
    check_workers(config.workers)
    config = curation.with_window(store, project, config)
    if config.reference_run is not None:
        reference = store.runs.get(config.reference_run, project.id)
        config = with_reference_epochs(config, reference.config)
        _check_reference(reference, config)
    config = with_usual(config)
    began = time.monotonic()
    targets, inputs = selected_targets(
        store, project, config, calibration, until, basis, eval_run, job
    )
    collecting = time.monotonic() - began
    trained = targets.rows[~inputs.held_out]
    uses_kept = (
        head_embeddings(store, project, config, trained) is not None
        if eval_run is None
        else bool(eval_run.labels.get("head_embeddings"))  # all arms begin with the same head
    )
    preparation = preparation_seconds(store, project, config, targets.rows, collecting, uses_kept)
    labels, evaluation = targets.labels, targets.evaluation
    facts = {
        "labelling": labels.labeling_run.id,
        "fingerprint": labels.labeling_run.fingerprint,
        "calibration": labels.calibration,
        "bias": labels.bias.tolist(),
        "temperature": labels.temperature,
        "temperature_fit": labels.fit,
        "refinement": None if labels.refinement is None else labels.refinement.document(),
        "classes": targets.plane.names,
        "class_keys": targets.plane.keys,
        "class_also": [list(label.also) for label in targets.plane.classes.labels],
        "class_split": [
            label.model_dump(mode="json") for label in targets.plane.classes.split_classes
        ],
        "project_texts": project.rows,
        "project_sha256": project.digest,
        "rows": len(trained),
        "rows_sha256": rows_digest(trained),
        "without_confidence": int(targets.without_confidence[~inputs.held_out].sum()),
        "window": curation.window_facts(store, project, config),
        "neighbour_rule": neighbour_rule(config),
        "embeddings_sha256": student_digest(config.student, store.home.root)
        if needs(config.selection, "embeddings")
        else None,
        "human_labels": int((targets.plane.frame["human_label"] >= 0).sum()),
        "targets_sha256": targets.digest,
        "judges": {
            "kind": evaluation.kind,
            "texts": len(evaluation.rows),
            "chosen": evaluation.sampling,
            "given": evaluation.usable_labels,
        },
        "head_embeddings": uses_kept,
        "preparation_seconds": preparation,
        "saved": None
        if config.selection.saved is None
        else _saved(store, project, config, targets),
        "advice": None if advice is None else advice.document(),
        "notes": [*targets.notes, *confidence_notes(targets, inputs)],
    }
    if labels.refinement is not None:
        store.nearest_texts.rest_on(project.id, labels.refinement.search)
    run = store.runs.create(project.id, labels.labeling_run.id, config, facts, job_id)
    write_probabilities(run.files.targets, targets.rows, targets.probabilities, exactly=True)
    write_evaluation_labels(run.files.evaluation_labels, evaluation.rows, evaluation.label)
    run_inputs.write(run.folder, targets.rows, inputs)
    return run


def selected_targets(
    store: Store,
    project: Project,
    config: TrainingConfig,
    calibration: Calibration | None = None,
    until: float | None = None,
    basis: LabelBasis | None = None,
    eval_run: Run | None = None,
    job: Progress | None = None,
) -> tuple[Targets, run_inputs.RunInputs]:
    """What a run made now would train on. Raises UserError where that is nothing."""
    targets = gather(store, project, config, calibration, until, basis, eval_run)
    inputs = run_inputs.collect(store, project, targets, config, job)
    check_selects(targets, inputs, config)
    return targets, inputs


def neighbour_rule(config: TrainingConfig) -> dict[str, float] | None:
    """What decides which labels the nearest texts bear out; None where nobody asks them."""
    if not needs(config.selection, "embeddings"):
        return None
    return {"rule": NEIGHBOUR_RULE, "vote_damping": run_inputs.vote_damping(config)}


def run_rows_digest(run: Run) -> str:
    """The digest of the texts that a run walks; of older runs it is made from what they kept."""
    stored = run.labels.get("rows_sha256")
    if stored is not None:
        return str(stored)
    rows, _ = read_probabilities(run.files.targets)
    inputs = run_inputs.read(run.folder)
    return rows_digest(rows if inputs is None else rows[~inputs.held_out])


def _saved(
    store: Store, project: Project, config: TrainingConfig, targets: Targets
) -> dict[str, Any]:
    """The saved selection as it was: its view may be deleted, its rows are in the run's folder."""
    selection = store.selections.get(project.id, str(config.selection.saved))
    texts = len(targets.rows) if targets.in_saved is None else int(targets.in_saved.sum())
    rule = selection.rule.model_dump(mode="json")
    return {"name": selection.name, "view": rule, "texts": texts}


def _check_reference(reference: Run, config: TrainingConfig) -> None:
    if reference.summary is None:
        raise UserError(
            f"Run {reference.id} has not finished, so its counts per step are not known yet. "
            "Wait for it, or name a finished run."
        )
    if reference.summary.backpropagated == 0:
        raise UserError(
            f"Run {reference.id} selected no text in any step, so a control that copies its counts "
            "would train on nothing. Name another reference run."
        )
    if reference.config.early_stopping != "none":
        raise UserError(
            f"Run {reference.id} may stop early, so its counts do not reach to the end of another "
            "run. Name a reference run without early stopping."
        )
    for name in ("batch_size", "epochs", "seed", "judged_by", "warmup_steps"):
        of = [c.selection if name == "warmup_steps" else c for c in (reference.config, config)]
        expected, actual = (getattr(settings, name) for settings in of)
        if expected != actual:
            raise UserError(
                f"A control must match its reference run {reference.id} in {name.replace('_', ' ')}"
                f": that run has {expected}, this one {actual}."
            )
