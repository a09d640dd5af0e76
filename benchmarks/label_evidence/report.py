"""The tables that ``benchmarks/labels.py`` prints, and what hurt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.label_evidence.arms import COMMITTEE, Arm
from benchmarks.label_evidence.draws import Draw
from benchmarks.label_evidence.measures import METRICS, Estimate, difference, estimate
from llkd.curation.refinement import RefinementAdvice
from llkd.selection.signals import Floats

Figures = dict[str, Floats]
"""A metric's value in every bootstrap draw, ``[1 + B]``."""
WORDS = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "labels": "labels",
    "linear": "the linear student",
    "MiniLM": "MiniLM",
}
JUDGED = {"labels": METRICS, "linear": ("accuracy", "macro_f1"), "MiniLM": ("accuracy", "macro_f1")}


@dataclass
class Cell:
    """What was measured of an arm of a draw: of its labels, and of the students they made."""

    draw: Draw
    advice: RefinementAdvice
    arm: Arm
    figures: dict[str, Figures] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The set and how the pool was drawn."""
        return f"{self.draw.data.name}, {self.draw.name}"


@dataclass(frozen=True)
class Comparison:
    """A paired difference in points: ``first`` minus ``second`` in one figure of one draw."""

    place: str
    first: str
    second: str
    judged: str
    metric: str
    refines: bool
    difference: Estimate

    def sentence(self) -> str:
        """The comparison in a line."""
        return (
            f"{self.place}: {self.first} minus {self.second}, {WORDS[self.metric]} of "
            f"{WORDS[self.judged]} {points(self.difference)}"
        )


def comparisons(cells: Sequence[Cell]) -> list[Comparison]:
    """Refined against raw of each teacher, the committee against each member, all of one draw."""
    by_name = {cell.arm.name: cell for cell in cells}
    pairs = [(f"{cell.arm.teacher}, refined", cell.arm.teacher) for cell in cells[::2]]
    pairs += [(COMMITTEE, cell.arm.teacher) for cell in cells[::2] if cell.arm.teacher != COMMITTEE]
    pairs += [(f"{COMMITTEE}, refined", member) for member in ("LLM", "similarity")]
    results = []
    for first, second in pairs:
        for judged in JUDGED:
            if judged not in by_name[first].figures or judged not in by_name[second].figures:
                continue
            for metric in ("accuracy", "macro_f1"):
                ours, theirs = (by_name[name].figures[judged][metric] for name in (first, second))
                cell = by_name[first]
                results.append(
                    Comparison(
                        cell.place,
                        first,
                        second,
                        judged,
                        metric,
                        cell.advice.refine,
                        difference(ours, theirs),
                    )
                )
    return results


def print_draw(cells: Sequence[Cell]) -> None:
    """One table of a draw: its labels, then their students."""
    first = cells[0]
    data, advice = first.draw.data, first.advice
    decision = "refined by default" if advice.refine else "not refined by default"
    print(f"\n### {first.place}\n")
    print(
        f"{len(first.draw.rows):,} texts, {len(data.labels.names)} classes; {advice.neighbours} "
        f"neighbours, kappa of LLM and similarity {_kappa(advice)}: {decision}.\n"
    )
    students = [judged for judged in ("linear", "MiniLM") if judged in first.figures]
    heads = ["labels", "accuracy", "minus LLM", "minus committee", "macro-F1", "AUROC", "ECE"]
    for student in students:
        heads += [f"{student} student", "minus LLM's", "macro-F1"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    llm, committee = (_named(cells, name).figures for name in ("LLM", COMMITTEE))
    for cell in cells:
        own = cell.figures["labels"]
        row = [
            cell.arm.name,
            interval(own["accuracy"]),
            points(difference(own["accuracy"], llm["labels"]["accuracy"])),
            points(difference(own["accuracy"], committee["labels"]["accuracy"])),
            *(interval(own[metric]) for metric in METRICS[1:]),
        ]
        for student in students:
            of_student = cell.figures.get(student)
            if of_student is None:
                row += ["", "", ""]
                continue
            gap = difference(of_student["accuracy"], llm[student]["accuracy"])
            row += [
                interval(of_student["accuracy"]),
                points(gap),
                interval(of_student["macro_f1"]),
            ]
        print(f"| {' | '.join(row)} |", flush=True)


def print_what_hurt(results: Sequence[Comparison]) -> None:
    """Every difference whose interval lies below 0, and how many chance alone would bring."""
    for title, of_group in groups(results):
        hurt = [result for result in of_group if result.difference.worse]
        helped = [result for result in of_group if result.difference.better]
        print(
            f"\n**{title}**: {len(of_group)} comparisons, {len(helped)} better, {len(hurt)} "
            f"worse beyond their 95 % interval; {0.025 * len(of_group):.1f} of each would be "
            "expected if nothing made a difference.\n"
        )
        for result in hurt:
            print(f"- {result.sentence()}")


def groups(results: Sequence[Comparison]) -> Iterable[tuple[str, list[Comparison]]]:
    """The comparisons by what they ask."""
    refined = [result for result in results if result.first == f"{result.second}, refined"]
    of_committee = [result for result in refined if result.second == COMMITTEE]
    yield (
        "Refined committee against raw, where it is on by default",
        [result for result in of_committee if result.refines],
    )
    yield (
        "Refined committee against raw, where it is off by default",
        [result for result in of_committee if not result.refines],
    )
    yield "Refined LLM against raw", [r for r in refined if r.second == "LLM"]
    yield "Refined similarity against raw", [r for r in refined if r.second == "similarity"]
    yield "Committee against LLM", [r for r in results if (r.first, r.second) == (COMMITTEE, "LLM")]
    yield (
        "Committee against similarity",
        [r for r in results if (r.first, r.second) == (COMMITTEE, "similarity")],
    )
    for member in ("LLM", "similarity"):
        yield (
            f"Refined committee against {member}",
            [r for r in results if (r.first, r.second) == (f"{COMMITTEE}, refined", member)],
        )


def print_summary(cells: Sequence[Cell]) -> None:
    """Accuracy and macro-F1 of labels and students, a line for each draw."""
    by_place: dict[str, list[Cell]] = {}
    for cell in cells:
        by_place.setdefault(cell.place, []).append(cell)
    judged = [name for name in JUDGED if any(name in cell.figures for cell in cells)]
    arms = [cell.arm.name for cell in next(iter(by_place.values()))]
    for name in judged:
        what = "labels" if name == "labels" else f"{name} student"
        print(f"\n**Accuracy / macro-F1, {what}**\n")
        print(f"| draw | texts | kappa | on | {' | '.join(arms)} |\n|{'---|' * (4 + len(arms))}")
        for place, group in by_place.items():
            row = [
                place,
                f"{len(group[0].draw.rows):,}",
                _kappa(group[0].advice),
                "yes" if group[0].advice.refine else "no",
            ]
            for cell in group:
                figures = cell.figures.get(name)
                values = [] if figures is None else [figures["accuracy"][0], figures["macro_f1"][0]]
                row.append(" / ".join(f"{100 * value:.1f}" for value in values))
            print(f"| {' | '.join(row)} |")


def interval(samples: Floats) -> str:
    """A figure in percent with its interval."""
    value = estimate(samples)
    return f"{value.value:.1f} ({value.low:.1f} to {value.high:.1f})"


def points(value: Estimate) -> str:
    """A difference in points with its interval."""
    return f"{value.value:+.1f} ({value.low:+.1f} to {value.high:+.1f})"


def _kappa(advice: RefinementAdvice) -> str:
    return "not known" if advice.kappa is None else f"{advice.kappa:.2f}"


def _named(cells: Sequence[Cell], name: str) -> Cell:
    return next(cell for cell in cells if cell.arm.name == name)
