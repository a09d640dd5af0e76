"""A text is embedded once: teachers that compare embeddings share the project's with the probe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeGuard

import numpy as np

from llkd import curation
from llkd.embedding.pool import student_embeddings
from llkd.labeling.session import LabelingSession
from llkd.models.sources import student_digest
from llkd.store import Project, Store
from llkd.store.derived.embeddings import made_by
from llkd.teachers.base import Floats, Teacher

FIRST_LABELS = 4096
"""Texts at random that are labelled before the pool is embedded, where it is much larger."""
LARGE = 5 * FIRST_LABELS


class Compares(Protocol):
    """A teacher that scores by a student's embeddings and takes those that are there."""

    encoder_spec: str

    def expect(self, texts: Sequence[str], vectors: Floats) -> None:
        """Embeddings ``[n, d]`` of the texts that are asked about next."""
        ...


def compares(teacher: Teacher) -> TypeGuard[Compares]:
    """Whether this teacher scores by embeddings."""
    return hasattr(teacher, "encoder_spec") and hasattr(teacher, "expect")


def kept_file(store: Store, project: Project, student: str) -> Path | None:
    """The file with this student's embeddings of all texts; None where it is not there."""
    path = curation.embeddings_path(store, project, student)
    return path if made_by(path, student, student_digest(student, store.home.root)) else None


def embed_first(work: LabelingSession, rows: np.ndarray, *, whole: bool) -> np.ndarray:
    """Find embeddings for ``rows``, which are in random order, or make them; the rows to label.

    Where the ``whole`` pool is to be labelled, all of it is embedded, and that is kept for the
    quick estimate and for training by neighbours; a large pool gets its first labels before that.
    For a part of a pool the teacher embeds what it is asked about.
    """
    teacher, project = work.teacher, work.project
    if not compares(teacher) or not len(rows):
        return rows
    if kept_file(work.store, project, teacher.encoder_spec) is None:
        if not whole:
            return rows
        if len(rows) > LARGE:
            work.label_rows(rows[:FIRST_LABELS])
            rows = rows[FIRST_LABELS:]
        finished = work.finished
        student_embeddings(work.store, project, teacher.encoder_spec, work.job)
        work.begin(finished, work.total)
    work.embeddings = kept_file(work.store, project, teacher.encoder_spec)
    # In the order of the file, which is read piece by piece.
    return np.sort(rows)
