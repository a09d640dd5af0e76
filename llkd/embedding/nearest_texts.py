"""The nearest texts of each text of a pool: searched once for a pool and embeddings, and kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import numpy as np

from llkd import curation
from llkd.config import TrainingConfig
from llkd.curation.knn import NEIGHBOURS
from llkd.datasets.checks.near_duplicates import near_groups
from llkd.errors import UserError
from llkd.jobs.progress import Progress
from llkd.models.sources import student_digest
from llkd.selection.signals import Ints
from llkd.store import Project, Store
from llkd.store.derived.embeddings import read_embeddings

VERSION = 1  # of how they are found
_CHUNK = 4096


def nearest_texts(
    store: Store,
    project: Project,
    config: TrainingConfig,
    rows: Ints,
    job: Progress,
) -> tuple[Ints, Ints, Ints]:
    """The nearest voters of these rows ``[m, k]``, and of each row the voter that it is, twice.

    As ``curation.votes_of`` takes them; near-duplicates are one voter. By the embeddings of the
    student that is to train. Raises UserError where there are none, JobCancelled when asked to.
    """
    student = config.student
    digest = student_digest(student, store.home.root)
    known = project.holding(rows)
    embeddings = curation.embeddings_made(store, project, student, digest, known.rows)
    if embeddings is None:
        raise UserError(
            f"The strategy {config.selection.strategy!r} compares texts by the embeddings of the "
            f"student that trains, and there are none of {student!r} yet. Make them with: "
            f"llkd probe {curation.quoted(project.name)} --student {curation.quoted(student)}"
        )
    key = _key(project, student, digest, rows)
    search = store.nearest_texts.read(project.id, key)
    if search is not None:
        return search[0], search[1], search[1]
    began = time.monotonic()
    job.progress(0, None, "Looking for near-duplicates", always=True)
    texts = store.projects.texts(project, ["text"])["text"].to_numpy()[rows]
    group = near_groups(
        _chunks(texts, job),
        len(texts),
        lambda rows_of_texts: [str(text) for text in texts[rows_of_texts]],
    )
    _, voter = curation.voting_groups(np.zeros(len(rows), dtype=np.int64), group)
    points = read_embeddings(embeddings[0])[rows]
    job.progress(0, None, "Comparing each text with those most like it", always=True)
    nearest = curation.nearest_voters(points, voter, voter, NEIGHBOURS, job.check)
    store.nearest_texts.write(project.id, key, nearest, voter, time.monotonic() - began)
    return nearest, voter, voter


def search_seconds(store: Store, project: Project, student: str, rows: Ints) -> float:
    """How long the kept search for these rows took; 0 where there is none, or it does not say."""
    key = _key(project, student, student_digest(student, store.home.root), rows)
    return store.nearest_texts.seconds(project.id, key)


def _key(project: Project, student: str, digest: str | None, rows: Ints) -> str:
    texts = project.holding(rows).digest  # texts that are added later change nothing here
    facts = f"{VERSION} {NEIGHBOURS} {texts} {student if digest is None else digest}"
    return hashlib.sha256(facts.encode() + rows.astype(np.int64).tobytes()).hexdigest()[:16]


def _chunks(texts: np.ndarray, job: Progress) -> Iterator[list[str]]:
    for start in range(0, len(texts), _CHUNK):
        job.check()
        yield [str(text) for text in texts[start : start + _CHUNK]]
