"""Whether labels are refined where nobody has said so: a rule that needs no gold.

Neighbours mend mistakes that a teacher makes here and there. Where it understands the classes no
better than chance they mend nothing, and may spread its mistakes. Nobody's labels tell which it is,
but a second teacher does: two that know nothing of one another agree beyond chance only as far as
both are right. docs/results.md says on which texts the rule was found and on which it was tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llkd.curation.refinement.formula import FEWEST_NEIGHBOURS, neighbours_for

LEAST_AGREEMENT = 0.15
"""Cohen's kappa of two teachers from which their labels are refined by default."""


@dataclass(frozen=True)
class RefinementAdvice:
    """Whether to refine, and what that rests on.

    ``kappa`` in [-1, 1] is the agreement of the two teachers beyond chance over ``texts``, None
    where it cannot be told. ``neighbours`` as in :func:`neighbours_for`. ``sentence`` says why not,
    and is empty where labels are refined.
    """

    refine: bool
    kappa: float | None
    neighbours: int
    texts: int
    sentence: str


def refinement_advice(
    label: npt.ArrayLike, other: npt.ArrayLike, classes: int, voters: int | None = None
) -> RefinementAdvice:
    """Whether the labels of two teachers, or their committee's, are refined by default.

    ``label`` and ``other`` ``[n]`` are class indices of the same texts, -1 where there is none;
    ``classes``: how many there are. ``voters``: how many texts can vote, all that have a label
    unless given.
    """
    first, second = np.asarray(label, dtype=np.int64), np.asarray(other, dtype=np.int64)
    neighbours = neighbours_for(int((first >= 0).sum()) if voters is None else voters, classes)
    both = (first >= 0) & (second >= 0)
    kappa = _kappa(first[both], second[both], classes)
    sentence = ""
    if not neighbours:
        sentence = (
            f"Labels are not refined: with {classes:,} classes that takes "
            f"{2 * FEWEST_NEIGHBOURS * classes:,} labelled texts or more."
        )
    elif kappa is None:
        sentence = "Labels are not refined: there is no second teacher to compare with yet."
    elif kappa < LEAST_AGREEMENT:
        sentence = (
            "Labels are not refined: the two teachers agree hardly more than by chance (kappa "
            f"{kappa:.2f}), so at least one of them does not understand these classes. Describe "
            "the classes, or label 30 texts at random to see which."
        )
    return RefinementAdvice(not sentence, kappa, neighbours, int(both.sum()), sentence)


def _kappa(first: np.ndarray, second: np.ndarray, classes: int) -> float | None:
    """Cohen's kappa (1960); None without texts, or where both always give one class."""
    if not len(first):
        return None
    shares = [np.bincount(each, minlength=classes) / len(each) for each in (first, second)]
    chance = float(shares[0] @ shares[1])
    if chance > 1 - 1e-12:
        return None
    return (float((first == second).mean()) - chance) / (1 - chance)
