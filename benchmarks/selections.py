"""Which texts a student should learn from: many rules, cheaply, before real students are trained.

A linear student (softmax regression, Adam) learns on the frozen embeddings of the default student,
from the labels of the embedded teacher, one or more walks over the same batches for every rule; in
each batch a rule takes the same number of texts (``--share``). So the rules differ in their choice
alone. Prints Markdown: accuracy and macro-F1 on held-out texts (means over seeds), the share of the
chosen labels that are right, and the difference to ``random`` and to ``teacher_then_random`` with
its 95 % paired bootstrap interval over seeds and texts.

    python benchmarks/selections.py --data DATA [--sets ag_news,emotions] [--seeds 6]
        [--pool 2000] [--test 1000] [--epochs 3] [--share 0.2] [--home DIR]

What wins here is a candidate, no more: ``benchmarks/distillation.py`` trains real students.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.distillation import DATA_SETS, project_of, texts_of  # noqa: E402
from benchmarks.selection_rules import (  # noqa: E402
    Pool,
    Rule,
    pool_of,
    rules_of,
)
from llkd import curation, jobs, workflows
from llkd.cli.output import ProgressBar  # noqa: E402
from llkd.config import TeacherConfig  # noqa: E402
from llkd.evaluation import intervals, metrics
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints  # noqa: E402
from llkd.store import Project, Store  # noqa: E402
from llkd.training.batches import epoch_batches  # noqa: E402

BATCH = 32
RATE = 0.003
DECAY = 1e-3
RIVALS = ("random", "teacher_then_random")


def learned(
    pool: Pool, rule: Rule | None, seed: int, epochs: int, share: float
) -> tuple[Ints, float]:
    """A linear student by one rule (None: every text): answers ``[m]``, share of right labels."""
    classes, width = len(pool.names), pool.points.shape[1]
    scale = np.sqrt(width)
    rng = np.random.default_rng([seed, 1])
    weights = np.zeros((width + 1, classes))
    first, second, step = np.zeros_like(weights), np.zeros_like(weights), 0
    points = np.hstack([pool.points * scale, np.ones((len(pool.points), 1))])
    answers: list[Ints] = []
    total = epochs * int(np.ceil(len(points) / BATCH))
    for epoch in range(epochs):
        for batch in epoch_batches(pool.lengths, BATCH, seed, epoch):
            mine = batch
            if rule is not None:
                count = int(np.floor(share * len(batch) + rng.random()))
                mine = batch[rule(batch, signals.softmax(points[batch] @ weights), rng, count)]
            step += 1
            if not len(mine):
                continue
            answers.append(mine)
            error = signals.softmax(points[mine] @ weights)
            error[np.arange(len(mine)), pool.label[mine]] -= 1
            slope = points[mine].T @ error / len(mine) + DECAY * weights
            first = 0.9 * first + 0.1 * slope
            second = 0.999 * second + 0.001 * slope**2
            pace = RATE * (1 - step / (total + 1))
            weights -= (
                pace * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
            )
    held = np.hstack([pool.held_points * scale, np.ones((len(pool.held_points), 1))])
    took = np.concatenate(answers)
    known = pool.gold[took] >= 0
    right = float((pool.label[took] == pool.gold[took])[known].mean())
    return (held @ weights).argmax(axis=1), right


def print_table(
    name: str, pool: Pool, seeds: int, epochs: int, share: float
) -> dict[str, tuple[str, str]]:
    """All rules on one set; what came out against the second control, by rule.

    The two strings are the difference in accuracy and the one in macro-F1.
    """
    rules = rules_of(pool)
    answers: dict[str, Floats] = {}
    right: dict[str, float] = {}
    for rule, (_, make) in [("all", ("every text", None)), *rules.items()]:
        runs = [
            learned(pool, None if make is None else make(), seed, epochs, share)
            for seed in range(seeds)
        ]
        answers[rule] = np.stack([answer for answer, _ in runs])
        right[rule] = float(np.mean([share_right for _, share_right in runs]))
    known = pool.gold >= 0
    teacher = (pool.label == pool.gold)[known].mean()
    print(f"\n### {name}: {len(pool.label):,} texts, {len(pool.held_gold):,} held out\n")
    print(f"{teacher:.1%} of the teacher's labels are right; {seeds} seeds, {epochs} epochs.\n")
    print(
        "| rule | takes | labels right | accuracy | macro-F1 | − random | − teacher_then_random "
        "| macro-F1 − random |"
    )
    print("|---|---|---:|---:|---:|---|---|---|")
    words = {"all": "every text", **{rule: description for rule, (description, _) in rules.items()}}
    for rule, answers_of_rule in answers.items():
        accuracy = float((answers_of_rule == pool.held_gold).mean())
        f1 = np.mean(
            [metrics.macro_f1(label, pool.held_gold, len(pool.names)) for label in answers_of_rule]
        )
        description = [
            "" if rule == rival else _difference(answers_of_rule, answers[rival], pool, metric)
            for rival, metric in (
                *((label, "accuracy") for label in RIVALS),
                ("random", "macro_f1"),
            )
        ]
        print(
            f"| {rule} | {words[rule]} | {right[rule]:.3f} | {accuracy:.3f} | {f1:.3f} "
            f"| {' | '.join(description)} |"
        )
    rival = answers[RIVALS[1]]
    return {
        rule: (
            _difference(answers_of_rule, rival, pool, "accuracy"),
            _difference(answers_of_rule, rival, pool, "macro_f1"),
        )
        for rule, answers_of_rule in answers.items()
        if rule != RIVALS[1]
    }


def print_overview(cells: dict[str, dict[str, tuple[str, str]]]) -> None:
    """Every rule on every set against ``teacher_then_random``, in points."""
    for place, metric in enumerate(("Accuracy", "Macro-F1")):
        print(f"\n### {metric} minus that of teacher_then_random, points\n")
        print(f"| rule | {' | '.join(cells)} |")
        print(f"|---|{'---:|' * len(cells)}")
        for rule in next(iter(cells.values())):
            values = [row[rule][place].partition(" ")[0] for row in cells.values()]
            print(f"| {rule} | {' | '.join(values)} |")


def _difference(mine: Floats, theirs: Floats, pool: Pool, metric: str) -> str:
    difference = intervals.paired_bootstrap(
        mine, theirs, pool.held_gold, seed=0, metric=metric, classes=len(pool.names), draws=400
    )
    clear = "**" if difference.low > 0 or difference.high < 0 else ""
    low, high = 100 * difference.low, 100 * difference.high
    return f"{clear}{100 * difference.value:+.1f}{clear} [{low:+.1f}, {high:+.1f}]"


def labelled(store: Store, project: Project) -> Project:
    """The project with the embedded teacher's labels and the embeddings; made where missing."""
    if not store.labeling_runs.all(project.id) or not curation.has_embeddings(store, project):

        def work(job: jobs.JobContext) -> None:
            workflows.label(store, project, TeacherConfig(), job)
            workflows.embed_and_probe(store, store.projects.get(project.name), job)

        jobs.run(
            store,
            work,
            kind="benchmark",
            title=f"Labels for {project.name}",
            show=ProgressBar(),
        )
    return store.projects.get(project.name)


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(DATA_SETS))
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--pool", type=int, default=2000)
    parser.add_argument("--test", type=int, default=1000)
    parser.add_argument("--home", help="keep labels and embeddings here")
    arguments = parser.parse_args(words)
    unknown = set(arguments.sets.split(",")) - set(DATA_SETS)
    if unknown:
        sys.exit(f"There is no set {min(unknown)!r}. The sets are {', '.join(DATA_SETS)}.")
    with tempfile.TemporaryDirectory() as temporary:
        store = Store(arguments.home or temporary)
        cells = {}
        for name in arguments.sets.split(","):
            texts = texts_of(arguments.data, name, arguments.pool, arguments.test)
            pool = pool_of(store, labelled(store, project_of(store, name, texts)))
            cells[name] = print_table(
                name, pool, arguments.seeds, arguments.epochs, arguments.share
            )
        print_overview(cells)
        store.close()


if __name__ == "__main__":
    main()
