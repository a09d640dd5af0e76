"""The rules that ``benchmarks/selections.py`` compares, and the pool that they choose from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.failed_strategies.small_loss import SmallLoss  # noqa: E402
from benchmarks.failed_strategies.trust import Trust  # noqa: E402
from llkd import curation
from llkd.config import SelectionConfig  # noqa: E402
from llkd.errors import UserError  # noqa: E402
from llkd.selection import signals
from llkd.selection.inputs import StrategyInputs, prepared  # noqa: E402
from llkd.selection.registry import make_strategy  # noqa: E402
from llkd.selection.signals import Floats, Ints  # noqa: E402
from llkd.selection.strategies.neighbours import (  # noqa: E402
    Support,
    knn_agrees,
    label_support,
)
from llkd.selection.strategy import Strategy  # noqa: E402
from llkd.selection.strategy_spec import DEFAULT_SHARE  # noqa: E402
from llkd.store import Project, Store  # noqa: E402


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
    labels = curation.teacher_labels(store, plane.labeling_run)
    label = plane.frame["teacher_label"].to_numpy()
    rows = plane.frame["row"].to_numpy()
    texts = store.projects.texts(project.id)
    gold = curation.gold_indices(texts, plane.classes)
    held = np.flatnonzero((texts["split"] == "eval").to_numpy() & (gold >= 0))
    points = curation.load_embeddings(store, project)
    probed = curation.probe_signals(store, project, labels)
    if points is None or probed is None:
        raise UserError(f"The set {project.name} has no embeddings.")
    probe = np.full((project.rows, len(plane.names)), np.nan)
    probe[probed[0]] = probed[1]
    opinions = curation.knn_votes(points[rows], label, plane.probabilities)
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
    return matched(pool, make_strategy(config, pool.names))


def matched(pool: Pool, strategy: Strategy) -> Rule:
    """A strategy as a rule that takes as many as it is asked for."""
    passes, rank = pool.support
    inputs = StrategyInputs(pool.probabilities, pool.probe, passes=passes, support=rank)
    current = prepared(strategy, inputs)

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
    borne = knn_agrees(pool.votes, pool.label, pool.base)
    plain = pool.votes[rows, pool.label] >= pool.votes.max(axis=1)
    rank = pool.support.rank
    half = top_share_by_class(sure, pool.label, 0.5)
    backed = top_share_by_class(rank, pool.label, 0.5)

    def loss(positions: Ints, student: Floats) -> Floats:
        own = student[np.arange(len(positions)), pool.label[positions]]
        return -np.log(np.maximum(own, 1e-12))

    def need(positions: Ints, student: Floats) -> Floats:
        return signals.information_need(student)

    def strategy(name: str, **settings: object) -> Callable[[], Rule]:
        return lambda: of_strategy(pool, name, **settings)

    def trust(score: str) -> Callable[[], Rule]:
        return lambda: matched(pool, Trust(len(pool.names), DEFAULT_SHARE, score=score))

    return {
        "random": ("as many at random", strategy("random")),
        "teacher_then_random": ("the teacher's gate, then random", strategy("teacher_then_random")),
        "teacher_only": ("highest above the teacher's threshold", strategy("teacher_only")),
        "student_only": ("highest above the student's threshold", strategy("student_only")),
        "learnability": ("ln q − ln p", strategy("learnability")),
        "small_loss": ("lowest loss", lambda: matched(pool, SmallLoss(len(pool.names)))),
        "trust": ("P(right) · loss", trust("learning")),
        "trust, right": ("P(right) alone", trust("right")),
        "trust, need": ("P(right) · information need", trust("need")),
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
            lambda: at_random_from(top_share_by_class(rank, pool.label, 0.5)),
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
            lambda: highest_of(lambda at, p: rank[at] * need(at, p)),
        ),
        "not outvoted, loss": (
            "not outvoted, then the highest loss",
            lambda: highest_of(lambda at, p: 100 * borne[at] + loss(at, p)),
        ),
        "not outvoted, evidence · need": (
            "not outvoted, then evidence times information need",
            lambda: highest_of(lambda at, p: borne[at] + rank[at] * need(at, p)),
        ),
    }
