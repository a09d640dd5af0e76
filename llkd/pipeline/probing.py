"""The second axis before the first training: embed all texts once, then fit the probe."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from llkd import curation
from llkd.errors import UserError
from llkd.jobs import JobContext
from llkd.models import student_digest
from llkd.store import Project, Store

PART_ROWS = 4096


def embed_and_probe(
    store: Store,
    project: Project,
    job: JobContext,
    *,
    student: str = "embedded",
) -> dict[str, Any]:
    """Embed every text with the untrained student, then fit the probe to the current labels.

    Embeddings are kept in parts as they come, so a stopped job goes on from the last part.
    """
    began = time.monotonic()
    labelling = curation.current_labelling(store, project)
    values = kept_embeddings(store, project, student, job)
    labels = curation.teacher_labels(store, labelling)
    job.progress(project.rows, project.rows, "Fitting the probe", always=True)
    if curation.probe_signals(store, project, labels) is None:
        raise UserError(
            "The probe needs teacher labels of at least two classes. Label more texts, or look at "
            "the class names: the teacher gave all texts the same one."
        )
    return {
        "project": project.name,
        "rows": len(labels.row),
        "dimensions": int(values.shape[1]),
        "seconds": round(time.monotonic() - began, 2),
    }


class Unwatched:
    """Stands in for a job where there is none: shows nothing and is never asked to stop."""

    def begin(self, done: int, total: int) -> None:
        """Nobody counts."""

    def progress(
        self, done: int, total: int | None = None, message: str = "", always: bool = False
    ) -> None:
        """Nobody looks."""

    def check(self) -> None:
        """Nobody stops it."""


def kept_embeddings(store: Store, project: Project, student: str, job: JobContext) -> np.ndarray:
    """The untrained student's embeddings of every text ``[n, d]``: kept ones, or made now."""
    path = curation.embeddings_path(store, project, student)
    if curation.made_by(path, student, student_digest(student, store.home.root)):
        path.touch()  # the newest embeddings are the ones in use
        return curation.read_embeddings(path)
    return embed_texts(store, project, student, job)


def student_embeddings(
    store: Store, project: Project, student: str, job: JobContext | Unwatched
) -> np.ndarray:
    """The untrained ``student``'s embeddings of every text ``[n, d]``: kept ones, or made now.

    Those that the probe uses stay in use, whichever these are.
    """
    path = curation.embeddings_path(store, project, student)
    if curation.made_by(path, student, student_digest(student, store.home.root)):
        return curation.read_embeddings(path)
    in_use = curation.newest_embeddings(store, project)
    values = embed_texts(store, project, student, job)
    if in_use is not None:
        # Two files may be made within one tick of the clock, or the clock be set back.
        later = path.stat().st_mtime_ns + 1
        os.utime(in_use, ns=(later, later))
    return values


def embed_texts(
    store: Store, project: Project, student: str, job: JobContext | Unwatched
) -> np.ndarray:
    """Embed every text with the untrained student and keep it; ``[n, d]`` in row order."""
    from llkd.students import load_student

    path = curation.embeddings_path(store, project, student)
    digest = student_digest(student, store.home.root)
    job.progress(0, None, "Loading the student", always=True)
    model = load_student(student, ["a", "b"], seed=0)
    texts = store.projects.texts(project.id, ["text"])["text"]
    # Parts of another student of that name are not gone on with.
    parts = path.with_suffix(f".{digest[:8] if digest else 'hub'}.parts")
    starts = range(0, project.rows, PART_ROWS)
    ready = sum(_part(parts, start).exists() for start in starts)
    job.begin(min(ready * PART_ROWS, project.rows), project.rows)
    for start in starts:
        if _part(parts, start).exists():
            continue
        piece, began = [], time.monotonic()
        for low in range(start, min(start + PART_ROWS, project.rows), 256):
            high = min(low + 256, start + PART_ROWS, project.rows)
            piece.append(model.embed([str(text) for text in texts.iloc[low:high]]))
            job.progress(high, project.rows, "Embedding")
            job.check()
        seconds = time.monotonic() - began
        curation.save_embeddings(_part(parts, start), np.concatenate(piece), seconds=seconds)
    values = np.concatenate([curation.read_embeddings(_part(parts, start)) for start in starts])
    taken = [curation.embedding_seconds(_part(parts, start)) for start in starts]
    known = [seconds for seconds in taken if seconds is not None]
    # A part that an older version left does not say.
    curation.save_embeddings(path, values, digest, sum(known) if len(known) == len(taken) else None)
    shutil.rmtree(parts, ignore_errors=True)
    return values


def _part(folder: Path, start: int) -> Path:
    return folder / f"part-{start:09d}.safetensors"
