"""The teacher labels what is not labelled yet; nothing it has said is asked again."""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from typing import Any

import numpy as np

from llkd import curation
from llkd.config import Calibration, LabelSet, TeacherConfig
from llkd.errors import UserError
from llkd.jobs import JobContext
from llkd.store import Labelling, Project, Scores, Store
from llkd.teachers import make_teacher
from llkd.teachers.base import ScoredBatch, Teacher

CHUNK = 4096
FLUSH_SECONDS = 2.0


def label(
    store: Store,
    project: Project,
    config: TeacherConfig,
    job: JobContext,
    *,
    calibration: Calibration = "batch",
    limit: int | None = None,
    teacher: Teacher | None = None,
) -> dict[str, Any]:
    """Label every text of the project that this teacher has not labelled yet.

    ``limit`` bounds how many texts are labelled in all, drawn at random with a fixed seed. The
    same teacher, prompt and classes go on where an earlier pass stopped. ``teacher`` may be handed
    in; otherwise it is made from ``config`` and closed at the end.
    """
    began = time.time()
    label_set = curation.label_set_of(project)
    made = teacher is None
    job.progress(0, None, "Loading the teacher", always=True)
    asked = teacher or make_teacher(config, label_set, store.home.root)
    try:
        labelling = _pass(store, project, config, label_set, asked, calibration)
        job.remember(labelling_id=labelling.id)
        with store.labellings.exclusive(labelling, lambda: _waiting(job)):
            _label_rows(store, project, labelling, asked, job, limit)
            store.labellings.compact(labelling)
    finally:
        if made:
            asked.close()
    result = teacher_document(store, project, store.labellings.get(labelling.id))
    result.update(job=job.job_id, state="finished", seconds=round(time.time() - began, 2))
    store.people.record(project.id, "label", result)
    return result


def _waiting(job: JobContext) -> None:
    job.progress(0, None, "Waiting: another job is labelling in this pass")
    job.check()


def _pass(
    store: Store,
    project: Project,
    config: TeacherConfig,
    label_set: LabelSet,
    teacher: Teacher,
    calibration: Calibration,
) -> Labelling:
    facts = {"teacher": teacher.describe(), "labels": label_set.model_dump(mode="json")}
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    labelling = store.labellings.find_or_create(
        project.id,
        label_set=label_set,
        config=config,
        fingerprint=fingerprint,
        teacher=facts["teacher"],
        calibration="batch" if calibration == "contextual" else calibration,
    )
    if labelling.content_free is None:
        free = teacher.content_free()
        if free is None and calibration == "contextual":
            raise UserError(
                "Contextual calibration needs scores of texts without content, and this teacher "
                "gives none. Choose batch or none."
            )
        store.labellings.set_content_free(labelling.id, free)
    store.labellings.set_calibration(labelling.id, calibration)
    store.projects.use_labelling(project.id, labelling.id)
    return labelling


def _label_rows(
    store: Store,
    project: Project,
    labelling: Labelling,
    teacher: Teacher,
    job: JobContext,
    limit: int | None,
) -> None:
    texts = store.projects.texts(project.id, ["text"])["text"]
    # A fixed random order: the batch calibration and the charts are right from the first minute,
    # even where the file is sorted by class.
    order = np.random.default_rng(0).permutation(project.rows)[:limit]
    done = store.labellings.done(labelling)
    todo = order[~np.isin(order, done)]
    total = len(order)
    finished = total - len(todo)
    job.begin(finished, total)
    for start in range(0, len(todo), CHUNK):
        rows = todo[start : start + CHUNK]
        buffer = _Buffer(store, labelling, rows)
        try:
            for batch in teacher.score([str(texts.iloc[row]) for row in rows]):
                buffer.add(batch)
                finished += len(batch.index)
                job.progress(finished, total, "Labelling")
                job.check()
        finally:
            buffer.flush()  # also when stopped or failed: what was answered is kept


class _Buffer:
    """Answers on their way to a part: written every few seconds, and at the end."""

    def __init__(self, store: Store, labelling: Labelling, rows: np.ndarray) -> None:
        self._store, self._labelling, self._rows = store, labelling, rows
        self._batches: deque[ScoredBatch] = deque()
        self._flushed = time.time()

    def add(self, batch: ScoredBatch) -> None:
        self._batches.append(batch)
        if time.time() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        seconds, self._flushed = time.time() - self._flushed, time.time()
        if not self._batches:
            return
        batches, self._batches = list(self._batches), deque()
        raw = [list(b.raw) if b.raw is not None else [None] * len(b.index) for b in batches]
        self._store.labellings.append(
            self._labelling,
            Scores(
                row=np.concatenate([self._rows[b.index] for b in batches]),
                scores=np.concatenate([b.scores for b in batches]),
                answer=np.concatenate([b.answer for b in batches]),
                source=np.concatenate([np.full(len(b.index), b.source, object) for b in batches]),
                raw=np.array([answer for part in raw for answer in part], dtype=object),
            ),
        )
        self._store.labellings.add_cost(
            self._labelling.id,
            sum(b.tokens_in for b in batches),
            sum(b.tokens_out for b in batches),
            seconds,
        )


def teacher_document(
    store: Store, project: Project, labelling: Labelling, calibration: Calibration | None = None
) -> dict[str, Any]:
    """What is known of a teacher pass: counts, and quality where gold exists.

    Quality is measured on the held-out texts where there are any, so that it compares with the
    student's; else on all texts with gold. Without gold it is None.
    """
    from llkd.evaluation import teacher_report

    labels = curation.teacher_labels(store, labelling, calibration)
    texts = store.projects.texts(project.id, ["gold", "split"])
    gold = curation.gold_indices(texts, labelling.label_set.names)[labels.row]
    held_out = (texts["split"] == "eval").to_numpy()[labels.row]
    measured = held_out & (gold >= 0) if (held_out & (gold >= 0)).any() else gold >= 0
    report = teacher_report(
        labels.probabilities[measured],
        labels.label[measured],
        labels.confidence[measured],
        gold[measured],
    )
    counts = np.bincount(labels.label[labels.label >= 0], minlength=len(labelling.label_set.names))
    return {
        "labelled": int((labels.label >= 0).sum()),
        "unanswered": int((labels.label < 0).sum()),
        "teacher": labelling.config.teacher,
        "calibration": labels.calibration,
        "accuracy": report.get("accuracy"),
        "macro_f1": report.get("macro_f1"),
        "auroc": report.get("auroc"),
        "ece": report.get("ece"),
        "evaluated": int(measured.sum()),
        "per_class": {
            name: int(count) for name, count in zip(labelling.label_set.names, counts, strict=True)
        },
        "tokens_in": labelling.tokens_in,
        "tokens_out": labelling.tokens_out,
    }


def dry_run(
    store: Store,
    project: Project,
    config: TeacherConfig,
    job: JobContext,
    *,
    count: int = 5,
    teacher: Teacher | None = None,
) -> dict[str, Any]:
    """Ask about a few texts and keep nothing: prompt, answer, confidence, time for all.

    The answers are not calibrated: that needs the pool's scores.
    """
    from llkd import signals

    label_set = curation.label_set_of(project)
    job.progress(0, None, "Loading the teacher", always=True)
    asked = teacher or make_teacher(config, label_set, store.home.root)
    try:
        texts = store.projects.texts(project.id, ["text"])["text"]
        rows = np.random.default_rng(0).permutation(project.rows)[:count]
        chosen = [str(texts.iloc[row]) for row in rows]
        job.begin(0, len(chosen))
        began = time.time()
        examples: list[dict[str, Any]] = []
        tokens = 0
        for batch in asked.score(chosen):
            tokens += batch.tokens_in + batch.tokens_out
            probabilities = signals.softmax(batch.scores)
            for place, index in enumerate(batch.index):
                shown = _answer(batch, place, probabilities[place], label_set.names)
                text = chosen[int(index)]
                examples.append({"text": text, "prompt": asked.prompt(text), **shown})
            job.progress(len(examples), len(chosen), "Dry run")
            job.check()
        per_text = (time.time() - began) / max(1, len(examples))
    finally:
        if teacher is None:
            asked.close()
    left = project.rows
    return {
        "examples": examples,
        "seconds_per_text": per_text,
        "texts": left,
        "estimated_seconds": per_text * left,
        "tokens_per_text": tokens / max(1, len(examples)),
    }


def _answer(
    batch: ScoredBatch, place: int, probabilities: np.ndarray, names: list[str]
) -> dict[str, Any]:
    answer = int(batch.answer[place])
    known = bool(np.isfinite(probabilities).all())
    best = int(probabilities.argmax()) if known else answer
    return {
        "label": names[best] if best >= 0 else None,
        "confidence": float(probabilities[best]) if known else None,
        "source": batch.source,
        "raw": batch.raw[place] if batch.raw is not None else None,
        "scores": (
            {name: float(score) for name, score in zip(names, batch.scores[place], strict=True)}
            if known
            else None
        ),
    }
