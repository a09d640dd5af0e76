"""The map of a project: made of its texts' embeddings, and texts that came later placed on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from llkd import curation
from llkd.curation.maps.groups import find_groups, near_centre, nearest_centre
from llkd.curation.maps.layout import fit_layout, place_points
from llkd.curation.maps.pool_map import MAP_VERSION, mapped_texts, proposed_topics
from llkd.curation.maps.words import count_words
from llkd.embedding.pool import student_embeddings
from llkd.errors import StoreError
from llkd.jobs.progress import Progress
from llkd.models.sources import student_digest
from llkd.store import Project, Store
from llkd.store.derived.embeddings import embeddings_student, read_rows
from llkd.store.derived.maps import StoredMap

MOST_FITTED = 100_000
"""Of more texts so many at random make the map, and the others are placed among them."""
COUNTED = 20_000
"""Of so many texts, at random, the words are counted."""


def make_map(
    store: Store,
    project: Project,
    job: Progress,
    *,
    student: str | None = None,
    seed: int = 0,
    again: bool = False,
    most_fitted: int = MOST_FITTED,
) -> dict[str, Any]:
    """Map every text, or place those that came after the map was made; what came of it.

    Texts that stand on the map stay where they are unless it is made ``again``, or what there is
    is damaged, of other texts, or by another ``student`` than wanted (None: the one whose
    embeddings are in use). Embeddings are made where they are missing. Raises JobCancelled when
    asked to stop; the map of before is there until the new one is whole.
    """
    began = time.monotonic()
    earlier = None if again else _earlier(store, project)
    if earlier is not None and student is not None and earlier.student != student:
        earlier = None
    name = student or (earlier and earlier.student) or curation.student_in_use(store, project)
    name = name or "embedded"
    digest = student_digest(name, store.home.root)
    if earlier is not None and None not in (digest, earlier.student_sha256):
        # Weights of the same name may be others by now.
        earlier = earlier if earlier.student_sha256 == digest else None
    seconds: dict[str, float] = {}
    if earlier is None or earlier.rows < project.rows:
        with _timed(seconds, "embedding"):
            student_embeddings(store, project, name, job)
        if earlier is None:
            stored = _fresh(store, project, job, name, seed, most_fitted, seconds)
        else:
            stored = place_later(store, project, earlier, job, seconds)
        store.maps.write(project.id, stored)
    placed = project.rows - (0 if earlier is None else earlier.rows)
    pool_map = curation.needed_map(store, project)
    return {
        "project": project.name,
        "texts": pool_map.rows,
        "placed": placed,
        "fresh": earlier is None,
        "fitted": pool_map.fitted,
        "student": pool_map.student,
        "seed": pool_map.seed,
        "topics": [topic.document() for topic in pool_map.topics],
        "seconds": {
            **{stage: round(value, 2) for stage, value in seconds.items()},
            "all": round(time.monotonic() - began, 2),
        },
    }


def place_added(store: Store, project: Project, job: Progress) -> int:
    """Place texts that came after the map was made, where their embeddings are there by now.

    How many were placed; 0 where there is no map that can be gone on with.
    """
    earlier = _earlier(store, project)
    if earlier is None or earlier.rows >= project.rows or earlier.student is None:
        return 0
    path = curation.embeddings_path(store, project, earlier.student)
    if not path.exists() or embeddings_student(path) != earlier.student_sha256:
        return 0
    store.maps.write(project.id, place_later(store, project, earlier, job, {}))
    return project.rows - earlier.rows


def _earlier(store: Store, project: Project) -> StoredMap | None:
    """The map that there is, where it can be gone on with."""
    try:
        stored = store.maps.read(project.id)
    except StoreError:
        return None
    if stored is None or stored.version != MAP_VERSION or mapped_texts(project, stored) is None:
        return None
    return stored


def _fresh(
    store: Store,
    project: Project,
    job: Progress,
    student: str,
    seed: int,
    most_fitted: int,
    seconds: dict[str, float],
) -> StoredMap:
    path = curation.embeddings_path(store, project, student)
    rng = np.random.default_rng(seed)
    fitted = np.arange(project.rows)
    if project.rows > most_fitted:
        fitted = np.sort(rng.choice(project.rows, most_fitted, replace=False))
    points = read_rows(path, fitted)

    with _timed(seconds, "layout"):
        standing = fit_layout(
            points,
            seed,
            job.check,
            lambda done, total, message: job.progress(done, total, message, always=True),
        )
    job.progress(0, None, "Looking for topics", always=True)
    with _timed(seconds, "groups"):
        groups = find_groups(points, seed)
        examples = near_centre(points, groups)
    with _timed(seconds, "words"):
        counted = np.arange(len(fitted))
        if len(fitted) > COUNTED:
            counted = np.sort(rng.choice(len(fitted), COUNTED, replace=False))
        texts = store.projects.texts(project, ["text"])["text"].to_numpy()[fitted[counted]]
        group = groups.group[counted]
        counts, vocabulary = count_words([str(text) for text in texts], group, len(groups.centres))
    stored = StoredMap(
        coordinates=standing,
        group=groups.group,
        fitted=fitted,
        centres=groups.centres,
        group_texts=groups.texts,
        tree=groups.tree,
        examples=np.where(examples >= 0, fitted[examples], -1) if len(fitted) else examples,
        counts=counts,
        counted=np.bincount(group, minlength=len(groups.centres)),
        vocabulary=vocabulary,
        texts=project.digest,
        student=student,
        student_sha256=embeddings_student(path),
        seed=seed,
        version=MAP_VERSION,
        topics=proposed_topics(groups.tree),
    )
    with _timed(seconds, "placing"):
        stored = _spread(store, project, stored, job, points, standing)
    return replace(stored, seconds=dict(seconds))


def _spread(
    store: Store,
    project: Project,
    stored: StoredMap,
    job: Progress,
    points: np.ndarray,
    standing: np.ndarray,
) -> StoredMap:
    """A map of its fitted texts with all other texts of the project placed among them."""
    if len(stored.fitted) == project.rows:
        return stored
    others = np.setdiff1d(np.arange(project.rows), stored.fitted, assume_unique=True)
    coordinates = np.empty((project.rows, 2), dtype=np.float32)
    group = np.empty(project.rows, dtype=np.int32)
    coordinates[stored.fitted], group[stored.fitted] = standing, stored.group
    coordinates[others], group[others] = _places(
        store, project, stored, others, points, standing, job
    )
    return replace(stored, coordinates=coordinates, group=group)


def place_later(
    store: Store, project: Project, stored: StoredMap, job: Progress, seconds: dict[str, float]
) -> StoredMap:
    """The map with the texts placed that came since; those that stand on it do not move."""
    with _timed(seconds, "placing"):
        new = np.arange(stored.rows, project.rows)
        path = curation.embeddings_path(store, project, stored.student or "embedded")
        points = read_rows(path, stored.fitted.astype(np.int64))
        standing = stored.coordinates[stored.fitted]
        coordinates, group = _places(store, project, stored, new, points, standing, job)
    return replace(
        stored,
        coordinates=np.concatenate([stored.coordinates, coordinates]),
        group=np.concatenate([stored.group, group]),
        texts=project.digest,
    )


def _places(
    store: Store,
    project: Project,
    stored: StoredMap,
    rows: np.ndarray,
    points: np.ndarray,
    standing: np.ndarray,
    job: Progress,
) -> tuple[np.ndarray, np.ndarray]:
    """Where these rows stand among the fitted ``points`` at ``standing``, and their groups."""
    path = curation.embeddings_path(store, project, stored.student or "embedded")
    job.progress(0, len(rows), "Placing texts", always=True)
    vectors = read_rows(path, rows)
    coordinates = place_points(
        vectors,
        points,
        standing,
        job.check,
        lambda done: job.progress(done, len(rows), "Placing texts"),
    )
    return coordinates, nearest_centre(vectors, stored.centres)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[stage] = time.monotonic() - began
