"""Label sets of 21 to 400 classes with letters: first a group, then a class of that group.

ln P(class) = ln P(group) + ln P(class | group). Pure functions on class indices and scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from llkd.selection.signals import softmax
from llkd.teachers.api.replies import LETTERS, UNLISTED
from llkd.teachers.base import Floats

MOST_CLASSES = len(LETTERS) ** 2
OPENED_SHARE = 0.1
MOST_OPENED = 3


def split(classes: int, most: int = len(LETTERS)) -> list[list[int]]:
    """Groups of at most ``most`` classes in their order, as few and as equal in size as can be."""
    count = math.ceil(classes / most)
    return [part.tolist() for part in np.array_split(np.arange(classes), count)]


def to_open(group_scores: Floats) -> list[int]:
    """The groups to look into, best first: the best one, and others above OPENED_SHARE.

    Shares are those among the groups (softmax), so that words that are no letter do not count.
    """
    shares = softmax(group_scores[None])[0]
    order = np.argsort(-shares, kind="stable")[:MOST_OPENED]
    return [int(g) for place, g in enumerate(order) if place == 0 or shares[g] >= OPENED_SHARE]


def combine(
    groups: Sequence[Sequence[int]], group_scores: Floats, inside: Mapping[int, Floats]
) -> Floats:
    """Class scores ``[C]`` from those of the groups and of the classes of the opened ones.

    Inside a group the letters' own shares count (``inside`` is normalised): words that are no
    letter must not weigh one group against another.
    A class of a group that was not opened gets ln P(group) - ln(size) - ln 10: an equal share,
    and a tenth of that because nobody asked.
    """
    scores = np.empty(sum(map(len, groups)), dtype=np.float32)
    for g, group in enumerate(groups):
        if g in inside:
            rest = inside[g] - np.logaddexp.reduce(inside[g].astype(np.float64))
        else:
            rest = -math.log(len(group)) - UNLISTED
        scores[list(group)] = group_scores[g] + rest
    return scores
