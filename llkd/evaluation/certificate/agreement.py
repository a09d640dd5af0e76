"""How far two people agree: Cohen's kappa and plain agreement, with intervals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from llkd.config.base import Document
from llkd.errors import DataError
from llkd.evaluation.intervals import wilson
from llkd.selection.signals import Floats

_DRAWS = 2_000
_CELLS_AT_ONCE = 1_000_000


class Kappa(Document):
    """Agreement of two people about ``texts``; every interval is one of 95 %.

    ``kappa`` in [-1, 1] is None where chance alone agrees always (both gave one and the same class)
    or fewer than two texts were labelled by both; ``agreement`` in [0, 1] is None without texts.
    """

    texts: int
    agreement: float | None
    agreement_low: float | None
    agreement_high: float | None
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None


def cohen_kappa(a: npt.ArrayLike, b: npt.ArrayLike, confidence_level: float = 0.95) -> Kappa:
    """Cohen's (1960) kappa of two lists of classes ``[n]`` (numbers or names), in pairs.

    Its interval is of the posterior distribution of the table of pairs, with
    :func:`pseudo_counts` as what is believed before: it has width where all agree, and holds kappa
    where a class is rare (docs/method.md). Raises DataError where lists differ.
    """
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape or first.ndim != 1:
        raise DataError("Agreement needs two lists of classes of the same length.")
    n = len(first)
    names, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    size = len(names)
    table = np.bincount(codes[:n] * size + codes[n:], minlength=size * size).reshape(size, size)
    same = int(np.trace(table)) if n else 0
    plain = wilson(same, n, confidence_level)
    if plain is None:
        return _result(0, None, None, None, None)
    observed, kappa = _kappa(table[None] / n)
    if n < 2 or np.isnan(kappa[0]):
        return _result(n, float(observed[0]), plain, None, None)
    draws = posterior_shares((table + pseudo_counts(size)).ravel())
    values = np.concatenate([_kappa(part.reshape(-1, size, size))[1] for part in draws])
    interval = ends(values, float(kappa[0]), confidence_level)
    return _result(n, float(observed[0]), plain, float(kappa[0]), interval)


def pseudo_counts(classes: int) -> Floats:
    """What is believed of a table of pairs ``[C, C]`` before the first text.

    One text that agrees and half of one that does not, spread over all classes: so little that
    twenty texts outweigh it, and enough for a class that was hardly seen.
    """
    agree = np.eye(classes)
    return agree / classes + (1 - agree) * 0.5 / max(1, classes * (classes - 1))


def posterior_shares(counts: Floats) -> Iterator[Floats]:
    """Draws ``[d, n]`` of the shares of ``n`` kinds of texts, from a Dirichlet distribution.

    Always the same ones for the same counts: an interval that is looked at twice does not move.
    """
    rng = np.random.default_rng(0)
    at_once = max(1, _CELLS_AT_ONCE // len(counts))
    for start in range(0, _DRAWS, at_once):
        size = (min(at_once, _DRAWS - start), len(counts))
        draws = rng.standard_gamma(np.broadcast_to(counts, size))
        yield draws / draws.sum(axis=1, keepdims=True)


def ends(values: Floats, estimate: float, confidence_level: float) -> tuple[float, float]:
    """The interval of drawn values that holds the estimate, too."""
    tail = (1 - confidence_level) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return max(-1.0, min(float(low), estimate)), min(1.0, max(float(high), estimate))


def _kappa(share: Floats) -> tuple[Floats, Floats]:
    """Agreement and kappa ``[d]`` of tables of shares ``[d, C, C]``; NaN where chance agrees."""
    observed = np.trace(share, axis1=1, axis2=2)
    chance = (share.sum(axis=2) * share.sum(axis=1)).sum(axis=1)
    open_ = chance <= 1 - 1e-12
    kappa = np.where(open_, (observed - chance) / np.where(open_, 1 - chance, 1), np.nan)
    return observed, kappa


def _result(
    texts: int,
    agreement: float | None,
    plain: tuple[float, float] | None,
    kappa: float | None,
    interval: tuple[float, float] | None,
) -> Kappa:
    return Kappa(
        texts=texts,
        agreement=agreement,
        agreement_low=plain[0] if plain else None,
        agreement_high=plain[1] if plain else None,
        kappa=kappa,
        kappa_low=interval[0] if interval else None,
        kappa_high=interval[1] if interval else None,
    )
