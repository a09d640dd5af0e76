"""The report of a comparison: means, paired differences and, where nobody can judge, agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llkd import comparisons, curation, fairness, strategies
from llkd.contrasts import ArmRun, contrasts, grouped
from llkd.pipeline.labelling import teacher_document
from llkd.pipeline.training import document
from llkd.store import Project, Store


def run_document(entry: ArmRun) -> dict[str, Any]:
    """What is reported of one run of a comparison."""
    return {**document(entry.run), "arm": entry.arm, "budget": entry.budget}


def report(store: Store, project: Project, done: Sequence[ArmRun]) -> dict[str, Any]:
    """Arms side by side: means over seeds, paired differences, every run, and what they show."""
    table = []
    for (arm, budget), entries in grouped(done).items():
        documents = [run_document(entry) for entry in entries]
        row = {
            "strategy": arm,
            "arm": arm,
            "budget": budget,
            "seeds": len(documents),
            "weights": strategies.weights_of(entries[0].run.config.selection),
        }
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
        "runs": [run_document(entry) for entry in done],
        "differences": contrasts(store, project, done),
        "agreement": agreement(store, project, done),
    }
    return {
        **found,
        "conclusion": comparisons.sentence(found),
        "lines": comparisons.lines(found),
        "basis": comparisons.basis(found),
    }


def _judges(done: Sequence[ArmRun]) -> dict[str, Any]:
    """Who judged: kind, texts, how these were chosen, and how many labels people had given."""
    if not done:
        return {}
    return {**done[0].run.labels.get("judges", {}), "least": curation.LEAST_LABELS}


def _teacher(store: Store, project: Project, done: Sequence[ArmRun]) -> dict[str, Any]:
    """What is known of the teacher, on the very texts that judge its students."""
    labelling = curation.current_labelling(store, project)
    if not done or done[0].run.config.judged_by == "gold":
        return teacher_document(store, project, labelling)
    run = done[0].run
    rows, label = fairness.judges(store, project, run)
    if run.config.judged_by == "teacher":
        rows, label = rows[:0], label[:0]
    judged = curation.Judged(rows, label, "human", True)
    kept = run.labels
    labels = curation.teacher_labels(
        store, labelling, kept["calibration"], kept.get("bias"), kept.get("temperature")
    )
    return teacher_document(store, project, labelling, judged=judged, labels=labels)


def agreement(store: Store, project: Project, done: Sequence[ArmRun]) -> dict[str, Any] | None:
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
        "seconds",
    ):
        values = [entry[key] for entry in entries if entry[key] is not None]
        mean = float(np.mean(values)) if values else None
        whole = key in {"backpropagated", "updates"}
        means[key] = round(mean) if whole and mean is not None else mean
    return means
