"""Refined labels: what the teacher says of a text, and what it says of those most like it.

A label that the texts around it do not bear out is more often wrong than one they do. Stored scores
stay as they are; a refined label is a function of scores, calibration and embeddings, and no label
that a person gave is ever an input or changed (docs/method.md, section 2). ``n`` texts, ``C``
classes, ``k`` neighbours.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from llkd.selection.signals import Floats, Ints

WEIGHT = 2.0
"""How much the neighbours' word counts beside the text's own."""
DAMPING = 0.5
"""The power of the classes' shares that their word is divided by.

Without it a class that the teacher leans to wins by being common among the neighbours, and rare
ones starve.
"""
NEIGHBOURS = 15
FEWEST_NEIGHBOURS = 3
SOFTENING = 2.0
"""What the sum of logarithms is divided by: witnesses who agree tell much the same.

It changes no label. Of 1 to 4, the value under which confidence is nearest to how often labels are
right, over five public sets and six teachers; 1 is far too sure (docs/method.md, section 2).
"""
FLOOR = 1e-6
"""The least probability that counts, so that a certain label can be outweighed."""
_BLOCK = 16_384


@dataclass(frozen=True)
class Refinement:
    """How labels were refined: what a manifest and a run keep of it.

    ``neighbours``: how many are asked, 0 where there are too few texts for so many classes, and
    labels stay as they are. ``search``: the key of the kept search for the nearest texts;
    ``embeddings_sha256``: of the
    embeddings that it was made by; ``student_sha256`` of the encoder's weights, None unknown;
    ``changed``: how many texts have another label by it.
    """

    neighbours: int
    weight: float
    damping: float
    softening: float
    search: str
    embeddings_sha256: str
    student_sha256: str | None
    changed: int

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def neighbours_for(voters: int, classes: int) -> int:
    """How many neighbours are asked where ``voters`` texts of ``classes`` classes can vote.

    A class has to have twice as many texts as are asked: else most of a text's neighbours are of
    other classes, whatever it is. 0: even FEWEST_NEIGHBOURS are too many, nothing is refined.
    """
    count = min(NEIGHBOURS, voters // (2 * max(1, classes)))
    return count if count >= FEWEST_NEIGHBOURS else 0


def refined_logits(
    probabilities: Floats,
    label: Ints,
    nearest: np.ndarray,
    voter: np.ndarray,
    weight: float = WEIGHT,
    damping: float = DAMPING,
    softening: float = SOFTENING,
) -> Floats:
    """Logits ``[n, C]``: (ln q + weight * (ln q_mean - damping * ln share)) / softening.

    ``probabilities [n, C]`` are the teacher's (rows of NaN: none), ``label [n]`` its labels, -1
    for none. ``nearest [n, k]`` holds numbers of voters; ``voter [n]`` says which voter a text
    belongs to, -1 where it has no vote. Texts of one voter (near-duplicates) have one vote
    together, the mean of theirs; a label without a probability votes for its class alone.
    ``q_mean`` is the mean over those of the nearest who can vote, ``share [C]`` the mean over all
    who can; where nobody of the nearest can, the logits are ln q. Rows of NaN stay NaN.
    """
    logs = np.log(np.maximum(probabilities, FLOOR))
    if not len(logs) or not nearest.shape[1]:
        return np.asarray(logs)
    ballots, able = _ballots(probabilities, label, voter, int(nearest.max()) + 1)
    if not able.any():
        return np.asarray(logs)
    common = damping * np.log(np.maximum(ballots[able].mean(axis=0), FLOOR))
    for start in range(0, len(logs), _BLOCK):
        part = slice(start, start + _BLOCK)
        voters = nearest[part]
        count = able[voters].sum(axis=1)
        total = np.zeros((len(voters), logs.shape[1]))
        for place in range(voters.shape[1]):  # [block, k, C] would be large where classes are many
            total += ballots[voters[:, place]]
        some = count > 0
        mean = np.log(np.maximum(total[some] / count[some, None], FLOOR))
        own = logs[part]
        own[some] = (own[some] + weight * (mean - common)) / softening
    return np.asarray(logs)


def _ballots(
    probabilities: Floats, label: Ints, voter: np.ndarray, least: int
) -> tuple[Floats, np.ndarray]:
    """What each voter says ``[v, C]``, zeros for one that says nothing; and whether it can vote."""
    count = max(least, int(voter.max(initial=-1)) + 1)
    stated = np.isfinite(probabilities).all(axis=1)
    votes = (voter >= 0) & (stated | (label >= 0))
    size = np.bincount(voter[votes], minlength=count)
    ballots = np.zeros((count, probabilities.shape[1]))
    with_shares = votes & stated
    np.add.at(ballots, voter[with_shares], probabilities[with_shares])
    outright = votes & ~stated
    np.add.at(ballots, (voter[outright], label[outright]), 1.0)
    ballots /= np.maximum(size, 1)[:, None]
    return ballots, size > 0
