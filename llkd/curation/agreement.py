"""Texts whose nearest texts bear their label out: the strategy ``neighbours``' gate as a mask."""

from __future__ import annotations

import numpy as np

from llkd.curation.embeddings import load_embeddings
from llkd.curation.knn import knn_votes
from llkd.curation.plane import Plane
from llkd.selection.signals import Bools, Floats, Ints
from llkd.selection.strategies.neighbours import label_support
from llkd.store import Project, Store

MOST_TEXTS = 10_000
"""Of more texts the search takes too long for a page: training makes and keeps it."""


def neighbour_agreement(store: Store, project: Project, plane: Plane) -> Bools | None:
    """Which pool rows the texts most like them agree with, a mask ``[n]``.

    As the strategy ``neighbours`` decides, by today's labels and the newest embeddings; texts that
    are the same to the last letter have one vote together. Texts that were added since the
    embeddings were made agree with none and have no vote. None before the quick estimate, and of
    more than :data:`MOST_TEXTS` texts.
    """
    frame = plane.frame
    points = None if len(frame) > MOST_TEXTS else load_embeddings(store, project)
    if points is None:
        return None
    embedded = frame["row"].to_numpy() < len(points)
    agrees = np.zeros(len(frame), dtype=bool)
    agrees[embedded] = _agreement(store, project, plane, points, np.flatnonzero(embedded))
    return agrees


def _agreement(store: Store, project: Project, plane: Plane, points: Floats, places: Ints) -> Bools:
    """The mask for the texts of the plane at these places, all of which have an embedding."""
    frame = plane.frame.iloc[places]
    probabilities = plane.probabilities[places]
    rows = frame["row"].to_numpy()
    label = frame["label"].to_numpy()
    texts = store.projects.texts(project, ["text"])["text"].to_numpy()[rows]
    _, group = np.unique(texts.astype(str), return_inverse=True)
    certain = (frame["human_label"].to_numpy() >= 0) | np.isnan(probabilities).any(axis=1)
    voter_probs = np.where(
        certain[:, None], np.eye(len(plane.names))[np.maximum(label, 0)], probabilities
    )
    votes = knn_votes(points[rows], label, voter_probs, group=group)
    shares, means, base = (np.nan_to_num(values) for values in votes)
    support = label_support(shares, means, probabilities, label, base)
    return np.asarray(support.passes & ~frame["excluded"].to_numpy())
