"""The map as Markdown, and as a document for JSON and the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.strength.arms import ALL, CONFIDENT, GOLD, NEEDED, NEIGHBOURS, RANDOM, VARIANTS
from benchmarks.strength.cells import RAW, REFINED
from benchmarks.strength.summary import (
    STRENGTHS,
    Line,
    Mean,
    by_strength,
    clear_counts,
    mean_difference,
    mean_over_sets,
)

METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1"}
CANDIDATES = (
    "likely, then needed", "sure, then needed", "soft targets", "several labels",
    "weighed by confidence", "weighed by a partner", "self-training",
)  # fmt: skip
CHOOSERS = (NEIGHBOURS, NEEDED, "likely, then needed", "sure, then needed")
LLKD_ARMS = tuple(arm.name for arm in VARIANTS)
SHORT = ("llkd", "llkd, unweighted", "llkd, fair start")
ALL_REFINED = "all, refined"


@dataclass(frozen=True)
class Question:
    """One table: of these arms, the difference to a rival that each cell has stored."""

    title: str
    arms: tuple[str, ...]
    rival: str


QUESTIONS = (
    Question("What the student's doubt adds: llkd minus as many at random among the confident",
             LLKD_ARMS, CONFIDENT),
    Question("The same where labels are likely right: needed_neighbours minus neighbours",
             (NEEDED,), NEIGHBOURS),
    Question("Selections minus as many at random", (*SHORT, *CHOOSERS), RANDOM),
    Question("Selections minus as many at random among the confident", CHOOSERS, CONFIDENT),
    Question("Everything minus all texts with the same labels",
             (*SHORT, *CHOOSERS, *CANDIDATES[2:]), "all"),
    Question("Everything minus all texts with refined labels",
             (ALL, *SHORT, *CHOOSERS, *CANDIDATES[2:]), ALL_REFINED),
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Cells that are put into one map."""

    name: str
    lines: list[Line]


def is_random(line: Line) -> bool:
    """Whether the teacher errs at random, which no teacher does."""
    return str(line["teacher"]).startswith("random")


def groups_of(lines: Sequence[Line]) -> list[Group]:
    """By student, start and pool; teachers that err at random apart."""
    groups: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        joined = line["set_name"] == "joined"
        key = (line["student"], line["start"], line["draw"], joined, is_random(line))
        groups.setdefault(key, []).append(line)
    order = {"linear": 0, "mlp": 1, "words": 2, "1200": 0, "300": 1, "3000": 2, "80%": 3}
    ranked = sorted(
        groups, key=lambda key: (key[4], key[3], order[key[0]], key[1], order.get(key[2], 9))
    )
    return [Group(_group_name(*key), groups[key]) for key in ranked]


def _group_name(student: str, start: str, draw: str, joined: bool, random: bool) -> str:
    pool = "600 texts, 80 % of one class" if draw == "80%" else f"{int(draw):,} texts"
    words = [f"{student} student from {'the probe' if start == 'probe' else 'chance'}", pool]
    words += ["29 classes of all sets joined"] * joined
    words += ["teachers that err at random"] * random
    return ", ".join(words)


def print_map(lines: Sequence[Line], write: Callable[[str], None] = print) -> None:
    """Every table of every group."""
    for group in groups_of(lines):
        sets = sorted({line["set_name"] for line in group.lines})
        write(f"\n## {group.name[0].upper()}{group.name[1:]}\n")
        write(
            f"{len(group.lines)} cells: {', '.join(sets)}; {group.lines[0]['seeds']} seeds; "
            f"{sum(line['wide'] for line in group.lines)} with every variant."
        )
        print_strengths(group, write)
        for question in QUESTIONS:
            for kind in (RAW, REFINED):
                print_question(group, question, kind, write)


def print_strengths(group: Group, write: Callable[[str], None]) -> None:
    """Labels, students on all texts, and the share of samples that selections take."""
    write(
        "\n| teacher right in | teachers | cells | labels | refined | all | all, refined | gold "
        "| llkd takes | of these right | neighbours takes | of these right |"
    )
    write("|---|---|" + "---:|" * 10)
    for strength, lines in by_strength(group.lines).items():
        figures = [
            _of_labels(lines, RAW), _of_labels(lines, REFINED),
            _of_arm(lines, RAW, ALL, "accuracy"), _of_arm(lines, REFINED, ALL, "accuracy"),
            _of_arm(lines, RAW, GOLD, "accuracy"),
            _of_arm(lines, RAW, "llkd", "samples"), _of_arm(lines, RAW, "llkd", "right"),
            _of_arm(lines, RAW, NEIGHBOURS, "samples"), _of_arm(lines, RAW, NEIGHBOURS, "right"),
        ]  # fmt: skip
        cells = " | ".join("" if each is None else f"{100 * each:.1f}" for each in figures)
        teachers = ", ".join(sorted({line["teacher"] for line in lines}))
        write(f"| {STRENGTHS[strength]} % | {teachers} | {len(lines)} | {cells} |")


def _of_labels(lines: Sequence[Line], kind: str) -> float | None:
    return mean_over_sets(lines, lambda line: line["labels"][kind]["accuracy"])


def _of_arm(lines: Sequence[Line], kind: str, arm: str, figure: str) -> float | None:
    return mean_over_sets(lines, lambda line: line["arms"][kind].get(arm, {}).get(figure))


def print_question(
    group: Group, question: Question, kind: str, write: Callable[[str], None]
) -> None:
    """Rows: strength of the teacher; columns: arms. Nothing where no cell has an arm."""
    arms = [arm for arm in question.arms if any(arm in line["arms"][kind] for line in group.lines)]
    if kind == REFINED:
        arms = [arm for arm in arms if not (arm == ALL and question.rival == ALL_REFINED)]
    if not arms:
        return
    write(f"\n**{question.title}** ({kind} labels), points of accuracy; macro-F1 below it\n")
    write("| teacher right in | " + " | ".join(arms) + " |\n|---|" + "---|" * len(arms))
    for strength, lines in by_strength(group.lines).items():
        cells = []
        for arm in arms:
            means = [mean_difference(lines, kind, arm, question.rival, each) for each in METRICS]
            cells.append("<br>".join(words_of(mean) for mean in means))
        write(f"| {STRENGTHS[strength]} % | " + " | ".join(cells) + " |")
    total, above, below = clear_counts(group.lines, kind, arms, question.rival)
    write(
        f"\nOf {total:,} comparisons {above:,} are clearly above 0 and {below:,} clearly below; "
        f"{0.025 * total:.0f} of each would be if nothing made a difference."
    )


def words_of(mean: Mean | None) -> str:
    """``**+1.2** (0.3 to 2.1) 3↑0↓/5``: bold where the interval over sets holds no 0."""
    if mean is None:
        return ""
    value = f"{mean.value:+.1f}"
    if mean.above or mean.below:
        value = f"**{value}**"
    interval = "" if mean.low != mean.low else f" ({mean.low:+.1f} to {mean.high:+.1f})"
    return f"{value}{interval} {mean.clear_above}↑{mean.clear_below}↓/{mean.cells}"


def document(lines: Sequence[Line]) -> dict[str, Any]:
    """The same as JSON values: for each group, question, kind, metric, strength and arm."""
    groups = []
    for group in groups_of(lines):
        rows = []
        for strength, cells in by_strength(group.lines).items():
            for question in QUESTIONS:
                for kind in (RAW, REFINED):
                    for arm in question.arms:
                        for metric in METRICS:
                            mean = mean_difference(cells, kind, arm, question.rival, metric)
                            if mean is not None:
                                facts = {
                                    "teacher_right": STRENGTHS[strength], "labels": kind,
                                    "arm": arm, "minus": question.rival, "metric": metric,
                                }  # fmt: skip
                                rows.append({**facts, **_rounded(mean)})
        groups.append({"group": group.name, "cells": len(group.lines), "rows": rows})
    return {"groups": groups}


def _rounded(mean: Mean) -> dict[str, Any]:
    """With None in place of what is no number."""
    return {
        name: (None if value != value else round(value, 2)) for name, value in asdict(mean).items()
    }
