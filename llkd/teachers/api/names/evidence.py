"""What a few texts say of a way to ask, and which way they speak for. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.selection.signals import Ints, softmax
from llkd.teachers.base import Floats

WAYS = ("letters", "names", "prefilled")
"""In this order where evidence makes no difference."""
SURE_MASS = 0.9  # so much on the letters, and they stay
FEWEST_KNOWN = 8  # texts of a known class from which these decide
CLEARLY_RIGHTER = 2  # texts that another way must have right beyond a way before it
CLEARLY_MORE = 0.02  # of information, in shares of the most there can be
MORE_MASS = 0.2
_CALLED = {
    "letters": "letters",
    "names": "class names",
    "prefilled": "class names behind a begun answer",
}


@dataclass(frozen=True)
class Evidence:
    """What came of asking a few texts in one way.

    ``mass``: the median of the probability that lay on the options; ``information``: how much an
    answer tells of its text (:func:`information`); ``right`` of ``known`` texts whose class is
    known; ``apart``: whether every option could be told from the others; ``classes``: how many
    classes were answered with.
    """

    way: str
    texts: int
    read: int
    mass: float
    information: float
    right: int
    known: int
    apart: bool
    classes: int

    @property
    def usable(self) -> bool:
        """Whether most texts were answered, with options that can be told apart."""
        return self.apart and 2 * self.read > self.texts

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def evidence(
    way: str, scores: Floats, mass: Sequence[float], known: Ints, *, apart: bool
) -> Evidence:
    """From scores [n, C] (NaN where unread), masses and known classes (-1 where not known)."""
    read = np.isfinite(scores).all(axis=1)
    shares = softmax(scores[read]) if read.any() else np.empty((0, scores.shape[1]))
    counted = np.flatnonzero(known[read] >= 0)
    # Small models favour some option whatever the text: compared with what it gets on average.
    fair = shares / np.maximum(shares.mean(axis=0), 1e-12) if len(shares) else shares
    right = int((fair.argmax(axis=1)[counted] == known[read][counted]).sum()) if len(shares) else 0
    return Evidence(
        way=way,
        texts=len(scores),
        read=int(read.sum()),
        mass=round(float(np.median(mass)) if len(mass) else 0.0, 4),
        information=round(information(shares), 4),
        right=right,
        known=int((known >= 0).sum()),
        apart=apart,
        classes=len(set(shares.argmax(axis=1).tolist())) if len(shares) else 0,
    )


def information(shares: npt.NDArray[np.floating[Any]]) -> float:
    """Mutual information of text and class under the model, as a share of ln C.

    The entropy of the mean of the probabilities [n, C] less the mean of their entropies: 0 where
    every text gets the same answer or none is sure, 1 where each class is answered equally often
    and surely. (Sorensen et al., ACL 2022, choose prompts so, without a known class.)
    """
    if len(shares) < 2 or shares.shape[1] < 2:
        return 0.0
    gain = _entropy(shares.mean(axis=0)) - _entropy(shares).mean()
    return float(max(0.0, gain) / math.log(shares.shape[1]))


def letters_stay(letters: Evidence) -> bool:
    """Whether letters are so clearly what the model answers with that no other way is tried."""
    answers_vary = letters.classes > 1 or letters.read < 2
    chance_beaten = letters.known < FEWEST_KNOWN or 2 * letters.right >= letters.known
    return letters.usable and letters.mass >= SURE_MASS and answers_vary and chance_beaten


def best_way(evidence: Sequence[Evidence]) -> str:
    """The way that the evidence speaks for, with ties to the earlier one of WAYS.

    With FEWEST_KNOWN texts of known class the one with more of them right, by CLEARLY_RIGHTER;
    else, and where that is a draw, the one whose answers tell more, by CLEARLY_MORE; then the one
    that more of the probability lies on, by MORE_MASS. Letters where no way is usable.
    """
    usable = sorted((each for each in evidence if each.usable), key=lambda e: WAYS.index(e.way))
    best: Evidence | None = None
    for each in usable:
        if best is None or _better(each, best):
            best = each
    return best.way if best is not None else WAYS[0]


def sentence(way: str, documents: Sequence[dict[str, Any]]) -> str:
    """What was chosen and why, for a person; empty where letters were all that was tried."""
    if way == WAYS[0] and len(documents) < 2:
        return ""
    facts = {each["way"]: each for each in documents}
    texts = max(each["texts"] for each in documents)
    best = facts[way]
    others = [
        f"{_CALLED[each]} {_facts(facts[each])}" for each in WAYS if each in facts.keys() - {way}
    ]
    return (
        f"Asked by {_CALLED[way]}, as {texts} texts speak for it: {_percent(best['mass'])} of "
        f"the probability lies on them, and an answer tells {_percent(best['information'])} of "
        f"what it could tell of its text{_right(best)} ({'; '.join(others)})."
    )


def _facts(each: dict[str, Any]) -> str:
    if not each["apart"] and not each["read"]:
        return "cannot be had"
    alike = "" if each["apart"] else ", some not told apart"
    return f"{_percent(each['mass'])}, {_percent(each['information'])}{_right(each)}{alike}"


def _right(each: dict[str, Any]) -> str:
    if each["known"] < FEWEST_KNOWN:
        return ""
    return f", {each['right']} of {each['known']} known texts right"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "below 1 %"


def _better(this: Evidence, other: Evidence) -> bool:
    if min(this.known, other.known) >= FEWEST_KNOWN:
        difference = this.right - other.right
        if abs(difference) >= CLEARLY_RIGHTER:
            return difference > 0
    more = this.information - other.information
    if abs(more) >= CLEARLY_MORE:
        return more > 0
    return this.mass - other.mass >= MORE_MASS


def _entropy(shares: npt.NDArray[np.floating[Any]]) -> Any:
    shares = np.clip(shares.astype(np.float64), 1e-12, 1.0)
    return -(shares * np.log(shares)).sum(axis=-1)
