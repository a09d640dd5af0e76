"""What differences say of each selection, as words of a fixed list.

A selection is worth what it gains over the stronger of the two controls at the same samples: the
one interval by which it is called better, as good, worse or not known. Of one seed nothing is said
but that two students differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from llkd.evaluation.comparison.arms import CONTROLS, WITHOUT_SELECTION, reference_arm
from llkd.evaluation.comparison.paired_runs import MIN_SEEDS
from llkd.evaluation.comparison.report import Budget, ComparisonReport
from llkd.evaluation.intervals import ONE_POINT, Difference
from llkd.selection.registry import EVERYTHING

AgainstAll = Literal["better", "as well", "loses at most a point", "worse", "not clear"]
"""An arm's accuracy against that of training on all texts."""
Verdict = Literal["better", "as good", "worse", "not known"]
"""A selection against the stronger control."""


def selections(report: ComparisonReport) -> list[str]:
    """The arms that select, in the report's order: neither every text nor a control."""
    names = dict.fromkeys(row.arm for row in report.arms)
    return [name for name in names if name not in WITHOUT_SELECTION]


def enough_seeds(report: ComparisonReport, arm: str) -> bool:
    """Whether an arm was trained with seeds enough to speak of more than students."""
    seeds = [entry.seeds for entry in report.differences if entry.arm == arm]
    return min(seeds, default=0) >= MIN_SEEDS


def verdict_against_all(difference: Difference) -> AgainstAll:
    """An arm minus training on everything, in words."""
    if difference.within_a_point:
        return "as well"
    if difference.low > 0:
        return "better"
    if difference.high < 0:
        return "worse"
    return "loses at most a point" if difference.low >= -ONE_POINT else "not clear"


def against_all(report: ComparisonReport, arm: str) -> AgainstAll | None:
    """An arm against training on everything; None where not compared, or with one seed."""
    entry = report.difference(arm, "epochs", EVERYTHING)
    if entry is None or not enough_seeds(report, arm):
        return None
    return verdict_against_all(entry.accuracy)


def control_budget(report: ComparisonReport, arm: str) -> Budget:
    """The budget at which an arm takes as many samples as the controls.

    The reference, whose counts they copy, has no other run at equal samples.
    """
    alone = arm == reference_arm(row.arm for row in report.arms)
    return "epochs" if alone and report.row(arm, "samples") is None else "samples"


def _decisive(differences: Mapping[str, Difference]) -> tuple[Verdict, str]:
    """The verdict by the controls, and the control whose interval shows it: the stronger one.

    Which control is the stronger is not known for sure either: a selection is better where all its
    intervals lie above 0, worse where one lies below. Within a point is as good either way.
    """
    by_value = sorted(differences, key=lambda name: differences[name].value)
    strongest = by_value[0]
    for name in by_value:
        if differences[name].high < 0 and not differences[name].within_a_point:
            return "worse", name
    if differences[strongest].within_a_point:
        return "as good", strongest
    if all(difference.low > 0 for difference in differences.values()):
        return "better", strongest
    if differences[strongest].low > 0:  # the other one's interval is wider, and holds 0
        return "not known", min(differences, key=lambda name: differences[name].low)
    return "not known", strongest


@dataclass(frozen=True)
class SelectionVerdict:
    """What one selection is worth, and the one difference that says so.

    ``rival``: the control that ``difference`` (of accuracy) is to, the stronger one; all texts
    where no control is there; None where nothing is. ``seeds`` and ``texts`` are behind it.
    ``missing``: controls that are not there. ``all_is_better``: than the selection, clearly.
    """

    arm: str
    verdict: Verdict
    rival: str | None
    difference: Difference | None
    seeds: int
    texts: int
    same_weights: bool
    missing: tuple[str, ...] = ()
    all_is_better: bool = False


def selection_verdict(
    arm: str,
    differences: Mapping[str, Difference],
    *,
    seeds: int,
    texts: int,
    same_weights: bool,
) -> SelectionVerdict:
    """The verdict on an arm by its ``differences`` to rivals, those of ``RIVALS`` that are there.

    ``seeds`` and ``texts``: the fewest behind any of them.
    """
    to_controls = {name: differences[name] for name in CONTROLS if name in differences}
    missing = tuple(name for name in CONTROLS if name not in differences)
    verdict: Verdict = "not known"
    rival = EVERYTHING if EVERYTHING in differences else None
    if to_controls:
        verdict, rival = _decisive(to_controls)
    if seeds < MIN_SEEDS or (missing and verdict != "worse"):
        verdict = "not known"
    difference = None if rival is None else differences[rival]
    return SelectionVerdict(
        arm,
        verdict,
        rival,
        difference,
        seeds,
        texts,
        same_weights,
        missing,
        all_is_better=EVERYTHING in differences
        and seeds >= MIN_SEEDS
        and verdict_against_all(differences[EVERYTHING]) == "worse",
    )


def report_verdict(report: ComparisonReport, arm: str) -> SelectionVerdict:
    """The verdict on an arm of a comparison."""
    budgets = {EVERYTHING: "epochs", **dict.fromkeys(CONTROLS, control_budget(report, arm))}
    entries = [
        entry
        for rival, budget in budgets.items()
        if (entry := report.difference(arm, budget, rival)) is not None
    ]
    return selection_verdict(
        arm,
        {entry.rival: entry.accuracy for entry in entries},
        seeds=min((entry.seeds for entry in entries), default=0),
        texts=min((entry.texts for entry in entries), default=0),
        same_weights=same_weights(report, arm),
    )


def ranked_selections(report: ComparisonReport) -> list[str]:
    """The arms that select, the most accurate first."""

    def accuracy(arm: str) -> float:
        row = report.row(arm, "epochs")
        return -1.0 if row is None or row.accuracy is None else row.accuracy

    return sorted(selections(report), key=accuracy, reverse=True)


def same_weights(report: ComparisonReport, arm: str) -> bool:
    """Whether an arm weighs its texts in the loss as the controls do, as far as it is known."""
    budget = control_budget(report, arm)
    rows = [report.row(arm, budget)]
    rows += [
        report.row(rival, "epochs")
        for rival in CONTROLS
        if report.difference(arm, budget, rival) is not None
    ]
    weights = [None if row is None else row.weights for row in rows]
    return None not in weights and len(set(weights)) == 1
