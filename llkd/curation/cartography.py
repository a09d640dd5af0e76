"""Dataset cartography: how a student's opinion of each label moved over the epochs.

Swayamdipta et al. 2020 (EMNLP, arXiv 2009.10795). Pure: what the student said of every text after
each epoch goes in, three numbers a text come out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llkd.errors import DataError
from llkd.selection.signals import Floats, Ints

LEAST_EPOCHS = 2
"""With one epoch nothing has moved."""
REGIONS = ("hard to learn", "ambiguous", "easy to learn")


@dataclass(frozen=True)
class Cartography:
    """Of each text ``[n]`` over the ``epochs``, each in [0, 1].

    ``confidence`` is the mean probability that the student gave the text's label, ``variability``
    its standard deviation (at most 0.5), ``correctness`` the share of epochs after which that
    label was the student's answer.
    """

    epochs: int
    confidence: Floats
    variability: Floats
    correctness: Floats


def map_of(answers: Iterable[npt.ArrayLike], label: npt.ArrayLike) -> Cartography:
    """The map of ``n`` texts from the student's probabilities ``[n, C]`` after each epoch.

    ``said`` may be one array ``[epochs, n, C]`` or come epoch by epoch, so that never more than one
    is in memory; ``label [n]`` is what the texts were taught as. Raises DataError with fewer than
    two epochs, or where shapes do not fit.
    """
    labels: Ints = np.asarray(label, dtype=np.int64)
    mean, spread, hits = np.zeros((3, len(labels)))
    rows, epochs = np.arange(len(labels)), 0
    for answer in answers:
        probabilities = np.asarray(answer, dtype=np.float64)
        if probabilities.ndim != 2 or len(probabilities) != len(labels):
            raise DataError(
                f"A map of {len(labels):,} texts needs probabilities of each after every epoch, "
                f"but those of epoch {epochs + 1} have the shape {list(probabilities.shape)}."
            )
        epochs += 1
        own = probabilities[rows, labels]
        # Welford's update: the squares of a million texts are not kept.
        moved = own - mean
        mean += moved / epochs
        spread += moved * (own - mean)
        hits += probabilities.argmax(axis=1) == labels
    if epochs < LEAST_EPOCHS:
        raise DataError(
            f"A map needs what the student said after at least {LEAST_EPOCHS} epochs, but there "
            f"{'is 1' if epochs == 1 else 'are none'}."
        )
    return Cartography(epochs, mean, np.sqrt(spread / epochs), hits / epochs)


def ranked(cartography: Cartography, region: str) -> Ints:
    """Positions ``[n]``, the most typical of a region of the map first.

    Hard to learn: the lowest confidence; easy: the highest; ambiguous: the highest variability.
    Equals stay in their order. Raises DataError for another name.
    """
    keys = {
        "hard to learn": cartography.confidence,
        "easy to learn": -cartography.confidence,
        "ambiguous": -cartography.variability,
    }
    if region not in keys:
        raise DataError(f"A region of the map is {', '.join(REGIONS)}, but it was {region!r}.")
    return np.argsort(keys[region], kind="stable")


def shown(n: int, most: int, seed: int = 0) -> Ints:
    """At most ``most`` of ``n`` positions to draw, in order: a random sample, always the same."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
