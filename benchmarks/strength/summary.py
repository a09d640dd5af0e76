"""From stored cells to the map: per strength of the teacher the mean over sets, with its interval.

Cells of one set share texts, so they are averaged first; the interval is Student's over the sets,
and so speaks of other sets like these. Beside it stands in how many cells the product's own
interval over seeds and texts holds no 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.strength.cells import RAW

Line = dict[str, Any]
EDGES = (0.45, 0.55, 0.65, 0.75, 0.85, 0.925)
STRENGTHS = ("under 45", "45–55", "55–65", "65–75", "75–85", "85–92", "over 92")
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over sets in points with its interval, and how many cells differ clearly.

    ``low`` and ``high`` are NaN from one set. ``clear_above`` and ``clear_below`` of ``cells``.
    """

    value: float
    low: float
    high: float
    sets: int
    cells: int
    clear_above: int
    clear_below: int

    @property
    def above(self) -> bool:
        """Whether the interval over sets lies above 0."""
        return self.low > 0

    @property
    def below(self) -> bool:
        """Whether it lies below 0."""
        return self.high < 0


def strength_of(line: Line) -> int:
    """The place in STRENGTHS of a cell's teacher: by how many of its raw labels are right."""
    return int(np.searchsorted(EDGES, line["labels"][RAW]["accuracy"], side="right"))


def identity(line: Line) -> tuple[str, ...]:
    """What a cell is of, however many arms and seeds it has."""
    return tuple(line[name] for name in ("half", "set_name", "draw", "teacher", "student", "start"))


def newest(lines: Iterable[Line]) -> list[Line]:
    """One line of each cell: that with more arms, then with more seeds."""
    best: dict[tuple[str, ...], Line] = {}
    for line in lines:
        rival = best.get(identity(line))
        if rival is None or (line["wide"], line["seeds"]) >= (rival["wide"], rival["seeds"]):
            best[identity(line)] = line
    return list(best.values())


def difference_of(line: Line, kind: str, arm: str, rival: str, metric: str) -> list[float] | None:
    """Stored difference with its ends; None where the cell has no such arm."""
    stored = line["arms"][kind].get(arm, {}).get("against", {}).get(rival)
    return None if stored is None else stored[metric]


def mean_difference(
    lines: Sequence[Line], kind: str, arm: str, rival: str, metric: str
) -> Mean | None:
    """Over all of these cells that have the arm; None where none has."""
    by_set: dict[str, list[float]] = {}
    clear_above = clear_below = cells = 0
    for line in lines:
        stored = difference_of(line, kind, arm, rival, metric)
        if stored is None:
            continue
        by_set.setdefault(line["set_name"], []).append(100 * stored[0])
        cells += 1
        clear_above += stored[1] > 0
        clear_below += stored[2] < 0
    if not by_set:
        return None
    value, low, high = interval_over([float(np.mean(values)) for values in by_set.values()])
    return Mean(value, low, high, len(by_set), cells, clear_above, clear_below)


def interval_over(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and Student's interval of independent values; no interval from one of them."""
    from scipy.special import stdtrit

    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * float(
        np.std(values, ddof=1) / np.sqrt(len(values))
    )
    return mean, mean - half, mean + half


def mean_over_sets(lines: Sequence[Line], value: Callable[[Line], float | None]) -> float | None:
    """Of any figure of a cell: cells of a set are averaged first."""
    by_set: dict[str, list[float]] = {}
    for line in lines:
        figure = value(line)
        if figure is not None:
            by_set.setdefault(line["set_name"], []).append(figure)
    return float(np.mean([np.mean(values) for values in by_set.values()])) if by_set else None


def by_strength(lines: Iterable[Line]) -> dict[int, list[Line]]:
    """Cells by the strength of their teacher, weak ones first."""
    groups: dict[int, list[Line]] = {}
    for line in lines:
        groups.setdefault(strength_of(line), []).append(line)
    return dict(sorted(groups.items()))


def clear_counts(
    lines: Sequence[Line], kind: str, arms: Sequence[str], rival: str
) -> tuple[int, int, int]:
    """Comparisons of these arms with a rival in both metrics; how many clearly above, and below."""
    stored = [
        difference_of(line, kind, arm, rival, metric)
        for line in lines
        for arm in arms
        for metric in ("accuracy", "macro_f1")
    ]
    there = [each for each in stored if each is not None]
    return (
        len(there),
        sum(each[1] > 0 for each in there),
        sum(each[2] < 0 for each in there),
    )
