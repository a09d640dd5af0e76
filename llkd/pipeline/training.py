"""Train a student on a project's pseudo-labels, as a run with a folder of its own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from llkd import curation, fairness
from llkd.config import Calibration, TrainingConfig
from llkd.errors import NothingSelected, UserError
from llkd.jobs import JobContext
from llkd.models import student_digest
from llkd.pipeline import evidence
from llkd.pipeline.nearest import search_seconds
from llkd.pipeline.probing import Unwatched, embed_and_probe, student_embeddings
from llkd.pipeline.selectability import check_selects, confidence_notes
from llkd.pipeline.targets import LabelBasis, Targets, gather, rows_digest
from llkd.signals import Floats, Ints
from llkd.store import Project, Run, Store
from llkd.store.runs import read_probabilities, write_judges, write_probabilities
from llkd.strategies import BY_EMBEDDING, NEIGHBOUR_RULE
from llkd.training import TrainingData

BY_NEIGHBOURS = {"neighbours", "needed_neighbours"}


def train(
    store: Store,
    project: Project,
    config: TrainingConfig,
    job: JobContext,
    *,
    calibration: Calibration | None = None,
    run: Run | None = None,
) -> dict[str, Any]:
    """Train one student; a resumed job goes on with its own run from the last checkpoint.

    The pseudo-labels are those of the current teacher pass when the run is made, kept in its
    folder, so that later labels or calibrations change nothing in it. A strategy that compares
    texts by their embeddings gets them made first, where there are none.
    """
    run = run or _run_of(store, project, job)
    if run is None:
        if config.selection.strategy in BY_EMBEDDING and not curation.has_embeddings(
            store, project
        ):
            gather(store, project, config, calibration)  # what cannot train is said at once
            embed_and_probe(store, project, job, student=config.student)
        if config.selection.strategy in BY_NEIGHBOURS:
            student_embeddings(store, project, config.student, job)
        run = prepare(store, project, config, job.job_id, calibration, job=job)
        job.remember(run_id=run.id)
    summary = fit(store, project, run, job)
    result = document(store.runs.get(run.id))
    store.people.record(project.id, "train", {**result, "warnings": summary.get("warnings", [])})
    return result


def _run_of(store: Store, project: Project, job: JobContext) -> Run | None:
    known = job.facts.get("run_id")
    return None if known is None else store.runs.get(int(known), project.id)


def prepare(
    store: Store,
    project: Project,
    config: TrainingConfig,
    job_id: int | None,
    calibration: Calibration | None = None,
    until: float | None = None,
    basis: LabelBasis | None = None,
    eval_run: Run | None = None,
    job: JobContext | None = None,
) -> Run:
    """A new run with its pseudo-labels in its folder. Raises UserError before labelling.

    ``until``: what people had decided at that time counts (seconds since 1970; now by default).
    ``basis`` and ``eval_run`` are what the arms of a comparison share (``targets.gather``).
    """
    if config.reference_run is not None:
        _check_reference(store.runs.get(config.reference_run, project.id), config)
    began = time.monotonic()
    found, beside = selected_targets(
        store, project, config, calibration, until, basis, eval_run, job
    )
    collecting = time.monotonic() - began
    preparation = _preparation_seconds(store, project, config, found.rows, collecting)
    labels, jury = found.labels, found.jury
    facts = {
        "labelling": labels.labelling.id,
        "fingerprint": labels.labelling.fingerprint,
        "calibration": labels.calibration,
        "bias": labels.bias.tolist(),
        "temperature": labels.temperature,
        "temperature_fit": labels.fit,
        "classes": found.plane.names,
        "class_keys": found.plane.keys,
        "rows": len(found.rows) - int(beside.held_out.sum()),
        "rows_sha256": rows_digest(found.rows[~beside.held_out]),
        "without_confidence": int(found.without_confidence[~beside.held_out].sum()),
        "neighbour_rule": neighbour_rule(config),
        "embeddings_sha256": student_digest(config.student, store.home.root)
        if config.selection.strategy in BY_NEIGHBOURS
        else None,
        "human_labels": int((found.plane.frame["human_label"] >= 0).sum()),
        "targets_sha256": found.digest,
        "judges": {
            "kind": jury.kind,
            "texts": len(jury.rows),
            "chosen": jury.chosen,
            "given": jury.given,
        },
        "preparation_seconds": preparation,
        "saved": None if found.kept is None else _saved(store, project, config, found),
        "notes": [*found.notes, *confidence_notes(found, beside)],
    }
    run = store.runs.create(project.id, labels.labelling.id, config, facts, job_id)
    write_probabilities(_targets_file(run), found.rows, found.probabilities, exactly=True)
    write_judges(run, jury.rows, jury.label)
    evidence.write(run.folder, found.rows, beside)
    return run


def selected_targets(
    store: Store,
    project: Project,
    config: TrainingConfig,
    calibration: Calibration | None = None,
    until: float | None = None,
    basis: LabelBasis | None = None,
    eval_run: Run | None = None,
    job: JobContext | None = None,
) -> tuple[Targets, evidence.Evidence]:
    """What a run made now would train on. Raises UserError where that is nothing."""
    found = gather(store, project, config, calibration, until, basis, eval_run)
    beside = evidence.collect(store, project, found, config, job or Unwatched())
    check_selects(found, beside, config)
    return found, beside


def neighbour_rule(config: TrainingConfig) -> dict[str, float] | None:
    """What decides which labels the nearest texts bear out; None where nobody asks them."""
    if config.selection.strategy not in BY_NEIGHBOURS:
        return None
    return {"rule": NEIGHBOUR_RULE, "vote_damping": evidence.vote_damping(config)}


def run_rows_digest(run: Run) -> str:
    """The digest of the texts that a run walks; of older runs it is made from what they kept."""
    known = run.labels.get("rows_sha256")
    if known is not None:
        return str(known)
    rows, _ = read_probabilities(_targets_file(run))
    beside = evidence.read(run.folder)
    return rows_digest(rows if beside is None else rows[~beside.held_out])


def _preparation_seconds(
    store: Store, project: Project, config: TrainingConfig, rows: Ints, collecting: float
) -> float | None:
    """What a strategy needs before its first step: embeddings, and what is made of them.

    What lies ready from an earlier run counts in full: another arm of the comparison paid for it.
    None where it is not known how long the embeddings took.
    """
    if config.selection.strategy not in BY_EMBEDDING:
        return 0.0
    path: Path | None = curation.newest_embeddings(store, project)
    if config.selection.strategy in BY_NEIGHBOURS:
        path = curation.embeddings_path(store, project, config.student)
        collecting = max(collecting, search_seconds(store, project, config.student, rows))
    embedding = None if path is None else curation.embedding_seconds(path)
    if embedding is None:
        return None
    earlier = [
        run.labels.get("preparation_seconds") or 0.0
        for run in store.runs.all(project.id)
        if run.config.student == config.student
        and run.config.selection.strategy == config.selection.strategy
    ]
    return round(max(embedding + collecting, *earlier, 0.0), 3)


def _saved(
    store: Store, project: Project, config: TrainingConfig, found: Targets
) -> dict[str, Any]:
    """The saved selection as it was: its view may be deleted, its rows are in the run's folder."""
    one = store.people.selection(project.id, str(config.selection.saved))
    texts = 0 if found.kept is None else int(found.kept.sum())
    return {"name": one["name"], "view": one["view"], "texts": texts}


def _targets_file(run: Run) -> Path:
    return run.folder / "targets.parquet"


def _check_reference(reference: Run, config: TrainingConfig) -> None:
    if reference.summary is None:
        raise UserError(
            f"Run {reference.id} has not finished, so its counts per step are not known yet. "
            "Wait for it, or name a finished run."
        )
    if not reference.summary.get("backpropagated", 1):
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
        wanted, has = (getattr(settings, name) for settings in of)
        if wanted != has:
            raise UserError(
                f"A control must match its reference run {reference.id} in {name.replace('_', ' ')}"
                f": that run has {wanted}, this one {has}."
            )


def fit(store: Store, project: Project, run: Run, job: JobContext) -> dict[str, Any]:
    """Train the run's student to the end and keep its summary; resumes from a checkpoint.

    Raises NothingSelected, the run marked as failed, where no text was selected at any step.
    """
    from llkd.students import load_student
    from llkd.training import Progress
    from llkd.training import train as train_student

    job.progress(0, None, "Loading the student", always=True)
    names = list(run.labels["classes"])
    data = _data(store, project, run)
    began = False

    def show(progress: Progress) -> None:
        nonlocal began
        if not began:
            began = True
            job.begin(progress.step, progress.total_steps)
        job.progress(progress.step, progress.total_steps, progress.message)

    try:
        outcome = train_student(
            load_student(
                run.config.student, names, seed=run.config.seed, max_tokens=run.config.max_tokens
            ),
            data,
            _with_thresholds_by_name(run, names),
            names,
            run.folder,
            reference_counts=_reference_counts(store, run.config),
            on_progress=show,
            should_stop=job.should_stop,
        )
    except NothingSelected as error:
        store.runs.fail(run.id, str(error))
        raise
    summary = outcome.to_dict()
    summary["warnings"] = [*run.labels.get("notes", []), *summary["warnings"]]
    store.runs.finish(run.id, summary)
    return summary


def _with_thresholds_by_name(run: Run, names: list[str]) -> TrainingConfig:
    """The run's settings, thresholds by class under the ``names`` that its student knows."""
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


def _data(store: Store, project: Project, run: Run) -> TrainingData:
    """The run's pool with all it kept of it, and the texts that are held out."""
    rows, probabilities = read_probabilities(_targets_file(run))
    texts = store.projects.texts(project.id)
    gold = curation.gold_indices(texts, run.classes)
    text = texts["text"].astype(str)
    evaluated, eval_gold = curation.held_out(texts, run.classes)
    judges = store.runs.judges(run)
    if judges is not None:
        evaluated, eval_gold = judges
        if run.config.judged_by == "teacher":
            # Its labels are no truth: nothing is called right by them.
            eval_gold = np.full(len(evaluated), -1)
    beside = evidence.read(run.folder)
    further: dict[str, Any] = {}
    if beside is not None:
        stop, kept = rows[beside.held_out], ~beside.held_out
        further = {
            "human": beside.human[kept],
            "own": beside.own[kept],
            "out_of_sample": _where_known(beside.out_of_sample[kept]),
            "nearby": _where_known(beside.nearby[kept]),
            "kept": None if beside.kept is None else beside.kept[kept],
            "without_confidence": None
            if beside.without_confidence is None
            else beside.without_confidence[kept],
            "passes": None if beside.passes is None else beside.passes[kept],
            "support": None if beside.support is None else beside.support[kept],
            "stop_texts": text.iloc[stop].tolist(),
            "stop_label": gold[stop]
            if beside.stop_source == "pool_gold"
            else probabilities[beside.held_out].argmax(axis=1),
            "stop_source": beside.stop_source or "audit",
        }
        rows, probabilities = rows[kept], probabilities[kept]
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


def document(run: Run) -> dict[str, Any]:
    """What a finished run reports."""
    summary = run.summary or {}
    keys = (
        "accuracy",
        "macro_f1",
        "selected_share",
        "backpropagated",
        "unique",
        "selected_accuracy",
        "steps",
        "skipped_steps",
        "updates",
        "best_epoch",
        "training_seconds",
    )
    return {
        "run": run.id,
        "state": run.state,
        "strategy": run.config.selection.strategy,
        "seed": run.config.seed,
        **{key: summary.get(key) for key in keys},
        "preparation_seconds": fairness.preparation_seconds(run),
        "seconds": fairness.whole_seconds(run),
    }
