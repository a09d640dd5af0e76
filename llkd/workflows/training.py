"""Train a student on a project's pseudo-labels, as a run with a folder of its own."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from llkd import curation
from llkd.config import Calibration, TrainingConfig
from llkd.embedding.pool import embed_and_probe, refine_in_use, student_embeddings
from llkd.errors import NothingSelected, UserError
from llkd.evaluation import evaluation_set, student_and_teacher
from llkd.evaluation.advice import TrainingAdvice
from llkd.evaluation.run_result import RunResult, run_result
from llkd.jobs.progress import Progress
from llkd.models.sources import student_digest
from llkd.selection.registry import check_strategy, needs
from llkd.selection.signals import Floats
from llkd.selection.strategies.neighbours import NEIGHBOUR_RULE
from llkd.store import Project, Run, Store
from llkd.store.files.evaluation_labels import write_evaluation_labels
from llkd.store.files.probabilities import (
    read_probabilities,
    write_probabilities,
)
from llkd.store.run_summary import RunSummary
from llkd.training import TrainingData, TrainingProgress, run_inputs
from llkd.training.data_parallel.placement import check_workers
from llkd.training.selectability import check_selects, confidence_notes
from llkd.training.targets import LabelBasis, Targets, gather, rows_digest
from llkd.workflows.preparation import (
    embeddings_reader,
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
) -> RunResult:
    """Train one student; a resumed job goes on with its own run from the last checkpoint.

    The pseudo-labels are those of the current teacher pass when the run is made, kept in its
    folder, so that later labels or calibrations change nothing in it. Where no strategy is named,
    the advice chooses it then, and the run keeps strategy and advice. A strategy that compares
    texts by their embeddings gets them made first, where there are none.
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
    summary = fit(store, project, run, job)
    finished = store.runs.get(run.id)
    result = run_result(finished).model_copy(
        update={"beside_teacher": student_and_teacher.said_of(store, project, finished)}
    )
    facts = {**result.document(), "warnings": list(summary.warnings)}
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
        _check_reference(store.runs.get(config.reference_run, project.id), config)
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


def fit(store: Store, project: Project, run: Run, job: Progress) -> RunSummary:
    """Train the run's student to the end and keep its summary; resumes from a checkpoint.

    Raises NothingSelected, the run marked as failed, where no text was selected at any step.
    """
    from llkd.students import load_student
    from llkd.training import train as train_student

    job.progress(0, None, "Loading the student", always=True)
    names = list(run.labels["classes"])
    data, reference_counts = run_data(store, project, run)
    began = False

    def show(progress: TrainingProgress) -> None:
        nonlocal began
        if not began:
            began = True
            job.begin(progress.step, progress.total_steps)
        job.progress(progress.step, progress.total_steps, progress.message)

    try:
        outcome = train_student(
            load_student(
                run.config.student, names, seed=run.config.seed, max_tokens=run.config.window
            ),
            data,
            run_settings(run),
            names,
            run.folder,
            reference_counts=reference_counts,
            on_progress=show,
            should_stop=job.should_stop,
        )
    except NothingSelected as error:
        store.runs.fail(run.id, str(error))
        raise
    return conclude(store, run, outcome)


def conclude(store: Store, run: Run, outcome: RunSummary) -> RunSummary:
    """Keep what came of a run's training; the summary with the notes from before it."""
    warnings = (*run.labels.get("notes", []), *outcome.warnings)
    summary = outcome.model_copy(update={"warnings": warnings})
    store.runs.finish(run.id, summary)
    return summary


def run_settings(run: Run) -> TrainingConfig:
    """The run's settings, thresholds by class under the names that its student knows."""
    names = list(run.labels["classes"])
    by_key = dict(zip(run.labels.get("class_keys") or names, names, strict=True))
    selection = run.config.selection
    changed = {
        side: {by_key.get(key, key): value for key, value in threshold.items()}
        for side in ("teacher_threshold", "student_threshold")
        if isinstance(threshold := getattr(selection, side), dict)
    }
    return run.config.model_copy(update={"selection": selection.model_copy(update=changed)})


def _where_known(values: Floats) -> Floats | None:
    return values if np.isfinite(values).any() else None


def run_data(store: Store, project: Project, run: Run) -> tuple[TrainingData, list[int] | None]:
    """What a prepared run trains on, and the counts of the run whose counts it copies, if any."""
    return _data(store, project, run), _reference_counts(store, run.config)


def _data(store: Store, project: Project, run: Run) -> TrainingData:
    """The run's pool with all it kept of it, and the texts that are held out."""
    rows, probabilities = read_probabilities(run.files.targets)
    texts = store.projects.texts(project)
    gold = curation.gold_indices(texts, run.classes)
    text = texts["text"].astype(str)
    imported = texts.iloc[: project.stages[0]]  # all there was for a run that kept none
    evaluated, eval_gold = evaluation_set.held_out(imported, run.classes)
    judges = store.runs.evaluation_labels(run)
    if judges is not None:
        evaluated, eval_gold = judges
        if run.config.judged_by == "teacher":
            # Its labels are no truth: nothing is called right by them.
            eval_gold = np.full(len(evaluated), -1)
    inputs = run_inputs.read(run.folder)
    further: dict[str, Any] = {}
    if inputs is not None:
        stop, trained = rows[inputs.held_out], ~inputs.held_out
        further = {
            "human": inputs.human[trained],
            "teacher_raw_probs": inputs.teacher_raw_probs[trained],
            "oof_probs": _where_known(inputs.oof_probs[trained]),
            "knn_mean_probs": _where_known(inputs.knn_mean_probs[trained]),
            "in_saved": None if inputs.in_saved is None else inputs.in_saved[trained],
            "without_confidence": None
            if inputs.without_confidence is None
            else inputs.without_confidence[trained],
            "passes": None if inputs.passes is None else inputs.passes[trained],
            "support": None if inputs.support is None else inputs.support[trained],
            "stop_texts": text.iloc[stop].tolist(),
            "stop_label": gold[stop]
            if inputs.stop_source == "pool_gold"
            else probabilities[inputs.held_out].argmax(axis=1),
            "stop_source": inputs.stop_source or "audit",
        }
        rows, probabilities = rows[trained], probabilities[trained]
    if run.labels.get("head_embeddings"):
        further["unit_embeddings"] = embeddings_reader(store, project, run.config, rows)
    return TrainingData(
        texts=text.iloc[rows].tolist(),
        rows=rows,
        teacher_probs=probabilities,
        gold=gold[rows] if (gold[rows] >= 0).any() else None,
        eval_texts=text.iloc[evaluated].tolist(),
        eval_gold=eval_gold,
        eval_source=run.config.judged_by,
        **further,
    )


def _reference_counts(store: Store, config: TrainingConfig) -> list[int] | None:
    if config.reference_run is None:
        return None
    steps = store.runs.steps(store.runs.get(config.reference_run))
    return [int(count) for count in steps["selected"]]
