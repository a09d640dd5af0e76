"""What a text's nearest neighbours say its class is: a look at its label from outside.

A label that the texts around it carry as well is far likelier right than one they contradict
(deep k-NN for noisy labels: Bahri, Jiang and Gupta 2020). The text itself has no vote.
"""

from __future__ import annotations

import numpy as np

from llkd.signals import Floats, Ints

NEIGHBOURS = 15
VOTERS = 20_000


def neighbour_opinions(
    points: np.ndarray,
    label: Ints,
    probabilities: Floats,
    *,
    neighbours: int = NEIGHBOURS,
    voters: int = VOTERS,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """What each text's nearest labelled texts say, itself left out: ``[n, C]`` twice.

    First their shares of votes, then the mean of their ``probabilities [n, C]``. ``points [n, d]``
    are embeddings (compared by cosine), ``label [n]`` class indices, -1 for none: such a text has
    no vote and gets an answer all the same. At most ``voters`` texts, drawn at random, vote, so
    that the work grows with n and not with its square. NaN where nobody can vote.
    """
    from sklearn.neighbors import NearestNeighbors

    labels, said = np.asarray(label, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    known = np.flatnonzero(labels >= 0)
    if len(known) > voters:
        known = np.sort(np.random.default_rng(seed).choice(known, voters, replace=False))
    asked = min(neighbours, len(known) - 1)
    if asked < 1:
        return np.full(said.shape, np.nan), np.full(said.shape, np.nan)
    search = NearestNeighbors(n_neighbors=asked + 1, algorithm="brute", metric="cosine")
    nearest = known[search.fit(points[known]).kneighbors(points, return_distance=False)]
    # Equal texts may stand before the text itself: it is found by its number, not by its place.
    own = nearest == np.arange(len(labels))[:, None]
    own[:, -1] |= ~own.any(axis=1)  # the text does not vote at all: the farthest is one too many
    voting = nearest[~own].reshape(len(labels), asked)
    votes, means = np.zeros(said.shape), np.zeros(said.shape)
    np.add.at(votes, (np.arange(len(labels))[:, None], labels[voting]), 1.0)
    for place in range(asked):  # one neighbour at a time: [n, asked, C] would be large
        means += np.nan_to_num(said[voting[:, place]])
    return votes / asked, means / asked
