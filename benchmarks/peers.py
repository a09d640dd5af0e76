"""Training speed beside the plain peer: Hugging Face ``Trainer`` on the same pseudo-labels.

The peer is written as most people write it: ``AutoModelForSequenceClassification`` over the same
encoder, fp32, once padded to 128 tokens and once by its dynamic collator. Ours trains on all texts
(as it comes, and with what makes it fast taken away piece by piece), and by selection. Everything
takes turns, a round a seed; times are those of training alone, without tokenising and evaluating.

``benchmarks/distillation.py --peers`` prints it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

from llkd import curation, workflows
from llkd.config import TrainingConfig, build
from llkd.evaluation import quality_report
from llkd.jobs import JobContext
from llkd.selection import signals
from llkd.selection.signals import Ints
from llkd.store import Project, Store
from llkd.students.loading import student_folder

PADDED = "Trainer, padded to 128"
DYNAMIC = "Trainer, dynamic padding"


@dataclass(frozen=True)
class Task:
    """The same work for everybody: pseudo-labelled texts, and held-out texts with gold."""

    texts: Sequence[str]
    label: Ints
    eval_texts: Sequence[str]
    eval_gold: Ints
    names: Sequence[str]


def task_of(store: Store, project: Project) -> Task:
    """The pool with the teacher's labels, and the held-out texts."""
    plane = curation.load_plane(store, project, need=False)
    label = plane.frame["label"].to_numpy()
    rows = plane.frame["row"].to_numpy()[label >= 0]
    texts = store.projects.texts(project.id)
    gold = curation.gold_indices(texts, plane.classes)
    held = np.flatnonzero((texts["split"] == "eval").to_numpy() & (gold >= 0))
    words = texts["text"].astype(str)
    return Task(
        words.iloc[rows].tolist(),
        label[label >= 0],
        words.iloc[held].tolist(),
        gold[held],
        plane.names,
    )


def trainer(task: Task, config: TrainingConfig, padded: bool, tokens: int = 128) -> dict[str, Any]:
    """One student by ``transformers.Trainer``: seconds, accuracy, macro-F1."""
    import torch
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        default_data_collator,
        set_seed,
    )

    set_seed(config.seed)
    folder = student_folder(config.student)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(task.names), dtype=torch.float32
    )

    def encoded(texts: Sequence[str], label: Ints) -> list[dict[str, Any]]:
        padding = "max_length" if padded else False
        encoding = tokenizer(list(texts), truncation=True, max_length=tokens, padding=padding)
        return [
            {**{name: encoding[name][i] for name in encoding}, "labels": int(label[i])}
            for i in range(len(texts))
        ]

    pool, held = encoded(task.texts, task.label), encoded(task.eval_texts, task.eval_gold)
    with tempfile.TemporaryDirectory() as temporary:
        run = Trainer(
            model=network,
            args=TrainingArguments(
                output_dir=temporary,
                num_train_epochs=config.epochs or 1,
                per_device_train_batch_size=config.batch_size,
                per_device_eval_batch_size=64,
                learning_rate=config.learning_rate,
                seed=config.seed,
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=pool,  # type: ignore[arg-type]
            data_collator=default_data_collator if padded else DataCollatorWithPadding(tokenizer),
        )
        started = time.perf_counter()
        run.train()
        seconds = time.perf_counter() - started
        answers = run.predict(held).predictions  # type: ignore[arg-type]
    probabilities = signals.softmax(np.asarray(answers, dtype=np.float64))
    report = quality_report.classifier_report(probabilities, task.eval_gold, list(task.names))
    return {"seconds": seconds, "accuracy": report["accuracy"], "macro_f1": report["macro_f1"]}


def unbucketed(lengths: Ints, batch_size: int, seed: int, epoch: int) -> list[Ints]:
    """Batches in plain random order, as most loaders make them."""
    order = np.random.default_rng([seed, epoch]).permutation(len(lengths))
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def ours(
    store: Store, project: Project, job: JobContext, config: TrainingConfig, buckets: bool = True
) -> dict[str, Any]:
    """One run of ours: seconds, accuracy, macro-F1, share selected."""
    run = workflows.training.prepare(store, project, config, job.job_id)
    if buckets:
        result = workflows.training.fit(store, project, run, job)
    else:
        with mock.patch("llkd.training.loop.epoch_batches", unbucketed):
            result = workflows.training.fit(store, project, run, job)
    last = result.epochs[-1]
    return {
        "seconds": result.training_seconds,
        "accuracy": last.accuracy,
        "macro_f1": last.macro_f1,
        "share": result.selected_share,
    }


def race(
    store: Store, project: Project, config: TrainingConfig, job: JobContext, rounds: int
) -> list[dict[str, Any]]:
    """Everybody in turn, ``rounds`` times; one row each with means and the median speed.

    ``texts_per_second`` counts the texts of the pool walked, whether they were trained on or not.
    """
    task = task_of(store, project)

    def our(strategy: str = "all", buckets: bool = True, **changes: Any) -> Callable[..., Any]:
        def run(seed: int) -> dict[str, Any]:
            selection = {**config.selection.model_dump(), "strategy": strategy}
            settings = {**config.model_dump(), "selection": selection, "seed": seed, **changes}
            return ours(store, project, job, build(TrainingConfig, settings), buckets)

        return run

    def peer(padded: bool, tokens: int = 128) -> Callable[..., Any]:
        return lambda seed: trainer(task, config.model_copy(update={"seed": seed}), padded, tokens)

    cut = config.window
    entries: dict[str, Callable[[int], dict[str, Any]]] = {
        PADDED: peer(True),
        DYNAMIC: peer(False),
        f"Trainer, dynamic padding, cut at {cut}": peer(False, cut),
        f"ours, all, cut at {cut}": our(),
        "ours, all, cut at 128": our(max_tokens=128),
        "ours, all, fp32": our(precision="fp32"),
        "ours, all, fp32, not bucketed": our(precision="fp32", buckets=False),
        "ours, llkd": our("llkd"),
        "ours, neighbours": our("neighbours"),
    }
    entries_of: dict[str, list[dict[str, Any]]] = {name: [] for name in entries}
    for seed in range(config.seed, config.seed + rounds):
        for name, entry in entries.items():
            entries_of[name].append(entry(seed))
            job.check()
    walked = len(task.texts) * (config.epochs or 1)
    return [_row(name, results, entries_of, walked) for name, results in entries_of.items()]


def _row(
    name: str,
    results: Sequence[Mapping[str, Any]],
    entries_of: Mapping[str, Sequence[Mapping[str, Any]]],
    walked: int,
) -> dict[str, Any]:
    seconds = np.array([result["seconds"] for result in results])
    row: dict[str, Any] = {"who": name, "texts_per_second": float(np.median(walked / seconds))}
    for rival, key in ((PADDED, "times_padded"), (DYNAMIC, "times_dynamic")):
        theirs = np.array([result["seconds"] for result in entries_of[rival]])
        row[key] = float(np.median(theirs / seconds))
    for key in ("accuracy", "macro_f1", "share"):
        values = [result[key] for result in results if result.get(key) is not None]
        row[key] = float(np.mean(values)) if values else None
    return row


def print_table(project: str, rows: Sequence[Mapping[str, Any]], rounds: int) -> None:
    """Markdown: speed, ratios, and what the students are worth."""
    print(f"\n### {project}, training speed: {rounds} round{'s' * (rounds > 1)}\n")
    print("| who | texts/s | × padded | × dynamic | share trained | accuracy | macro-F1 |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        share = "" if row["share"] is None else f"{row['share']:.2f}"
        quality = [
            "–" if row[key] is None else f"{row[key]:.3f}" for key in ("accuracy", "macro_f1")
        ]
        print(
            f"| {row['who']} | {row['texts_per_second']:.1f} | {row['times_padded']:.1f} "
            f"| {row['times_dynamic']:.1f} | {share} | {' | '.join(quality)} |"
        )
