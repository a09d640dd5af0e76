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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.distillation import DATA_SETS, project_of, texts_of  # noqa: E402
from llkd import curation, evaluation, jobs, pipeline, signals  # noqa: E402
from llkd.cli.output import ProgressBar  # noqa: E402
from llkd.config import SelectionConfig, TeacherConfig  # noqa: E402
from llkd.errors import UserError  # noqa: E402
from llkd.signals import Floats, Ints  # noqa: E402
from llkd.store import Project, Store  # noqa: E402
from llkd.strategies import (  # noqa: E402
    StrategyInputs,
    Support,
    label_support,
    make_strategy,
    prepared,
)
from llkd.strategies.neighbours import not_outvoted  # noqa: E402
from llkd.training.batches import epoch_batches  # noqa: E402

BATCH = 32
RATE = 0.003
DECAY = 1e-3
RIVALS = ("random", "teacher_then_random")


@dataclass(frozen=True)
class Pool:
    """``n`` texts to learn from and ``m`` held out: embeddings of length 1, labels, evidence."""

    names: list[str]
    points: Floats
    probabilities: Floats
    label: Ints
    gold: Ints
    lengths: Ints
    votes: Floats
    base: Floats
    support: Support
    probe: Floats
    held_points: Floats
    held_gold: Ints


def pool_of(store: Store, project: Project) -> Pool:
    """Everything that the rules look at, from the store."""
    plane = curation.load_plane(store, project)
    labels = curation.teacher_labels(store, plane.labelling)
    label = plane.frame["teacher_label"].to_numpy()
    rows = plane.frame["row"].to_numpy()
    texts = store.projects.texts(project.id)
    gold = curation.gold_indices(texts, plane.classes)
    held = np.flatnonzero((texts["split"] == "eval").to_numpy() & (gold >= 0))
    points = curation.load_embeddings(store, project)
    found = curation.probe_signals(store, project, labels)
    if points is None or found is None:
        raise UserError(f"The set {project.name} has no embeddings.")
    probe = np.full((project.rows, len(plane.names)), np.nan)
    probe[found[0]] = found[1]
    opinions = curation.neighbour_opinions(points[rows], label, plane.probabilities)
    return Pool(
        plane.names,
        points[rows].astype(np.float64),
        plane.probabilities,
        label,
        gold[rows],
        texts["text"].str.len().to_numpy()[rows],
        opinions.votes,
        opinions.base,
        label_support(*opinions[:2], plane.probabilities, label, opinions.base),
        probe[rows],
        points[held].astype(np.float64),
        gold[held],
    )


# A rule is asked once a batch: positions, the student's probabilities, a generator, how many.
Rule = Callable[[Ints, Floats, np.random.Generator, int], Ints]


def of_strategy(pool: Pool, name: str, **settings: object) -> Rule:
    """A strategy of the product, at a matched count."""
    config = SelectionConfig(strategy=name, **settings)  # type: ignore[arg-type]
    passes, rank = pool.support
    told = StrategyInputs(pool.probabilities, pool.probe, passes=passes, support=rank)
    current = prepared(make_strategy(config, pool.names), told)

    def rule(positions: Ints, student: Floats, rng: np.random.Generator, count: int) -> Ints:
        nonlocal current
        current, result = current.step(
            pool.probabilities[positions], student, rng=rng, count=count, positions=positions
        )
        return np.flatnonzero(result.selected)

    return rule


def at_random_from(passed: np.ndarray) -> Rule:
    """As many as wanted at random from those that pass, then from the others."""

    def rule(positions: Ints, student: Floats, rng: np.random.Generator, count: int) -> Ints:
        order = rng.permutation(len(positions))
        return order[np.argsort(~passed[positions][order], kind="stable")][:count]

    return rule


def highest_of(score: Callable[[Ints, Floats], Floats]) -> Rule:
    """Those with the highest score, from positions and the student's probabilities."""

    def rule(positions: Ints, student: Floats, rng: np.random.Generator, count: int) -> Ints:
        return np.argsort(-score(positions, student), kind="stable")[:count]

    return rule


def top_share_by_class(score: Floats, label: Ints, share: float) -> np.ndarray:
    """Whether a text is among the ``share`` of its class with the highest score, ``[n]``."""
    passed = np.zeros(len(label), dtype=bool)
    for own in np.unique(label):
        mine = label == own
        passed |= mine & (score >= np.quantile(score[mine], 1 - share))
    return passed


def rules_of(pool: Pool) -> dict[str, tuple[str, Callable[[], Rule]]]:
    """Every rule by name: what it is in words, and how it is made afresh for a seed."""
    rows = np.arange(len(pool.label))
    sure = pool.probabilities[rows, pool.label]
    probed = pool.probe[rows, pool.label]
    borne = not_outvoted(pool.votes, pool.label, pool.base)
    plain = pool.votes[rows, pool.label] >= pool.votes.max(axis=1)
    told = pool.support.rank
    half = top_share_by_class(sure, pool.label, 0.5)
    backed = top_share_by_class(told, pool.label, 0.5)

    def loss(positions: Ints, student: Floats) -> Floats:
        own = student[np.arange(len(positions)), pool.label[positions]]
        return -np.log(np.maximum(own, 1e-12))

    def need(positions: Ints, student: Floats) -> Floats:
        return signals.information_need(student)

    def strategy(name: str, **settings: object) -> Callable[[], Rule]:
        return lambda: of_strategy(pool, name, **settings)

    return {
        "random": ("as many at random", strategy("random")),
        "teacher_then_random": ("LLKD's teacher gate, then random", strategy(RIVALS[1])),
        "teacher_only": ("highest above the teacher's threshold", strategy("teacher_only")),
        "student_only": ("highest above the student's threshold", strategy("student_only")),
        "learnability": ("ln q − ln p", strategy("learnability")),
        "small_loss": ("lowest loss", strategy("small_loss")),
        "trust": ("P(right) · loss", strategy("trust")),
        "trust, right": ("P(right) alone", strategy("trust", trust_score="right")),
        "trust, need": ("P(right) · information need", strategy("trust", trust_score="need")),
        "sure and needed": (
            "the surer half of each class, then the neediest",
            lambda: highest_of(lambda at, p: half[at] + need(at, p)),
        ),
        "probe · loss": (
            "cross-fitted P(label) · loss",
            lambda: highest_of(lambda at, p: probed[at] * loss(at, p)),
        ),
        "surer half": ("the surer half of each class, then random", lambda: at_random_from(half)),
        "probe agrees": (
            "the cross-fitted probe has the same label, then random",
            lambda: at_random_from(pool.probe.argmax(axis=1) == pool.label),
        ),
        "majority": ("most neighbours agree, then random", lambda: at_random_from(plain)),
        "not outvoted": (
            "no class has more for its share, then random",
            lambda: at_random_from(borne),
        ),
        "not outvoted, needed": (
            "not outvoted, then the neediest",
            lambda: highest_of(lambda at, p: borne[at] + need(at, p)),
        ),
        "not outvoted, small loss": (
            "not outvoted, then the lowest loss",
            lambda: highest_of(lambda at, p: borne[at] - 1e-3 * loss(at, p)),
        ),
        "most evidence": (
            "the half of each class with the most evidence, then random",
            lambda: at_random_from(top_share_by_class(told, pool.label, 0.5)),
        ),
        "neighbours": (
            "not outvoted, less 30 % of each class, then random",
            strategy("neighbours"),
        ),
        "needed_neighbours": ("as neighbours, then the neediest", strategy("needed_neighbours")),
        "most evidence, needed": (
            "the half of each class with the most evidence, then the neediest",
            lambda: highest_of(lambda at, p: backed[at] + need(at, p)),
        ),
        "evidence · need": (
            "evidence times information need",
            lambda: highest_of(lambda at, p: told[at] * need(at, p)),
        ),
        "not outvoted, loss": (
            "not outvoted, then the highest loss",
            lambda: highest_of(lambda at, p: 100 * borne[at] + loss(at, p)),
        ),
        "not outvoted, evidence · need": (
            "not outvoted, then evidence times information need",
            lambda: highest_of(lambda at, p: borne[at] + told[at] * need(at, p)),
        ),
    }


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
    chosen: list[Ints] = []
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
            chosen.append(mine)
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
    took = np.concatenate(chosen)
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
    words = {"all": "every text", **{rule: told for rule, (told, _) in rules.items()}}
    for rule, found in answers.items():
        accuracy = float((found == pool.held_gold).mean())
        f1 = np.mean([evaluation.macro_f1(one, pool.held_gold, len(pool.names)) for one in found])
        told = [
            "" if rule == rival else _difference(found, answers[rival], pool, metric)
            for rival, metric in (*((one, "accuracy") for one in RIVALS), ("random", "macro_f1"))
        ]
        print(
            f"| {rule} | {words[rule]} | {right[rule]:.3f} | {accuracy:.3f} | {f1:.3f} "
            f"| {' | '.join(told)} |"
        )
    rival = answers[RIVALS[1]]
    return {
        rule: (
            _difference(found, rival, pool, "accuracy"),
            _difference(found, rival, pool, "macro_f1"),
        )
        for rule, found in answers.items()
        if rule != RIVALS[1]
    }


def print_overview(found: dict[str, dict[str, tuple[str, str]]]) -> None:
    """Every rule on every set against ``teacher_then_random``, in points."""
    for place, metric in enumerate(("Accuracy", "Macro-F1")):
        print(f"\n### {metric} minus that of teacher_then_random, points\n")
        print(f"| rule | {' | '.join(found)} |")
        print(f"|---|{'---:|' * len(found)}")
        for rule in next(iter(found.values())):
            values = [one[rule][place].partition(" ")[0] for one in found.values()]
            print(f"| {rule} | {' | '.join(values)} |")


def _difference(mine: Floats, theirs: Floats, pool: Pool, metric: str) -> str:
    found = evaluation.paired_bootstrap(
        mine, theirs, pool.held_gold, seed=0, metric=metric, classes=len(pool.names), draws=400
    )
    clear = "**" if found.low > 0 or found.high < 0 else ""
    low, high = 100 * found.low, 100 * found.high
    return f"{clear}{100 * found.value:+.1f}{clear} [{low:+.1f}, {high:+.1f}]"


def labelled(store: Store, project: Project) -> Project:
    """The project with the embedded teacher's labels and the embeddings; made where missing."""
    if not store.labellings.all(project.id) or not curation.has_embeddings(store, project):

        def work(job: jobs.JobContext) -> None:
            pipeline.label(store, project, TeacherConfig(), job)
            pipeline.embed_and_probe(store, store.projects.get(project.name), job)

        jobs.run(
            store,
            work,
            kind="benchmark",
            title=f"Labels for {project.name}",
            arguments=[],
            show=ProgressBar(),
        )
    return store.projects.get(project.name)


def main(given: Sequence[str] | None = None) -> None:
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
    asked = parser.parse_args(given)
    unknown = set(asked.sets.split(",")) - set(DATA_SETS)
    if unknown:
        sys.exit(f"There is no set {min(unknown)!r}. The sets are {', '.join(DATA_SETS)}.")
    with tempfile.TemporaryDirectory() as temporary:
        store = Store(asked.home or temporary)
        found = {}
        for name in asked.sets.split(","):
            texts = texts_of(asked.data, name, asked.pool, asked.test)
            pool = pool_of(store, labelled(store, project_of(store, name, texts)))
            found[name] = print_table(name, pool, asked.seeds, asked.epochs, asked.share)
        print_overview(found)
        store.close()


if __name__ == "__main__":
    main()
