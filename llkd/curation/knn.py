"""What a text's nearest neighbours say its class is: a look at its label from outside.

A label that the texts around it carry as well is far likelier right than one they contradict
(deep k-NN for noisy labels: Bahri, Jiang and Gupta 2020). The text itself has no vote, and neither
have its near-duplicates, which carry its label for no other reason than that they are its copies;
for other texts they have one vote together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from llkd.selection.signals import Floats, Ints

NEIGHBOURS = 15
EXACT_VOTERS = 50_000
"""Among more voters the nearest are looked up in an index, which misses one in some hundreds."""
_BLOCK = 4096
Groups = Ints


class KnnVotes(NamedTuple):
    """What each text's nearest voters say of it, ``[n, C]`` each; NaN where nobody can vote.

    ``votes`` are their labels as shares, ``means`` the mean of their probabilities, and ``base``
    the share of each class among all who could vote for the text.
    """

    votes: Floats
    means: Floats
    base: Floats


def bounded(voters: int, neighbours: int = NEIGHBOURS) -> int:
    """How many neighbours are asked where there are so many voters, one of them the text's own.

    At most half of the others: were all of them asked, a class would lack the text's own vote and
    always lose by it. 0 where there is nobody to ask.
    """
    return 0 if voters < 2 else min(neighbours, max(1, (voters - 1) // 2))


def knn_votes(
    points: np.ndarray,
    label: Ints,
    probabilities: Floats,
    *,
    group: Groups | None = None,
    neighbours: int = NEIGHBOURS,
    check: Callable[[], None] | None = None,
) -> KnnVotes:
    """What each text's nearest labelled texts say, itself and its near-duplicates left out.

    ``points [n, d]`` are embeddings (compared by cosine), ``label [n]`` class indices, -1 for none:
    such a text has no vote and gets an answer all the same. ``group [n]`` names near-duplicates by
    equal numbers (default: there are none); ``probabilities [n, C]`` may be NaN. ``check`` is
    called between blocks and may raise.
    """
    voters, own = voting_groups(label, group)
    nearest = nearest_voters(points, voters, own, neighbours, check)
    return votes_of(nearest, voters, own, label, probabilities)


def voting_groups(label: Ints, group: Groups | None = None) -> tuple[Ints, Ints]:
    """Voters as numbers from 0: of each labelled text the one it belongs to, ``[n]``, else -1.

    And of each text ``[n]`` the voter that is itself or its near-duplicates; -1 where none of them
    has a label.
    """
    named = np.arange(len(label)) if group is None else np.asarray(group, dtype=np.int64)
    names, code = np.unique(named, return_inverse=True)
    known = np.asarray(label) >= 0
    number = np.full(len(names), -1, dtype=np.int64)
    labelled = np.unique(code[known])
    number[labelled] = np.arange(len(labelled))
    own = number[code]
    return np.where(known, own, -1), own


def nearest_voters(
    points: np.ndarray,
    voters: Ints,
    own: Ints,
    neighbours: int = NEIGHBOURS,
    check: Callable[[], None] | None = None,
) -> Ints:
    """The nearest voters of each text by cosine, its own left out, ``[n, k]``; nearest first.

    Several near-duplicates stand where the mean of their directions is.
    """
    count = int(voters.max(initial=-1)) + 1
    width = bounded(count, neighbours)
    if width < 1:
        return np.zeros((len(points), 0), dtype=np.int64)
    places = _mean_directions(points, voters, count)
    search = (_exact if count <= EXACT_VOTERS else _indexed)(places, width + 1, check)
    nearest = np.empty((len(points), width), dtype=np.int64)
    for start in range(0, len(points), _BLOCK):
        if check is not None:
            check()
        part = slice(start, start + _BLOCK)
        nearest[part] = without_own(search(points[part]), own[part])
    return nearest


Search = Callable[[np.ndarray], Ints]


def _exact(places: np.ndarray, width: int, check: Callable[[], None] | None) -> Search:
    """Every voter is compared with every text."""
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=width, algorithm="brute", metric="cosine").fit(places)
    return lambda points: model.kneighbors(points, return_distance=False)


def _indexed(places: np.ndarray, width: int, check: Callable[[], None] | None) -> Search:
    """A graph of near ones is walked (HNSW, Malkov and Yashunin 2020)."""
    from usearch.index import Index

    index = Index(ndim=places.shape[1], metric="cos", dtype="f32", expansion_add=64)
    for start in range(0, len(places), _BLOCK):
        if check is not None:
            check()
        part = np.ascontiguousarray(places[start : start + _BLOCK], dtype=np.float32)
        index.add(np.arange(start, start + len(part)), part)

    def search(points: np.ndarray) -> Ints:
        wanted = np.ascontiguousarray(points, dtype=np.float32)
        return np.asarray(index.search(wanted, width).keys, dtype=np.int64).reshape(-1, width)

    return search


def without_own(nearest: Ints, own: Ints) -> Ints:
    """``[m, k]`` of ``nearest [m, k + 1]``: the voter ``own [m]`` left out, or else the last."""
    # Equal texts may stand before the text itself: it is found by its number, not by its place.
    mine = nearest == own[:, None]
    mine[:, -1] |= ~mine.any(axis=1)
    return np.asarray(nearest[~mine].reshape(len(nearest), -1))


def votes_of(
    nearest: Ints, voters: Ints, own: Ints, label: Ints, probabilities: Floats
) -> KnnVotes:
    """The votes of the ``nearest [n, k]`` voters, and whom else one could have asked."""
    n, classes = probabilities.shape
    count, width = int(voters.max(initial=-1)) + 1, nearest.shape[1]
    if not width:
        return KnnVotes(*(np.full((n, classes), np.nan) for _ in KnnVotes._fields))
    voting = np.flatnonzero(voters >= 0)
    size = np.bincount(voters[voting], minlength=count).astype(np.float64)[:, None]
    ballot, voter_means = np.zeros((count, classes)), np.zeros((count, classes))
    np.add.at(ballot, (voters[voting], np.asarray(label)[voting]), 1.0)
    np.add.at(voter_means, voters[voting], np.nan_to_num(probabilities[voting]))
    ballot, voter_means = ballot / size, voter_means / size
    votes, means = np.zeros((n, classes)), np.zeros((n, classes))
    for place in range(width):  # one neighbour at a time: [n, k, C] would be large
        votes += ballot[nearest[:, place]]
        means += voter_means[nearest[:, place]]
    mine = np.where((own >= 0)[:, None], ballot[np.maximum(own, 0)], 0.0)
    base = (ballot.sum(axis=0) - mine) / (count - (own >= 0))[:, None]
    return KnnVotes(votes / width, means / width, np.maximum(base, 0.0))


def _mean_directions(points: np.ndarray, voters: Ints, count: int) -> np.ndarray:
    """Where each voter stands, ``[count, d]``."""
    voting = np.flatnonzero(voters >= 0)
    if count == len(voting):
        return np.asarray(points[voting[np.argsort(voters[voting])]])
    length = np.linalg.norm(points[voting], axis=1, keepdims=True)
    unit = points[voting] / np.maximum(length, 1e-12)
    summed = np.zeros((count, points.shape[1]), dtype=points.dtype)
    np.add.at(summed, voters[voting], unit)
    return summed
