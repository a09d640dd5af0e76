"""A prepared run's training on this machine: its data, its settings, what is kept in the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from llkd import curation
from llkd.config import TrainingConfig
from llkd.errors import NothingSelected
from llkd.evaluation import evaluation_set
from llkd.jobs.progress import Progress
from llkd.selection.signals import Floats
from llkd.store import Project, Run, Store
from llkd.store.files.probabilities import read_probabilities
from llkd.store.run_summary import RunSummary
from llkd.training import TrainingData, TrainingProgress, run_inputs
from llkd.workflows.preparation import embeddings_reader


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
