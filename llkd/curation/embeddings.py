"""The frozen student's embeddings of all texts: where they are, and which texts they know."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from llkd.store import Project, Store
from llkd.store.derived.embeddings import (
    embeddings_name,
    embeddings_size,
    made_by,
    read_embeddings,
)

_BLOCK = 50_000


def embeddings_key(model: Mapping[str, Any], project: Project) -> str:
    """A file name for embeddings, by the model and the texts they depend on."""
    import hashlib
    import json

    facts = json.dumps([dict(model), project.digest], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def embeddings_path(store: Store, project: Project, student: str) -> Path:
    """Where the embeddings of this project's texts by one student are kept, once made."""
    return store.embeddings.path(project.id, embeddings_key({"student": student}, project))


def embeddings_made(
    store: Store, project: Project, student: str, digest: str | None, texts: int
) -> tuple[Path, int] | None:
    """The file with this student's embeddings of at least the first ``texts`` texts.

    And of how many. ``digest`` is that of the student's weights. Of several files the newest;
    None where there is none.
    """
    for stage in project.every_stage():
        path = embeddings_path(store, stage, student)
        if stage.rows >= texts and made_by(path, student, digest):
            return path, stage.rows
    return None


def student_in_use(store: Store, project: Project) -> str | None:
    """The student that made the embeddings in use, as it is named; None where nobody knows."""
    path = newest_embeddings(store, project)
    if path is None:
        return None
    names = [embeddings_name(path), "embedded"]
    names += [run.config.student for run in store.runs.all(project.id)]
    for name in names:
        for stage in project.every_stage():
            if name is not None and embeddings_path(store, stage, name) == path:
                return name
    return None


def embedded_texts(project: Project, path: Path | None) -> int:
    """How many texts of the project, from the first on, have an embedding in this file.

    Fewer than all where texts were added since it was made. 0 where it is of other texts, or none.
    """
    size = 0 if path is None else embeddings_size(path)[0]
    # A file of more texts was made after some were added that this stage does not have.
    return min(size, project.rows) if size in project.stages or size > project.rows else 0


def newest_embeddings(store: Store, project: Project) -> Path | None:
    """The file of embeddings in use; None before any were made."""
    return store.embeddings.newest(project.id)


def load_embeddings(store: Store, project: Project) -> np.ndarray | None:
    """The newest embeddings of this project's first texts, ``[m, d]``; None before a probe.

    ``m`` is less than ``n`` where texts were added since they were made.
    """
    path = newest_embeddings(store, project)
    texts = embedded_texts(project, path)
    return None if path is None or not texts else read_embeddings(path)[:texts]


def has_embeddings(store: Store, project: Project) -> bool:
    """Whether there are embeddings to compare texts by, be it without those added since."""
    return newest_embeddings(store, project) is not None


def has_all_embeddings(store: Store, project: Project) -> bool:
    """Whether every text of the project has an embedding in the file in use."""
    return embedded_texts(project, newest_embeddings(store, project)) == project.rows


def nearest_rows(
    store: Store, project: Project, row: int, among: np.ndarray, count: int = 200
) -> np.ndarray | None:
    """The rows ``among`` (sorted) nearest in meaning to ``row``, nearest first, itself too.

    By the cosine between the frozen student's embeddings, read a block at a time: a million of
    them are more than a server should hold. Texts without one are left out. None where ``row`` has
    no embedding.
    """
    from safetensors import safe_open

    path = newest_embeddings(store, project)
    n = embedded_texts(project, path)
    if path is None or not 0 <= row < n:
        return None
    among = among[among < n]
    with safe_open(path, framework="np") as file:
        values = file.get_slice("embeddings")
        wanted = _unit(values[row : row + 1])[0]
        cosine = np.concatenate(
            [_unit(values[at : min(n, at + _BLOCK)]) @ wanted for at in range(0, n, _BLOCK)]
        )[among]
    best = np.argsort(-cosine, kind="stable")[:count]
    return np.asarray(among[best])


def _unit(values: np.ndarray) -> np.ndarray:
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
