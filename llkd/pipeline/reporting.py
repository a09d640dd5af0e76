"""The report of a comparison: means, paired differences and, where nobody can judge, agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llkd import comparisons, curation, evaluation, fairness, signals
from llkd.pipeline.labelling import teacher_document
from llkd.pipeline.training import document
from llkd.store import Project, Run, Store


@dataclass(frozen=True)
class Entry:
    """One run of a comparison."""

    arm: str
    budget: str
    run: Run

    def document(self) -> dict[str, Any]:
        """What is reported of it."""
        return {**document(self.run), "arm": self.arm, "budget": self.budget}


def report(store: Store, project: Project, done: Sequence[Entry]) -> dict[str, Any]:
    """Arms side by side: means over seeds, paired differences, every run, and what they show."""
    table = []
    for (arm, budget), entries in _grouped(done).items():
        documents = [entry.document() for entry in entries]
        row = {"strategy": arm, "arm": arm, "budget": budget, "seeds": len(documents)}
        table.append({**row, **_means(documents)})
    found: dict[str, Any] = {
        "project": project.name,
        "teacher": _teacher(store, project, done),
        "judges": _judges(done),
        "texts": max((int(entry.run.labels["rows"]) for entry in done), default=0),
        "notes": list(
            dict.fromkeys(note for entry in done for note in entry.run.labels.get("notes", []))
        ),
        "arms": table,
        "runs": [entry.document() for entry in done],
        "differences": differences(store, project, done),
        "agreement": agreement(store, project, done),
    }
    return {**found, "conclusion": comparisons.sentence(found)}


def _judges(done: Sequence[Entry]) -> dict[str, Any]:
    """Who judged: kind, texts, how these were chosen, and how many labels people had given."""
    if not done:
        return {}
    return {**done[0].run.labels.get("judges", {}), "least": curation.LEAST_LABELS}


def _teacher(store: Store, project: Project, done: Sequence[Entry]) -> dict[str, Any]:
    """What is known of the teacher, on the very texts that judge its students."""
    labelling = curation.current_labelling(store, project)
    if not done or done[0].run.config.judged_by == "gold":
        return teacher_document(store, project, labelling)
    run = done[0].run
    rows, label = fairness.judges(store, project, run)
    if run.config.judged_by == "teacher":
        rows, label = rows[:0], label[:0]
    judged = curation.Judged(rows, label, "human", True)
    return teacher_document(store, project, labelling, run.labels["calibration"], judged)


def agreement(store: Store, project: Project, done: Sequence[Entry]) -> dict[str, Any] | None:
    """How often arms say what the teacher says, and what ``all`` says, on texts that did not train.

    Means over seeds, each in [0, 1]. None where students are judged by what people have told.
    """
    said: dict[tuple[str, str, int], np.ndarray] = {}
    teacher = None
    for entry in done:
        found = fairness.agreement(store, project, entry.run)
        if found is not None:
            teacher = found[0]
            said[entry.arm, entry.budget, entry.run.config.seed] = found[1]
    if teacher is None:
        return None
    arms = []
    for arm, budget in dict.fromkeys((arm, budget) for arm, budget, _ in said):
        mine = {seed: own for (a, b, seed), own in said.items() if (a, b) == (arm, budget)}
        whole = [
            float((own == said["all", "epochs", seed]).mean())
            for seed, own in mine.items()
            if arm != "all" and ("all", "epochs", seed) in said
        ]
        arms.append(
            {
                "arm": arm,
                "budget": budget,
                "with_teacher": float(np.mean([(own == teacher).mean() for own in mine.values()])),
                "with_all": float(np.mean(whole)) if whole else None,
            }
        )
    return {"texts": len(teacher), "arms": arms}


def _grouped(done: Sequence[Entry]) -> dict[tuple[str, str], list[Entry]]:
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in done:
        groups.setdefault((entry.arm, entry.budget), []).append(entry)
    return groups


def _means(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    means: dict[str, Any] = {}
    for key in (
        "accuracy",
        "macro_f1",
        "selected_share",
        "backpropagated",
        "updates",
        "selected_accuracy",
        "training_seconds",
    ):
        values = [entry[key] for entry in entries if entry[key] is not None]
        mean = float(np.mean(values)) if values else None
        whole = key in {"backpropagated", "updates"}
        means[key] = round(mean) if whole and mean is not None else mean
    return means


def differences(store: Store, project: Project, done: Sequence[Entry]) -> list[dict[str, Any]]:
    """Arm minus rival on the same held-out texts, paired by seed, with 95 % intervals.

    At equal epochs every arm against ``all`` and LLKD against its controls; at equal samples every
    arm against LLKD and the controls. Empty without held-out gold.
    """
    groups = _grouped(done)
    found = []
    for (arm, budget), entries in groups.items():
        if arm in fairness.RIVALS:
            continue
        rivals: tuple[str, ...] = ("llkd", *fairness.CONTROLS)
        if budget == "epochs":
            rivals = fairness.RIVALS if arm == "llkd" else ("all",)
        for rival in rivals:
            # LLKD and its controls are of both budgets.
            others = groups.get((rival, "epochs"), [])
            paired = _difference(store, project, entries, others)
            if paired is not None:
                found.append({"arm": arm, "budget": budget, "rival": rival, **paired})
    return found


def _difference(
    store: Store, project: Project, entries: Sequence[Entry], others: Sequence[Entry]
) -> dict[str, Any] | None:
    by_seed = {entry.run.config.seed: entry.run for entry in others}
    mine, theirs, gold = [], [], None
    for entry in entries:
        rival = by_seed.get(entry.run.config.seed)
        answers = [
            fairness.answers(store, project, run) for run in (entry.run, rival) if run is not None
        ]
        if len(answers) != 2 or answers[0] is None or answers[1] is None:
            continue
        if not np.array_equal(answers[0][0], answers[1][0]):
            continue
        gold = answers[0][0]
        mine.append(signals.pseudo_label(answers[0][1]))
        theirs.append(signals.pseudo_label(answers[1][1]))
    if gold is None or not len(gold):
        return None
    classes = len(fairness.class_names(entries[0].run))
    result: dict[str, Any] = {"seeds": len(mine), "texts": len(gold)}
    for metric in ("accuracy", "macro_f1"):
        paired = evaluation.paired_bootstrap(
            np.stack(mine),
            np.stack(theirs),
            gold,
            seed=0,
            metric=metric,
            classes=classes,
            draws=max(200, min(fairness.DRAWS, 4_000_000 // len(gold))),
        )
        result[metric] = {"value": paired.value, "low": paired.low, "high": paired.high}
    return result
