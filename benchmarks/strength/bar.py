"""What a default has to show: better than both random controls, nowhere clearly below all texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.strength.arms import ALL, CONFIDENT, RANDOM
from benchmarks.strength.cells import RAW, REFINED
from benchmarks.strength.summary import (
    STRENGTHS,
    Line,
    by_strength,
    difference_of,
    mean_over_sets,
)
from benchmarks.strength.tables import ALL_REFINED, CHOOSERS, SHORT, Group, groups_of

METRICS = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class Standing:
    """Of one arm over some cells: in how many it is what a default has to be.

    ``above_both``: clearly above both controls in both metrics; ``below_all`` and
    ``below_refined``: clearly below all texts with the same, and with refined labels, in either
    metric; ``samples``: the share it trains on.
    """

    cells: int
    above_both: int
    below_all: int
    below_refined: int
    samples: float


def standing(lines: Sequence[Line], kind: str, arm: str) -> Standing:
    """Count the cells."""
    samples = mean_over_sets(lines, lambda line: line["arms"][kind].get(arm, {}).get("samples"))
    return Standing(
        len(lines),
        sum(
            all(_ends(line, kind, arm, rival, metric)[0] > 0
                for rival in (RANDOM, CONFIDENT) for metric in METRICS)
            for line in lines
        ),
        sum(_clearly_below(line, kind, arm, "all") for line in lines),
        sum(_clearly_below(line, kind, arm, ALL_REFINED) for line in lines),
        float("nan") if samples is None else samples,
    )  # fmt: skip


def _ends(line: Line, kind: str, arm: str, rival: str, metric: str) -> tuple[float, float]:
    stored = difference_of(line, kind, arm, rival, metric)
    return (0.0, 0.0) if stored is None else (stored[1], stored[2])


def _clearly_below(line: Line, kind: str, arm: str, rival: str) -> bool:
    return any(_ends(line, kind, arm, rival, metric)[1] < 0 for metric in METRICS)


def print_bar(lines: Sequence[Line], write: Callable[[str], None] = print) -> None:
    """For each group of cells and strength, every selection."""
    write("\n## The bar for a default\n")
    write(
        "In how many cells (a pool and a teacher each) a selection is clearly above as many texts "
        "at random, and above as many at random among the confident, in accuracy and macro-F1, all "
        "four; in how many clearly below all texts with the same labels, or with refined ones, in "
        "either; and the share of samples. By chance alone: above all four in hardly any, below in "
        "up to 5 %."
    )
    for group in groups_of(lines):
        _print_group(group, write)


def _print_group(group: Group, write: Callable[[str], None]) -> None:
    write(f"\n**{group.name[0].upper()}{group.name[1:]}**\n")
    write(
        "| teacher right in | arm | labels | cells | above both controls | below all "
        "| below all, refined | samples |\n|---|---|---|---:|---:|---:|---:|---:|"
    )
    for strength, lines in by_strength(group.lines).items():
        for kind in (RAW, REFINED):
            for arm in (*SHORT, *CHOOSERS):
                each = standing(lines, kind, arm)
                write(
                    f"| {STRENGTHS[strength]} % | {arm} | {kind} | {each.cells} "
                    f"| {each.above_both} | {each.below_all} | {each.below_refined} "
                    f"| {100 * each.samples:.0f} % |"
                )
        below = sum(_clearly_below(line, RAW, ALL, ALL_REFINED) for line in lines)
        write(f"| {STRENGTHS[strength]} % | all | raw | {len(lines)} | | | {below} | 100 % |")
