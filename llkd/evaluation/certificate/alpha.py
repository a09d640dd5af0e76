"""How far several people agree, each about any of the texts: Krippendorff's alpha."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from llkd.config.base import Document
from llkd.errors import DataError
from llkd.evaluation.certificate.agreement import ends, posterior_shares, pseudo_counts
from llkd.selection.signals import Floats


class Alpha(Document):
    """Agreement of ``people`` about ``texts`` that two or more of them labelled; 95 % intervals.

    ``agreement`` in [0, 1] is the share of agreeing pairs of labels (a text counts once for each of
    its labels), None without texts; ``alpha`` in [-1, 1] is None where only one class was given, or
    fewer than two texts.
    """

    people: int
    texts: int
    agreement: float | None
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None


def krippendorff_alpha(codes: npt.ArrayLike, confidence_level: float = 0.95) -> Alpha:
    """Krippendorff's (1970) nominal alpha of labels ``[n, people]``: class numbers, -1 for none.

    Its interval is of the posterior distribution of how often each pattern of labels comes, with
    ``pseudo_counts`` of pairs as what is believed before, as that of kappa is. Raises DataError for
    codes that are no table.
    """
    table = np.asarray(codes)
    if table.ndim != 2:
        raise DataError("Agreement of several people needs a table: a text a row, a person each.")
    people = int((table >= 0).any(axis=0).sum())
    width = int(table.max(initial=0)) + 1
    counts = np.stack([(table == code).sum(axis=1) for code in range(width)], axis=1)
    counts = counts[counts.sum(axis=1) >= 2].astype(np.float64)
    texts = len(counts)
    if not texts:
        return _result(people, 0, None, None, None)
    once = np.full(texts, 1.0)
    observed, alpha = _alpha(once[None], counts)
    if texts < 2 or np.isnan(alpha[0]):
        return _result(people, texts, float(observed[0]), None, None)
    kinds, weights = np.unique(counts, axis=0, return_counts=True)
    class_codes = np.flatnonzero(counts.sum(axis=0))
    pairs, believed = _believed(class_codes, width)
    kinds = np.concatenate([kinds, pairs])
    draws = posterior_shares(np.concatenate([weights, believed]))
    values = np.concatenate([_alpha(share * texts, kinds)[1] for share in draws])
    interval = ends(values, float(alpha[0]), confidence_level)
    return _result(people, texts, float(observed[0]), float(alpha[0]), interval)


def _believed(class_codes: np.ndarray, width: int) -> tuple[Floats, Floats]:
    """Patterns of two labels ``[k, C]`` among the classes that were given, and their counts."""
    before = pseudo_counts(len(class_codes))
    rows, columns = np.indices(before.shape)
    pairs = np.zeros((before.size, width))
    places = np.arange(before.size)
    np.add.at(pairs, (places, class_codes[rows.ravel()]), 1)
    np.add.at(pairs, (places, class_codes[columns.ravel()]), 1)
    return pairs, before.ravel()


def _alpha(weights: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Agreement and alpha ``[d]`` of texts of patterns ``[k, C]`` with weights ``[d, k]``."""
    labels = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1) / (labels - 1)
    total = weights @ labels
    observed = (weights @ agreeing) / total
    by_class = weights @ counts
    chance = (by_class * (by_class - 1)).sum(axis=1) / (total * (total - 1))
    varied = chance <= 1 - 1e-12
    alpha = np.where(varied, (observed - chance) / np.where(varied, 1 - chance, 1), np.nan)
    return observed, alpha


def _result(
    people: int,
    texts: int,
    agreement: float | None,
    alpha: float | None,
    interval: tuple[float, float] | None,
) -> Alpha:
    return Alpha(
        people=people,
        texts=texts,
        agreement=agreement,
        alpha=alpha,
        alpha_low=interval[0] if interval else None,
        alpha_high=interval[1] if interval else None,
    )
