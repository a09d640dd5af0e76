"""How near texts are to a typed meaning, by the embeddings of the frozen student."""

from __future__ import annotations

import numpy as np

from llkd.curation.embeddings import embedded_texts, newest_embeddings, student_in_use
from llkd.curation.labels import quoted
from llkd.errors import UserError
from llkd.models.sources import student_digest
from llkd.selection.signals import Floats
from llkd.store import Project, Store
from llkd.store.derived.embeddings import made_by

LONGEST_MEANING = 1000
NEAREST = 200
"""So many of the nearest texts are shown."""
_BLOCK = 50_000


def student_of_embeddings(store: Store, project: Project) -> str:
    """The student whose embeddings compare texts.

    Raises UserError where there are none, or where its weights are others than those that made
    them.
    """
    path = newest_embeddings(store, project)
    if not embedded_texts(project, path):
        raise UserError(
            "Searching by meaning compares embeddings of the texts, and there are none yet. Make "
            f"them with: llkd probe {quoted(project.name)}"
        )
    student = student_in_use(store, project)
    if student is None:
        raise UserError(
            "It is not known which student made the embeddings in use, so that no typed text can "
            f"be compared with them. Make them again with: llkd probe {quoted(project.name)}"
        )
    if path is None or not made_by(path, student, student_digest(student, store.home.root)):
        raise UserError(
            f"The student {student!r} has other weights than those that made the embeddings. Make "
            f"them again with: llkd probe {quoted(project.name)} --student {quoted(student)}"
        )
    return student


def meaning_scores(store: Store, project: Project, vector: Floats) -> Floats:
    """The cosine ``[n]`` between each text and a vector ``[d]``; NaN for texts without embedding.

    Read a block at a time. Raises UserError where the vector is of another length.
    """
    from safetensors import safe_open

    path = newest_embeddings(store, project)
    known = embedded_texts(project, path)
    scores = np.full(project.rows, np.nan)
    if path is None or not known:
        return scores
    wanted = np.asarray(vector, dtype=np.float32)
    wanted /= max(float(np.linalg.norm(wanted)), 1e-12)
    with safe_open(path, framework="np") as file:
        values = file.get_slice("embeddings")
        if values.get_shape()[1] != len(wanted):
            raise UserError(
                "The embeddings are of another student than the one asked. Make them again with: "
                f"llkd probe {quoted(project.name)}"
            )
        for at in range(0, known, _BLOCK):
            block = values[at : min(known, at + _BLOCK)]
            lengths = np.sqrt(np.einsum("nd,nd->n", block, block))
            scores[at : at + len(block)] = (block @ wanted) / np.maximum(lengths, 1e-12)
    return scores


def nearest_places(scores: Floats, mask: np.ndarray, most: int = NEAREST) -> np.ndarray:
    """The ``most`` places of ``mask`` ``[n]`` with the highest scores ``[n]``, ascending."""
    places = np.flatnonzero(mask & ~np.isnan(scores))
    if len(places) > most:
        places = places[np.argpartition(-scores[places], most)[:most]]
    return np.sort(places)
