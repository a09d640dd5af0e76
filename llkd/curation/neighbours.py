"""What a text's nearest neighbours say its class is: a look at its label from outside.

A label that the texts around it carry as well is far likelier right than one they contradict
(deep k-NN for noisy labels: Bahri, Jiang and Gupta 2020). The text itself has no vote.
"""

from __future__ import annotations

import numpy as np

from llkd.signals import Floats, Ints

NEIGHBOURS = 15
VOTERS = 20_000


def neighbour_votes(
    points: np.ndarray,
    label: Ints,
    classes: int,
    *,
    neighbours: int = NEIGHBOURS,
    voters: int = VOTERS,
    seed: int = 0,
) -> Floats:
    """Shares of votes ``[n, C]`` of each text's nearest labelled texts, itself left out.

    ``points [n, d]`` are embeddings (compared by cosine), ``label [n]`` class indices, -1 for
    none: such a text has no vote and gets one all the same. At most ``voters`` texts, drawn at
    random, vote, so that the work grows with n and not with its square. NaN where nobody can vote.
    """
    from sklearn.neighbors import NearestNeighbors

    labels = np.asarray(label, dtype=np.int64)
    known = np.flatnonzero(labels >= 0)
    if len(known) > voters:
        known = np.sort(np.random.default_rng(seed).choice(known, voters, replace=False))
    asked = min(neighbours, len(known) - 1)
    if asked < 1:
        return np.full((len(labels), classes), np.nan)
    search = NearestNeighbors(n_neighbors=asked + 1, algorithm="brute", metric="cosine")
    nearest = known[search.fit(points[known]).kneighbors(points, return_distance=False)]
    # Equal texts may stand before the text itself: it is found by its number, not by its place.
    own = nearest == np.arange(len(labels))[:, None]
    own[:, -1] |= ~own.any(axis=1)  # the text does not vote at all: the farthest is one too many
    voting = nearest[~own].reshape(len(labels), asked)
    votes = np.zeros((len(labels), classes))
    np.add.at(votes, (np.arange(len(labels))[:, None], labels[voting]), 1.0)
    return votes / asked
