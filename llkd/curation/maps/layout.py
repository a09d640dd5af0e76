"""Where texts stand on a map: t-SNE of their embeddings, and new texts among those that stand.

t-SNE (van der Maaten and Hinton 2008) by openTSNE, with its Fourier approximation (Linderman et al.
2019) and an exaggeration that lasts (Böhm et al. 2022): groups draw together, as UMAP shows them,
and a hundred thousand texts take two minutes. The same points, settings and seed give the same map,
however many threads work on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from llkd.curation.knn import EXACT_VOTERS

NEIGHBOURS = 15
PLACED_BY = 10
"""Of how many nearest fitted texts the middle is where a new one stands."""
FEWEST = 12
"""Fewer different texts are laid out along their two widest directions."""
FEW = 4_000
EARLY, LATE = 150, 350
"""Iterations: drawing groups together, then settling."""
EARLY_EXAGGERATION, EXAGGERATION = 12.0, 4.0
_BLOCK = 4096

Check = Callable[[], None]
Tell = Callable[[int, int, str], None]


def fit_layout(
    points: np.ndarray, seed: int, check: Check | None = None, tell: Tell | None = None
) -> np.ndarray:
    """Where ``points [n, d]`` (of length 1) stand, ``[n, 2]`` float32 within -1 to 1.

    Equal points stand in one place. ``check`` is called now and then and may raise; ``tell`` gets
    done, total and a message.
    """
    if not len(points):
        return np.zeros((0, 2), dtype=np.float32)
    different, place = different_points(points)
    if len(different) < FEWEST:
        standing = _widest(different, 2, seed)
    else:
        standing = _tsne(different, seed, check or _nothing, tell or _untold)
    return _framed(standing)[place]


def place_points(
    points: np.ndarray,
    fitted: np.ndarray,
    standing: np.ndarray,
    check: Check | None = None,
    tell: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Where new ``points [m, d]`` stand among the ``fitted [f, d]``, who stay where they are.

    The middle (median) of their nearest fitted ones, so within those; each by itself, whichever
    others are placed with it. ``[m, 2]`` float32. ``tell`` gets how many are placed.
    """
    if not len(points) or not len(fitted):
        return np.zeros((len(points), 2), dtype=np.float32)
    nearest, _ = nearest_points(points, fitted, min(PLACED_BY, len(fitted)), check, tell)
    result = np.empty((len(points), 2), dtype=np.float32)
    for start in range(0, len(points), _BLOCK):
        part = slice(start, start + _BLOCK)
        result[part] = np.median(standing[nearest[part]], axis=1)
    return result


def nearest_points(
    points: np.ndarray,
    among: np.ndarray,
    count: int,
    check: Check | None = None,
    tell: Callable[[int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` nearest of ``among`` to each point ``[n, count]``, and how far they are.

    Both of length 1; distances are Euclidean. Among many they are looked up in an index, which is
    built by one thread: several would build another one each time.
    """
    search = _exact(among, count) if len(among) <= EXACT_VOTERS else _indexed(among, count, check)
    nearest = np.empty((len(points), count), dtype=np.int64)
    distance = np.empty((len(points), count), dtype=np.float64)
    for start in range(0, len(points), _BLOCK):
        if check is not None:
            check()
        part = slice(start, start + _BLOCK)
        nearest[part], distance[part] = search(points[part])
        if tell is not None:
            tell(min(start + _BLOCK, len(points)))
    return nearest, distance


def _exact(among: np.ndarray, count: int) -> Any:
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(among)

    def search(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        distance, nearest = model.kneighbors(points)
        return nearest, distance

    return search


def _indexed(among: np.ndarray, count: int, check: Check | None) -> Any:
    from usearch.index import Index

    # Half the bits of each number: twice as fast, and as good at finding the nearest.
    index = Index(ndim=among.shape[1], metric="cos", dtype="bf16", expansion_add=64)
    for start in range(0, len(among), _BLOCK):
        if check is not None:
            check()
        part = np.ascontiguousarray(among[start : start + _BLOCK], dtype=np.float32)
        index.add(np.arange(start, start + len(part)), part, threads=1)

    def search(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        wanted = np.ascontiguousarray(points, dtype=np.float32)
        nearest = np.asarray(index.search(wanted, count).keys, dtype=np.int64).reshape(-1, count)
        cosine = np.einsum("nd,nkd->nk", wanted, among[nearest])
        return nearest, np.sqrt(np.maximum(2 - 2 * cosine.astype(np.float64), 0.0))

    return search


def different_points(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each different point once, in the order in which they first occur, and whose each is."""
    whole = np.ascontiguousarray(points, dtype=np.float32)
    keys = whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return whole[first[order]], rank[inverse.ravel()]


def _widest(points: np.ndarray, dimensions: int, seed: int) -> np.ndarray:
    """The points along their widest directions; zeros where there are fewer directions."""
    from sklearn.decomposition import PCA

    result = np.zeros((len(points), dimensions))
    possible = min(dimensions, len(points) - 1, points.shape[1])
    if possible > 0:
        model = PCA(possible, svd_solver="covariance_eigh", random_state=seed)
        result[:, :possible] = model.fit_transform(points.astype(np.float64))
    return result


def _tsne(points: np.ndarray, seed: int, check: Check, tell: Tell) -> np.ndarray:
    from openTSNE import TSNEEmbedding, initialization
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    # Barnes and Hut's tree is faster among few, and there threads cost more than they save.
    few = len(points) < FEW
    method, threads = ("bh", 1) if few else ("fft", -1)
    total = EARLY + LATE
    tell(0, total, "Comparing each text with those most like it")
    count = min(NEIGHBOURS, (len(points) - 1) // 2)
    nearest, distance = nearest_points(points, points, count + 1, check)
    nearest, distance = _without_self(nearest, distance)
    affinities = PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(nearest, distance),
        perplexity=max(count / 3, 1.5),
        n_jobs=threads,
        random_state=seed,
    )
    check()
    start = initialization.rescale(_widest(points, 2, seed) + _jitter(len(points), seed))
    embedding = TSNEEmbedding(
        start, affinities, negative_gradient_method=method, n_jobs=threads, random_state=seed
    )
    done = 0

    def each_step(_iteration: int, _error: float, _embedding: np.ndarray) -> bool:
        check()
        tell(done + _iteration, total, "Laying out the map")
        return False

    for iterations, exaggeration, momentum in (
        (EARLY, EARLY_EXAGGERATION, 0.5),
        (LATE, EXAGGERATION, 0.8),
    ):
        embedding.optimize(
            n_iter=iterations,
            exaggeration=exaggeration,
            momentum=momentum,
            learning_rate=max(200.0, len(points) / exaggeration),
            inplace=True,
            propagate_exception=True,
            callbacks=[each_step],
            callbacks_every_iters=10,
        )
        done += iterations
    return np.asarray(embedding, dtype=np.float64)


def _without_self(nearest: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``[n, k]`` of ``[n, k + 1]``: each point itself left out, or else the last."""
    mine = nearest == np.arange(len(nearest))[:, None]
    mine[:, -1] |= ~mine.any(axis=1)
    shape = len(nearest), -1
    return nearest[~mine].reshape(shape), distance[~mine].reshape(shape)


def _jitter(count: int, seed: int) -> np.ndarray:
    """So little that no two begin in one place, from which they could never part."""
    return np.random.default_rng(seed).normal(0.0, 1e-4, (count, 2))


def _framed(standing: np.ndarray) -> np.ndarray:
    """Moved and scaled to lie within -1 to 1, by one factor for both directions."""
    low, high = standing.min(axis=0), standing.max(axis=0)
    half = float((high - low).max()) / 2
    moved = standing - (low + high) / 2
    framed = moved / half if half > 0 else np.zeros_like(moved)
    return np.asarray(np.clip(framed, -1.0, 1.0), dtype=np.float32)


def _nothing() -> None:
    return None


def _untold(_done: int, _total: int, _message: str) -> None:
    return None
