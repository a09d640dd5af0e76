"""What is taught: the teacher's labels as they are, as shares, weighed, or pooled with a student's.

``n`` texts, ``C`` classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.strength.problems import Problem
from benchmarks.strength.students import Lesson
from benchmarks.strength.teachers import Teacher
from llkd.curation.knn import votes_of
from llkd.curation.probe import probe
from llkd.selection import pooling, signals
from llkd.selection.inputs import StrategyInputs
from llkd.selection.signals import Floats, Ints
from llkd.selection.strategies.neighbours import label_support
from llkd.training.optimisation import soft_targets

LESSONS = ("hard", "soft", "several", "confidence", "partner", "self", "gold")
MASS = 0.8
"""Of the probability, what several labels hold together at least."""
ROUNDS = 2


def inputs_of(problem: Problem, teacher: Teacher) -> StrategyInputs:
    """What strategies may know of the pool, as a run of the product collects it."""
    votes = votes_of(
        problem.nearest, problem.voter, problem.own, teacher.label, teacher.probabilities
    )
    support = label_support(*votes[:2], teacher.probabilities, teacher.label, votes.base)
    return StrategyInputs(teacher.probabilities, passes=support.passes, support=support.rank)


@dataclass(frozen=True)
class Lessons:
    """All lessons of one teacher to students with features ``points [n, d]``."""

    problem: Problem
    teacher: Teacher
    points: Floats
    lesson_of: dict[str, Lesson]
    label_of: dict[str, Ints]
    """The hard labels ``[n]`` from which a student may start."""


def lessons_of(problem: Problem, teacher: Teacher, points: Floats) -> Lessons:
    """Every lesson by name."""
    probs, label, classes = teacher.probabilities, teacher.label, problem.classes
    hard, ones = np.eye(classes)[label], np.ones(len(label))
    pooled = self_trained(teacher, points, classes)
    of: dict[str, Any] = {
        "hard": (hard, ones),
        "soft": (soft_targets(probs, 1.0, 0.0), ones),
        "several": (several_labels(probs), ones),
        "confidence": (hard, _to_mean_1(signals.confidence(probs))),
        "partner": (hard, _to_mean_1(partner_weights(points, label, classes))),
        "self": (np.eye(classes)[pooled], ones),
        "gold": (np.eye(classes)[problem.gold], ones),
    }
    lengths = problem.lengths
    return Lessons(
        problem,
        teacher,
        points,
        {
            name: Lesson(points, lengths, probs, target, weight)
            for name, (target, weight) in of.items()
        },
        {name: {"self": pooled, "gold": problem.gold}.get(name, label) for name in of},
    )


def several_labels(probabilities: Floats) -> Floats:
    """Targets ``[n, C]`` with the fewest classes that hold MASS together, in their shares.

    After CanDist (arXiv 2506.03857), which lets a teacher name several candidates where it is in
    doubt. Where one class holds as much the target is that class.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    target = np.zeros_like(probabilities)
    np.put_along_axis(target, order, np.where(before < MASS, ranked, 0.0), axis=1)
    return np.asarray(target / target.sum(axis=1, keepdims=True))


def partner_weights(points: Floats, label: Ints, classes: int) -> Floats:
    """P(label) ``[n]`` by the one of two students that has not seen the text (Lg-CoTrain)."""
    if (label == label[0]).all():
        return np.ones(len(label))
    partner = probe(points, label, classes, folds=2, seed=0)
    return np.maximum(partner[np.arange(len(label)), label], 1e-3)


def self_trained(teacher: Teacher, points: Floats, classes: int) -> Ints:
    """Labels ``[n]`` after ROUNDS: a cross-fitted student's log-probabilities join the teacher's.

    Each round pools the teacher's first word with the newest student's, equal weights.
    """
    label = teacher.label
    own = pooling.member_logs(teacher.probabilities, label)
    for round_number in range(ROUNDS):
        if (label == label[0]).all():
            break
        student = probe(points, label, classes, seed=round_number)
        logs = [own, pooling.member_logs(student, student.argmax(axis=1))]
        pooled = pooling.pool(logs, pooling.equal_weights(2)).log_probabilities
        label = pooled.argmax(axis=1)
    return label


def _to_mean_1(weight: Floats) -> Floats:
    return np.asarray(weight / weight.mean())
