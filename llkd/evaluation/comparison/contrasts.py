"""Arms of a comparison held against one another on the same texts: differences with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llkd.errors import NotFound
from llkd.evaluation import predictions
from llkd.evaluation.comparison.arms import CONTROLS, RIVALS, reference_arm
from llkd.evaluation.comparison.report import ArmDifference, ComparisonReport
from llkd.evaluation.differences import paired_difference
from llkd.evaluation.intervals import METRICS
from llkd.evaluation.run_costs import total_seconds
from llkd.selection.registry import EVERYTHING, weights_of
from llkd.selection.signals import Ints
from llkd.store import Project, Run, Store


@dataclass(frozen=True)
class ArmRun:
    """One run of a comparison: of which arm, at which budget."""

    arm: str
    budget: str
    run: Run


@dataclass(frozen=True)
class _Pair:
    arm: str
    budget: str
    rival: str
    first: Ints
    second: Ints
    gold: Ints
    classes: int


def contrasts(store: Store, project: Project, arm_runs: Sequence[ArmRun]) -> list[ArmDifference]:
    """Arm minus rival on the same evaluation set, paired by seed.

    At equal epochs every arm against ``all`` and the reference against its controls; at equal
    samples every arm against the reference and the controls. The intervals of one metric hold
    together at 95 % over the whole list. Empty where no text has a known class.
    """
    groups = grouped(arm_runs)
    reference = reference_arm(dict.fromkeys(entry.arm for entry in arm_runs))
    pairs = []
    for (arm, budget), runs in groups.items():
        if arm in RIVALS:
            continue
        rivals: tuple[str, ...] = CONTROLS if reference is None else (reference, *CONTROLS)
        if budget == "epochs":
            rivals = RIVALS if arm == reference else (EVERYTHING,)
        for rival in rivals:
            # The reference and its controls are of both budgets.
            pair = _pair(store, project, runs, groups.get((rival, "epochs"), []))
            if pair is not None:
                pairs.append(_Pair(arm, budget, rival, *pair))
    return [_described(pair, len(pairs)) for pair in pairs]


def grouped(arm_runs: Sequence[ArmRun]) -> dict[tuple[str, str], list[ArmRun]]:
    """Runs by arm and budget, in their order."""
    groups: dict[tuple[str, str], list[ArmRun]] = {}
    for entry in arm_runs:
        groups.setdefault((entry.arm, entry.budget), []).append(entry)
    return groups


def _described(pair: _Pair, among: int) -> ArmDifference:
    accuracy, macro_f1 = [
        paired_difference(
            pair.first, pair.second, pair.gold, metric=metric, classes=pair.classes, among=among
        )
        for metric in METRICS
    ]
    return ArmDifference(
        arm=pair.arm,
        budget=pair.budget,
        rival=pair.rival,
        seeds=len(pair.first),
        texts=len(pair.gold),
        among=among,
        accuracy=accuracy,
        macro_f1=macro_f1,
    )


def _pair(
    store: Store, project: Project, runs: Sequence[ArmRun], others: Sequence[ArmRun]
) -> tuple[Ints, Ints, Ints, int] | None:
    """Predictions ``[S, n]`` of both, gold ``[n]``, the number of classes; None without pairs."""
    by_seed = {entry.run.config.seed: entry.run for entry in others}
    pairs = ((entry.run, by_seed.get(entry.run.config.seed)) for entry in runs)
    paired = predictions.paired_predictions(store, project, pairs)
    if paired is None:
        return None
    return paired.first, paired.second, paired.gold, len(runs[0].run.class_names)


OLD_INTERVALS = (
    "This comparison was made by an older version whose intervals were too narrow, and not all of "
    "its runs are there to compute them anew. Compare again."
)


def renewed(store: Store, project: Project, report: ComparisonReport) -> ComparisonReport:
    """A stored report with intervals as they are computed now.

    Version 0.3.0 drew seeds and texts again (bootstrap), which is too narrow for few seeds. From
    the predictions of its runs the differences are computed anew; where a run is gone the report
    has none, and says so in its notes.
    """
    if all(entry.among is not None for entry in report.differences):
        return report
    arm_runs = []
    for entry in report.runs:
        try:
            run = store.runs.get(entry.run, project.id)
        except NotFound:
            notes = (*report.notes, OLD_INTERVALS)
            return report.model_copy(update={"differences": (), "notes": notes})
        arm_runs.append(ArmRun(entry.arm, entry.budget, run))
    groups = grouped(arm_runs)
    rows = []
    for row in report.arms:
        runs = [entry.run for entry in groups.get((row.arm, row.budget), [])]
        if runs:
            seconds = [value for run in runs if (value := total_seconds(run)) is not None]
            whole = float(np.mean(seconds)) if len(seconds) == len(runs) else None
            weights = weights_of(runs[0].config.selection)
            row = row.model_copy(update={"weights": weights, "seconds": whole})
        rows.append(row)
    differences = tuple(contrasts(store, project, arm_runs))
    return report.model_copy(update={"arms": tuple(rows), "differences": differences})
