"""Small groups of texts by their embeddings, and how they join to topics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llkd.curation.maps.layout import different_points

MOST_GROUPS = 100
TEXTS_EACH = 20
"""Of a small pool a group has at least about so many."""
CLUSTERED = 20_000
"""From more texts than these the groups' centres are not learned; each text gets one."""
EXAMPLES = 5
FEWEST_TOPICS, MOST_TOPICS = 2, 20
_BLOCK = 16_384


@dataclass(frozen=True)
class Groups:
    """Groups of ``n`` points: whose each is ``[n]``, centres of length 1 ``[g, d]``, the tree.

    ``tree [g - 1, 4]`` says how groups join, as scipy's linkages do; ``texts [g]`` counts points.
    """

    group: np.ndarray
    centres: np.ndarray
    texts: np.ndarray
    tree: np.ndarray


def find_groups(points: np.ndarray, seed: int) -> Groups:
    """Groups of ``points [n, d]`` by k-means, joined by Ward's rule; the same for the same seed."""
    from scipy.cluster.hierarchy import ward
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    n, width = points.shape
    if not n:
        return Groups(
            np.zeros(0, np.int32), np.zeros((0, width), np.float32), np.zeros(0, int),
            np.zeros((0, 4)),
        )  # fmt: skip
    rng = np.random.default_rng(seed)
    learned = points
    if n > CLUSTERED:
        learned = points[np.sort(rng.choice(n, CLUSTERED, replace=False))]
    count = int(np.clip(n // TEXTS_EACH, min(n, 2), MOST_GROUPS))
    count = min(count, len(different_points(learned)[0]))
    with threadpool_limits(1, user_api="openmp"):  # the order of sums is the order of threads
        model = KMeans(count, n_init=1, max_iter=60, random_state=seed).fit(learned)
    centres = _unit(model.cluster_centers_)
    group = nearest_centre(points, centres)
    texts = np.bincount(group, minlength=count)
    filled = np.flatnonzero(texts)
    rank = np.cumsum(texts > 0) - 1
    centres, texts, group = centres[filled], texts[filled], rank[group].astype(np.int32)
    tree = ward(centres.astype(np.float64)) if len(centres) > 1 else np.zeros((0, 4))
    return Groups(group, centres, texts, tree)


def nearest_centre(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The group that each of ``points [n, d]`` belongs to, ``[n]`` int32."""
    group = np.zeros(len(points), dtype=np.int32)
    for start in range(0, len(points), _BLOCK):
        part = slice(start, start + _BLOCK)
        group[part] = np.argmax(points[part] @ centres.T, axis=1)
    return group


def near_centre(points: np.ndarray, groups: Groups) -> np.ndarray:
    """Of each group the points nearest to its centre, ``[g, EXAMPLES]``; -1 where there are none.

    Equal points stand for one.
    """
    examples = np.full((len(groups.centres), EXAMPLES), -1, dtype=np.int32)
    for number, centre in enumerate(groups.centres):
        members = np.flatnonzero(groups.group == number)
        order = np.argsort(-(points[members] @ centre), kind="stable")
        near = members[order[: 20 * EXAMPLES]]
        _, whose = different_points(points[near])
        nearest = near[np.unique(whose, return_index=True)[1]][:EXAMPLES]
        examples[number, : len(nearest)] = nearest
    return examples


def cut_tree(tree: np.ndarray, topics: int) -> np.ndarray:
    """The topic of each group, ``[g]`` from 0, where there are so many topics, or one a group."""
    groups = len(tree) + 1
    topics = min(topics, groups)
    above = list(range(2 * groups - 1))
    for step in range(groups - topics):
        left, right = int(tree[step, 0]), int(tree[step, 1])
        above[left] = above[right] = groups + step
    roots = []
    for group in range(groups):
        root = group
        while above[root] != root:
            root = above[root]
        roots.append(root)
    return np.unique(roots, return_inverse=True)[1].astype(np.int32)


def _unit(values: np.ndarray) -> np.ndarray:
    length = np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return np.asarray(values / length, dtype=np.float32)
