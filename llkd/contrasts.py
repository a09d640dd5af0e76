"""Arms of a comparison held against one another on the same texts: differences with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd import fairness, strategies
from llkd.differences import METRICS, paired_difference
from llkd.errors import NotFound
from llkd.signals import Ints
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


def contrasts(store: Store, project: Project, done: Sequence[ArmRun]) -> list[dict[str, Any]]:
    """Arm minus rival on the same judging texts, paired by seed; one dict a difference.

    At equal epochs every arm against ``all`` and LLKD against its controls; at equal samples every
    arm against LLKD and the controls. ``accuracy`` and ``macro_f1`` hold value, low and high; the
    intervals of one metric hold together at 95 % over the whole list. Empty where nobody judges.
    """
    groups = grouped(done)
    pairs = []
    for (arm, budget), runs in groups.items():
        if arm in fairness.RIVALS:
            continue
        rivals: tuple[str, ...] = ("llkd", *fairness.CONTROLS)
        if budget == "epochs":
            rivals = fairness.RIVALS if arm == "llkd" else ("all",)
        for rival in rivals:
            # LLKD and its controls are of both budgets.
            pair = _pair(store, project, runs, groups.get((rival, "epochs"), []))
            if pair is not None:
                pairs.append(_Pair(arm, budget, rival, *pair))
    return [_described(pair, len(pairs)) for pair in pairs]


def grouped(done: Sequence[ArmRun]) -> dict[tuple[str, str], list[ArmRun]]:
    """Runs by arm and budget, in their order."""
    groups: dict[tuple[str, str], list[ArmRun]] = {}
    for entry in done:
        groups.setdefault((entry.arm, entry.budget), []).append(entry)
    return groups


def _described(pair: _Pair, among: int) -> dict[str, Any]:
    document: dict[str, Any] = {
        "arm": pair.arm,
        "budget": pair.budget,
        "rival": pair.rival,
        "seeds": len(pair.first),
        "texts": len(pair.gold),
        "among": among,
    }
    for metric in METRICS:
        of = paired_difference(
            pair.first, pair.second, pair.gold, metric=metric, classes=pair.classes, among=among
        )
        document[metric] = {"value": of.value, "low": of.low, "high": of.high}
    return document


def _pair(
    store: Store, project: Project, runs: Sequence[ArmRun], others: Sequence[ArmRun]
) -> tuple[Ints, Ints, Ints, int] | None:
    """Predictions ``[S, n]`` of both, gold ``[n]``, the number of classes; None without pairs."""
    by_seed = {entry.run.config.seed: entry.run for entry in others}
    pairs = ((entry.run, by_seed.get(entry.run.config.seed)) for entry in runs)
    paired = fairness.paired_answers(store, project, pairs)
    if paired is None:
        return None
    return paired.first, paired.second, paired.gold, len(fairness.class_names(runs[0].run))


OLD_INTERVALS = (
    "This comparison was made by an older version whose intervals were too narrow, and not all of "
    "its runs are there to reckon them anew. Compare again."
)


def renewed(store: Store, project: Project, report: Mapping[str, Any]) -> dict[str, Any]:
    """A stored report with intervals as they are reckoned now.

    Version 0.3.0 drew seeds and texts again (bootstrap), which is too narrow for few seeds. From
    the predictions that the runs kept its differences are made anew; where a run is gone the
    report has none, and says so in its notes.
    """
    if all("among" in one for one in report.get("differences", [])):
        return dict(report)
    arm_runs = []
    for one in report.get("runs", []):
        try:
            run = store.runs.get(int(one["run"]), project.id)
        except NotFound:
            notes = [*report.get("notes", []), OLD_INTERVALS]
            return {**report, "differences": [], "notes": notes}
        arm_runs.append(ArmRun(str(one["arm"]), str(one["budget"]), run))
    groups = grouped(arm_runs)
    arms = []
    for row in report["arms"]:
        runs = [entry.run for entry in groups.get((row["arm"], row["budget"]), [])]
        if runs:
            seconds = [fairness.whole_seconds(run) for run in runs]
            known = [value for value in seconds if value is not None]
            weights = strategies.weights_of(runs[0].config.selection)
            whole = float(np.mean(known)) if len(known) == len(runs) else None
            row = {**row, "weights": weights, "seconds": whole}
        arms.append(row)
    return {**report, "arms": arms, "differences": contrasts(store, project, arm_runs)}
