"""From the probabilities of a reply to scores of the classes, and what is odd about them.

A class's score is the logarithm of its probability as it came. Only what cannot be a probability
is refused; what is merely untidy (a sum that is not 1, an option too many) is used and marked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.teachers.api.class_names import ClassNames
from llkd.teachers.base import Floats
from llkd.teachers.decisions.wire import DecisionReply

LEAST_KNOWN = 0.5
"""Options that were asked about hold at least this share, or the answer is to another question."""
UNTIDY_SUM = 0.05
LEAST, MOST = 1e-6, 1e-3
"""Between these lies what stands for a probability of 0."""
MOST_WEIGHT = 1e6
"""The largest number that is read as a weight."""
MOST_EMPTY = 0.01
"""What all options with a probability of 0 hold together, at most."""
_SHOWN = 5


@dataclass(frozen=True)
class Scored:
    """Scores ``[options]``, or why there are none; ``choice``: the option named outright, or -1.

    ``remarks`` are what the raw answer says of an untidy one, each in brackets.
    """

    scores: Floats | None
    choice: int
    remarks: tuple[str, ...] = ()
    why: str = ""


def scored(reply: DecisionReply, names: Sequence[str]) -> Scored:
    """The scores of the options ``names``, in their order."""
    places = _Places(names)
    choice = places.of(reply.choice)
    if not reply.shares:
        return Scored(None, choice, why="" if choice >= 0 else "it named no option that was asked")
    values, unknown, why = _sorted(reply.shares, places, len(names))
    if why:
        return Scored(None, -1, why=why)
    known = float(np.nansum(values))
    total = known + sum(value for _, value in unknown)
    if not total > 0:
        return Scored(None, -1, why="the probabilities add up to 0")
    remarks = []
    if abs(total - 1) > UNTIDY_SUM:
        remarks.append(f"[sum: {total:.4g}]")
        values, known = values / total, known / total
        unknown = [(option, value / total) for option, value in unknown]
    if known < LEAST_KNOWN:
        return Scored(None, -1, why=f"{known:.0%} lie on the options that were asked about")
    if unknown:
        words = ", ".join(f"{_word(option)} {value:.2g}" for option, value in unknown[:_SHOWN])
        remarks.append(f"[unknown options: {words}]")
    for mark, which in (("not listed", np.isnan(values)), ("probability 0", values == 0)):
        if which.any():
            remarks.append(
                f"[{mark}: {_some([names[int(place)] for place in np.flatnonzero(which)])}]"
            )
    empty = int((np.isnan(values) | (values == 0)).sum())
    floor = min(_floor([share for _, share in reply.shares]), MOST_EMPTY / max(1, empty))
    filled = np.maximum(np.nan_to_num(values, nan=0.0), floor)
    best = int(np.argmax(filled))
    if choice >= 0 and filled[choice] < filled[best]:
        remarks.append(f"[choice: {names[choice]}]")
    return Scored(np.log(filled).astype(np.float32), best, tuple(remarks))


def _sorted(
    shares: Sequence[tuple[Any, Any]], places: _Places, options: int
) -> tuple[npt.NDArray[np.float64], list[tuple[Any, float]], str]:
    """Probabilities of the options (NaN where none came) and of others, or why there are none."""
    values = np.full(options, np.nan)
    unknown: list[tuple[Any, float]] = []
    for option, share in shares:
        value = _number(share)
        place = places.of(option)
        if value is None:
            return values, unknown, f"{_word(option)} has the probability {_word(share)}"
        if place >= 0 and not math.isnan(values[place]):
            return values, unknown, f"{_word(option)} stands twice among the probabilities"
        if place < 0:
            unknown.append((option, value))
        else:
            values[place] = value
    return values, unknown, ""


class _Places:
    """Which option a value of the reply means."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = ClassNames([(name,) for name in names])

    def of(self, value: Any) -> int:
        """The place of an option, -1 where it is none. A boolean is read as the word it is."""
        if isinstance(value, bool):
            value = "true" if value else "false"
        if not isinstance(value, str):
            return -1
        place = self._names.find(value)
        return -1 if place is None else place


def _number(value: Any) -> float | None:
    """A probability, or a weight that can be made one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= MOST_WEIGHT else None  # NaN is neither


def _floor(shares: Sequence[Any]) -> float:
    """What stands for 0: half of the last digit that the reply shows, between LEAST and MOST."""
    digits = max((_digits(share) for share in shares if share), default=1)
    return float(min(MOST, max(LEAST, 0.5 * 10.0**-digits)))


def _digits(share: float) -> int:
    mantissa, _, exponent = repr(float(share)).partition("e")
    return max(1, len(mantissa.partition(".")[2]) - int(exponent or 0))


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _word(value: Any) -> str:
    return repr(value)[:60]
