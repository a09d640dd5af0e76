"""What a fair comparison of strategies needs, which of it is there, and what it shows.

A gain over training on everything may come from the smaller number of samples alone, or from the
teacher's confidence alone. The two random controls draw as many texts in the same batches, so what
is left of the gain over them is the selection's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llkd import evaluation, signals
from llkd.config import TrainingConfig, build
from llkd.evaluation import Difference
from llkd.store import Job, Project, Run, Store
from ui import reads, run_reads
from ui.wording import counted

CONTROLS = ("random", "teacher_then_random")
RIVALS = ("all", *CONTROLS)
MEANING = {
    "all": "every labelled text",
    "random": "as many texts, at random",
    "teacher_then_random": "as many, at random, teacher sure",
}
DRAWS = 1000


@dataclass(frozen=True)
class Comparison:
    """``llkd`` minus one rival on the same held-out texts; ``seeds`` pairs of runs behind it."""

    rival: str
    seeds: int
    texts: int
    accuracy: Difference
    macro_f1: Difference

    @property
    def verdict(self) -> int:
        """1: better, -1: worse, 0: the interval of accuracy holds no difference."""
        return int(self.accuracy.low > 0) - int(self.accuracy.high < 0)


def rivals_of(run: Run, runs: Sequence[Run], rival: str) -> Run | None:
    """The newest finished run of that strategy that this one may be held against.

    Same labels, settings and seed; a control must draw as many texts in each step as this run.
    """
    for other in reversed(runs):
        if other.config.selection.strategy != rival or other.summary is None:
            continue
        if rival in CONTROLS and other.config.reference_run != run.id:
            continue
        if run_reads.same_but(run, other):
            return other
    return None


def missing_controls(run: Run, runs: Sequence[Run]) -> list[str]:
    """The controls that no run of the project, finished or not, provides for this run."""
    there = {
        other.config.selection.strategy for other in runs if other.config.reference_run == run.id
    }
    return [name for name in CONTROLS if name not in there]


def labels_as_now(store: Store, project: Project, run: Run) -> bool:
    """Whether a run started now would see the very labels that this one saw."""
    plane = reads.plane(store, project, calibration=run.labels["calibration"])
    by_people = int((plane.frame["human_label"] >= 0).sum())
    same_people = by_people == (run.labels.get("human_labels") or 0)
    return plane.labelling.id == run.labelling_id and same_people


def rival_config(run: Run, rival: str) -> TrainingConfig:
    """The settings of a rival to ``run``: the same but for the selection."""
    settings = run.config.model_dump()
    settings["selection"] = {**settings["selection"], "strategy": rival, "share": None}
    settings["reference_run"] = run.id if rival in CONTROLS else None
    return build(TrainingConfig, settings)


def waiting(live: Sequence[Job], arguments: Sequence[str]) -> bool:
    """Whether a live job is this very command already."""
    return any(list(job.arguments) == list(arguments) for job in live)


def family(run: Run, runs: Sequence[Run]) -> list[Run]:
    """Finished runs that differ from ``run`` in nothing but the seed, one a seed (the newest)."""
    found: dict[int, Run] = {}
    for other in runs:
        same = run_reads.same_but(run, other, "seed")
        if other.summary is not None and same and other.config.selection == run.config.selection:
            found[other.config.seed] = other
    found[run.config.seed] = run
    return [found[seed] for seed in sorted(found)]


def compare(
    store: Store, project: Project, run: Run, runs: Sequence[Run], rival: str
) -> Comparison | None:
    """``run`` and its other seeds against the rival, paired; None without pair or held-out gold."""
    mine, theirs, gold = [], [], None
    for one in family(run, runs):
        other = rivals_of(one, runs, rival)
        found = [run_reads.answers(store, project, r) for r in (one, other) if r is not None]
        if len(found) != 2 or found[0] is None or found[1] is None:
            continue
        if not np.array_equal(found[0][0], found[1][0]):
            continue
        gold = found[0][0]
        mine.append(signals.pseudo_label(found[0][1]))
        theirs.append(signals.pseudo_label(found[1][1]))
    if gold is None or not len(gold):
        return None
    draws = max(200, min(DRAWS, 4_000_000 // len(gold)))
    parts = [
        evaluation.paired_bootstrap(
            np.stack(mine),
            np.stack(theirs),
            gold,
            seed=0,
            metric=metric,
            classes=len(run_reads.class_names(run)),
            draws=draws,
        )
        for metric in ("accuracy", "macro_f1")
    ]
    return Comparison(rival, len(mine), len(gold), parts[0], parts[1])


def points(difference: Difference) -> str:
    """A difference in points with its interval: +1.6 (+0.4 to +2.9)."""
    value, low, high = (100 * v for v in (difference.value, difference.low, difference.high))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def sentence(found: Mapping[str, Comparison | None]) -> str:
    """Whether the selection helped here, plainly; ``found`` by rival, None where it is missing."""
    missing = [name for name in RIVALS if found.get(name) is None]
    there = {name: c for name, c in found.items() if c is not None}
    if not there:
        return (
            "Nothing can be said yet on whether the selection helps: there is no run to hold it "
            f"against ({_listed(RIVALS)})."
        )
    worse = [name for name, c in there.items() if c.verdict < 0]
    equal = [name for name, c in there.items() if c.verdict == 0]
    better = [name for name, c in there.items() if c.verdict > 0]
    controls_missing = [name for name in missing if name in CONTROLS]
    if worse:
        said = f"The selection did not help here: it is worse than {_listed(worse)}."
    elif equal:
        said = f"The selection made no clear difference here to {_listed(equal)}."
        if better:
            said += f" It is better than {_listed(better)}."
        if "all" in better and any(name in equal for name in CONTROLS):
            said += (
                " What is gained may come from using fewer texts or from the teacher's confidence."
            )
    elif controls_missing:
        said = f"It is better than {_listed(better)}."
    else:
        said = f"The selection helped here: it is better than {_listed(better)}."
    if missing:
        said += f" Missing for a fair judgement: {_listed(missing)}."
    seeds = min(c.seeds for c in there.values())
    if seeds < 5:
        said += f" This rests on {counted(seeds, 'seed')}; five or more make it firmer."
    return said


def _listed(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
