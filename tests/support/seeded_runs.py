"""Training runs written to the store directly, as a trainer leaves them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.failed_strategies.small_loss import SmallLoss
from benchmarks.failed_strategies.trust import Trust
from llkd import curation
from llkd.config import TrainingConfig, build
from llkd.evaluation import quality_report
from llkd.selection import signals
from llkd.selection.registry import make_strategy
from llkd.selection.strategy_spec import DEFAULT_SHARE
from llkd.store import Run
from llkd.store.files.probabilities import write_probabilities
from llkd.store.run_summary import RunSummary


def _rule(selection, names):
    """The strategy; of one that is retired the class that it was, as its old runs had it."""
    if selection.strategy == "small_loss":
        return SmallLoss(len(names), selection.window)
    if selection.strategy == "trust":
        return Trust(len(names), selection.share or DEFAULT_SHARE, selection.window)
    return make_strategy(selection, names)


def add_run(
    store,
    project,
    strategy="llkd",
    *,
    seed=0,
    epochs=2,
    finished=True,
    sharpness=2.0,
    reference=None,
    job_id=None,
    advice=None,
    **selection,
) -> Run:
    """A run over the project's pool with invented students; the selection is the real one.

    ``sharpness`` is how well the student tells the true classes apart. Without ``finished`` the
    run has its first epoch and no summary.
    """
    rng = np.random.default_rng([seed, 7])
    labeling_run = curation.active_labeling_run(store, project)
    names = labeling_run.classes.names
    plane = curation.load_plane(store, project)
    frame, pool = plane.frame, np.flatnonzero(plane.frame["teacher_label"] >= 0)
    if strategy in {"random", "teacher_then_random"} and reference is None:
        selection.setdefault("share", 0.3)
    config = build(
        TrainingConfig,
        selection={"strategy": strategy, **selection},
        reference_run=None if reference is None else reference.id,
        epochs=epochs,
        batch_size=8,
        seed=seed,
    )
    labels = {"labelling": labeling_run.id, "calibration": plane.calibration, "classes": names}
    labels |= {"class_keys": labeling_run.classes.keys, "rows": len(pool)}
    labels |= {} if advice is None else {"advice": advice}
    run = store.runs.create(project.id, labeling_run.id, config, labels, job_id)
    rows = frame["row"].to_numpy()[pool]
    write_probabilities(run.folder / "targets.parquet", rows, plane.probabilities[pool])
    texts = store.projects.texts(project.id, ["gold", "split"])
    gold = curation.gold_indices(texts, labeling_run.classes)
    held_out = np.flatnonzero((texts["split"] == "eval").to_numpy() & (gold >= 0))

    counts = None if reference is None else store.runs.steps(reference)["selected"].tolist()
    rule, steps, decisions, done = _rule(config.selection, names), [], [], []
    used = np.zeros(len(rows), dtype=bool)
    for epoch in range(1, (epochs if finished else 1) + 1):
        strength = sharpness * epoch / epochs
        truth = np.where(gold[rows] >= 0, gold[rows], frame["teacher_label"].to_numpy()[pool])
        student = answers(truth, len(names), strength, rng)
        picked_in_epoch = np.zeros(len(rows), dtype=bool)
        for start in range(0, len(rows), 8):
            batch = np.arange(start, min(start + 8, len(rows)))
            step = len(steps)
            rule, result = rule.step(
                plane.probabilities[pool][batch],
                student[batch],
                rng=rng,
                count=None if counts is None else counts[step],
            )
            picked_in_epoch[batch] = result.selected
            steps.append(
                {
                    "step": step,
                    "epoch": epoch,
                    "loss": float(1.2 / (1 + step / 4)) if result.selected.any() else None,
                    "learning_rate": 1e-4,
                    "batch": len(batch),
                    "selected": int(result.selected.sum()),
                    "skipped": not result.selected.any(),
                    "teacher_threshold": result.teacher_threshold.tolist(),
                    "student_threshold": result.student_threshold.tolist(),
                    "selected_right": 0,
                    "selected_known": 0,
                    "seconds": 0.1,
                }
            )
            decisions.append(
                pd.DataFrame({"step": step, "row": rows[batch], "selected": result.selected})
            )
        used |= picked_in_epoch
        write_probabilities(run.folder / f"signals-epoch-{epoch:04d}.parquet", rows, student)
        quality = dict.fromkeys(("accuracy", "macro_f1", "ece", "per_class_f1"))
        if len(held_out):
            probs = answers(gold[held_out], len(names), strength, rng)
            write_probabilities(run.folder / f"eval-epoch-{epoch:04d}.parquet", held_out, probs)
            report = quality_report.classifier_report(probs, gold[held_out], names)
            quality = {key: report[key] for key in ("accuracy", "macro_f1", "ece")}
            quality["per_class_f1"] = {one["class"]: one["f1"] for one in report["per_class"]}
        label = signals.pseudo_label(plane.probabilities[pool])
        owned = np.bincount(label, minlength=len(names))
        chosen = np.bincount(label[picked_in_epoch], minlength=len(names))
        done.append(
            {
                "epoch": epoch,
                "selected_share": float(picked_in_epoch.mean()),
                "selected_share_per_class": {
                    name: float(c / o) if o else None
                    for name, c, o in zip(names, chosen, owned, strict=True)
                },
                **quality,
            }
        )
    pd.DataFrame(steps).to_parquet(run.folder / "steps-000001.parquet")
    pd.concat(decisions).to_parquet(run.folder / "decisions-000001.parquet")
    if finished:
        total = int(sum(step["selected"] for step in steps))
        summary = {
            **{key: done[-1][key] for key in ("accuracy", "macro_f1", "ece", "per_class_f1")},
            "selected_share": total / (len(rows) * epochs),
            "backpropagated": total,
            "unique": int(used.sum()),
            "steps": len(steps),
            "skipped_steps": sum(step["skipped"] for step in steps),
            "selected_accuracy": 0.75 if len(held_out) else None,
            "epochs": done,
            "training_seconds": 0.1 * len(steps),
            "evaluation_seconds": 0.2,
            "logging_seconds": 0.2,
            "warnings": [],
        }
        run.student_folder.mkdir()
        (run.student_folder / "config.json").write_text("{}")
        store.runs.finish(run.id, RunSummary.read(summary))
    return store.runs.get(run.id)


def answers(truth, classes, strength, rng):
    """Probabilities ``[n, C]`` of a student that leans to the truth."""
    logits = rng.normal(0.0, 1.0, (len(truth), classes))
    logits[np.arange(len(truth)), truth] += strength
    return signals.softmax(logits)
