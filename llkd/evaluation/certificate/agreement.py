"""How far two people agree: Cohen's kappa and plain agreement, with intervals."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from llkd.config.base import Document
from llkd.errors import DataError
from llkd.evaluation.intervals import wilson


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

    Its variance is the large-sample one of Fleiss, Cohen and Everitt (1969), which is 0 where all
    agree; so it is used for how many texts the interval is worth, and that many make a Wilson
    interval of the agreement, which kappa follows in a line. Raises DataError where lists differ.
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
    share = table / n
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    observed, chance = same / n, float(rows @ columns)
    if n < 2 or chance > 1 - 1e-12:
        return _result(n, observed, plain, None, None)
    kappa = (observed - chance) / (1 - chance)
    worth = float(n)
    if 0 < observed < 1:
        agreeing = np.diag(share) @ ((1 - chance) - (rows + columns) * (1 - observed)) ** 2
        pairs = (columns[:, None] + rows[None, :]) ** 2
        others = (share * pairs).sum() - np.diag(share) @ np.diag(pairs)
        variance = (
            agreeing
            + (1 - observed) ** 2 * others
            - (observed * chance - 2 * chance + observed) ** 2
        ) / (n * (1 - chance) ** 4)
        if variance > 0:
            worth = observed * (1 - observed) / (variance * (1 - chance) ** 2)
    low, high = _wilson(observed, worth, confidence_level)
    low, high = ((end - chance) / (1 - chance) for end in (low, high))
    # Rounding must not leave kappa outside by a hair.
    return _result(n, observed, plain, kappa, (max(-1.0, min(low, kappa)), max(high, kappa)))


def _wilson(share: float, n: float, level: float) -> tuple[float, float]:
    """Wilson's interval for a count that need not be whole."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = share + z * z / (2 * n)
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    below = 1 + z * z / n
    return max(0.0, (middle - half) / below), min(1.0, (middle + half) / below)


def _result(
    texts: int,
    agreement: float | None,
    plain: tuple[float, float] | None,
    kappa: float | None,
    ends: tuple[float, float] | None,
) -> Kappa:
    return Kappa(
        texts=texts,
        agreement=agreement,
        agreement_low=plain[0] if plain else None,
        agreement_high=plain[1] if plain else None,
        kappa=kappa,
        kappa_low=ends[0] if ends else None,
        kappa_high=ends[1] if ends else None,
    )
