"""The training loop: score, select, step; evaluate and log at each epoch's end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from llkd.config import TrainingConfig
from llkd.errors import NothingSelected, StoreError
from llkd.evaluation import quality_report
from llkd.selection.registry import EVERYTHING
from llkd.selection.signals import Floats, Ints
from llkd.store.files.run_files import RunFiles
from llkd.store.home import atomic_folder
from llkd.store.run_summary import RunSummary
from llkd.students import Encoded, Student
from llkd.training import stopping, summaries
from llkd.training.batches import epoch_batches
from llkd.training.data_parallel.lead import workers_of
from llkd.training.head_start import begin_with_probe
from llkd.training.optimisation import not_a_number
from llkd.training.records import Tally, TrainingData, TrainingProgress
from llkd.training.select_batch import decide
from llkd.training.session import Session


def train(
    student: Student,
    data: TrainingData,
    config: TrainingConfig,
    class_names: Sequence[str],
    folder: Path,
    *,
    reference_counts: Sequence[int] | None = None,
    on_progress: Callable[[TrainingProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> RunSummary:
    """Train ``student`` on the texts that the strategy of ``config`` selects, batch by batch.

    Resumes from the checkpoint that ``folder`` holds; a finished run there is only read. On the
    CPU a resumed run ends with the very weights of an uninterrupted one. ``reference_counts``
    (samples per step of another run) fixes how many the random strategies draw.
    Raises ConfigError where the folder belongs to other settings or data, DataError for data that
    do not fit, ModelError for a student that diverges or does not fit into memory,
    NothingSelected where no text was, and JobCancelled, a checkpoint written, once
    ``should_stop()`` is true.
    """
    import torch

    session = Session(student, data, config, class_names, Path(folder), reference_counts)
    session.on_progress, session.should_stop = on_progress, should_stop
    finished = session.finished()
    if finished is not None:
        return finished
    with _own_randomness(student):
        torch.manual_seed(config.seed)
        if not session.resume() and config.head_start == "probe":
            begin_with_probe(session)
        with workers_of(session):
            return _run(session)


def _own_randomness(student: Student) -> AbstractContextManager[Any]:
    """Dropout can only draw from torch's global generators: give them back as they were."""
    import torch

    device = student.device
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def _run(session: Session) -> RunSummary:
    """From the present position to the end."""
    while session.at.epoch < session.epochs and not session.at.stopped:
        batches = epoch_batches(
            session.encoded.lengths,
            session.config.batch_size,
            session.config.seed,
            session.at.epoch,
        )
        while session.at.batch < len(batches):
            session.stop_if_asked()
            _step(session, batches)
            if time.monotonic() - session.saved_at >= session.config.checkpoint_seconds:
                session.save()
            else:
                session.log_if_due()
        _end_epoch(session)
    return _finish(session)


def _step(session: Session, batches: Sequence[Ints]) -> None:
    """One batch: score, select, update, log."""
    started = time.perf_counter()
    at, index = session.at, session.at.step
    positions = batches[at.batch]
    where = f"at step {index + 1} (epoch {at.epoch + 1}, batch {at.batch + 1})"
    student_probs = None
    if session.strategy.needs_student:
        student_probs = session.scorer.probabilities(batches, at.batch, index)
        if not np.isfinite(student_probs).all():
            raise not_a_number("prediction", where, session.config)
    counts = session.reference_counts
    session.strategy, result = decide(
        session.strategy,
        session.teacher_probs[positions],
        student_probs,
        positions,
        session.human[positions],
        rng=session.rng,
        count=None if counts is None else int(counts[index]),
        warm=index < session.config.selection.warmup_steps,
        human_weight=session.config.human_weight,
        without_confidence=None
        if session.data.without_confidence is None
        else session.data.without_confidence[positions],
    )
    selected_places = np.flatnonzero(result.selected)
    picked, label = positions[selected_places], result.pseudo_label[selected_places]
    ready = session.gathering.add(
        picked, result.weight[selected_places], last=index + 1 == session.total_steps
    )
    losses = [
        session.updates.update(batch, session.targets[batch], weight, index, where)
        for batch, weight in ready
    ]
    # What waits to fill a batch has not trained yet, and may never.
    trained = np.concatenate([np.zeros(0, np.int64), *(batch for batch, _ in ready)])
    loss = losses[-1] if losses else None
    if counts is not None:
        at.lacking += max(0, int(counts[index]) - len(picked))
    at.last_loss = at.last_loss if loss is None else loss
    seconds = time.perf_counter() - started
    at.training_seconds += seconds
    known = int((session.gold[picked] >= 0).sum())
    right = int((session.gold[picked] == label).sum())
    for tally in (at.whole, at.this_epoch):
        tally.add(
            session.label[trained],
            len(positions),
            losses,
            right=int((session.gold[trained] == session.label[trained]).sum()),
            known=int((session.gold[trained] >= 0).sum()),
            selected=len(picked),
        )
    session.used[trained] = True
    line = {
        "step": index,
        "epoch": at.epoch + 1,
        "loss": loss,
        "learning_rate": session.optimisation.learning_rate(index),
        "selected_right": None if session.data.gold is None else right,
        "selected_known": None if session.data.gold is None else known,
        "seconds": seconds,
    }
    session.log.add(line, session.rows[positions], result)
    at.step, at.batch = index + 1, at.batch + 1
    session.report(f"step {at.step:,} of {session.total_steps:,}")


def _end_epoch(session: Session) -> None:
    """Evaluate, log what the student thinks of the whole pool, and checkpoint."""
    session.updates.check_agreement()
    at, number = session.at, session.at.epoch + 1
    read = number == session.epochs or session.reads_every_epoch
    quality, evaluated = _evaluated(session, number) if read else ({}, None)
    judged = _judged(session, evaluated)
    probs = _pool_read(session, number) if read else None
    done = summaries.epoch_summary(
        number, at.this_epoch, session.class_names, session.label, probs, session.used
    )
    at.epochs.append(done.model_copy(update=quality))
    at.this_epoch = Tally([0] * len(session.class_names))
    at.epoch, at.batch = number, 0
    if judged is not None and stopping.note(at, number, judged, session.config.patience):
        at.best_whole = replace(at.whole)
        stopping.keep_best(session.student, session.folder)
    if number < session.epochs:
        session.save()


def _evaluated(session: Session, number: int) -> tuple[dict[str, Any], Floats | None]:
    """Figures of the held-out texts after an epoch and the probabilities behind them, if any."""
    if not len(session.eval_encoded):
        return {}, None
    started = time.perf_counter()
    probs = _predict(session, session.eval_encoded, "evaluating")
    session.log.write_evaluation(number, probs)
    report = quality_report.classifier_report(probs, session.data.eval_gold, session.class_names)
    quality: dict[str, Any] = {}
    if report["judged"]:
        quality = {name: report[name] for name in ("accuracy", "macro_f1", "ece")}
        quality["per_class_f1"] = {c["class"]: c["f1"] for c in report["per_class"]}
    session.at.evaluation_seconds += time.perf_counter() - started
    return quality, probs


def _pool_read(session: Session, number: int) -> Floats:
    """What the student thinks of every text of the pool after an epoch, logged."""
    started = time.perf_counter()
    probs = _predict(session, session.encoded, "reading the whole pool")
    session.log.write_signals(number, session.rows, session.label, probs)
    session.scorer.remember(np.arange(len(session.rows)), probs, session.at.step)
    session.at.logging_seconds += time.perf_counter() - started
    return probs


def _judged(session: Session, evaluated: Floats | None) -> list[float] | None:
    """How good this epoch's student is by the labels that stop early; None without stopping."""
    if session.stop_source is None:
        return None
    label = session.data.eval_gold
    if session.stop_source != "gold" or evaluated is None:
        evaluated = _predict(session, session.stop_encoded, "judging")
        label = session.data.stop_label
    return stopping.score(session.stop_source, evaluated, np.asarray(label), session.class_names)


def _predict(session: Session, encoded: Encoded, doing: str) -> Floats:
    """Probabilities of many texts, reporting and stopping between batches."""

    def on_batch(done: int) -> None:
        session.report(f"{doing}, {done:,} of {len(encoded):,} texts")
        session.stop_if_asked()

    return session.inference.probabilities(encoded, session.inference_batch, on_batch)


def _finish(session: Session) -> RunSummary:
    """Save the student and the summary, then remove the checkpoint.

    With early stopping the best epoch's is *the* student; the last one's is kept beside it.
    Raises NothingSelected where no text trained: that student is the untrained one.
    """
    session.log.flush()
    if not session.at.whole.selected:
        raise NothingSelected(
            f"The strategy {session.config.selection.strategy!r} selected no text in any of the "
            f"{session.at.step:,} steps, so nothing was trained and there is no student. Train "
            f"with another strategy ({EVERYTHING!r} takes every label), or lower its thresholds."
        )
    if session.stop_source is not None:
        _save_student(session, RunFiles(session.folder).last_student)
        stopping.load_best(session.student, session.folder)
    _save_student(session, RunFiles(session.folder).student)
    outcome = summaries.outcome(
        session.at,
        session.class_names,
        session.used,
        [*session.optimisation.warnings, *_count_notes(session)],
        session.stop_source,
    )
    session.write_summary(outcome)
    return outcome


def _count_notes(session: Session) -> list[str]:
    """How far a run that was to take a reference run's counts did not, or not from what passes."""
    notes = []
    filled = getattr(session.strategy, "filled", 0)
    if filled:
        notes.append(
            f"To take as many as the reference run, {filled:,} texts were added that do not pass "
            "the teacher's threshold: the nearest below it."
        )
    if session.at.lacking:
        notes.append(
            f"{session.at.lacking:,} texts fewer than in the reference run were taken: its batches "
            "held no more that this strategy may take."
        )
    return notes


def _save_student(session: Session, folder: Path) -> None:
    from safetensors import SafetensorError

    try:
        with atomic_folder(folder) as temporary:
            session.student.save(temporary)
    except (OSError, SafetensorError) as error:
        raise StoreError(
            f"The trained student could not be written to {session.folder} ({error}). Its last "
            "checkpoint is kept; make room and resume."
        ) from error
