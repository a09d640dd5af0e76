"""One cell: a pool, a teacher, a student; all arms on raw and on refined labels.

Its result is one line of JSON. What arms have in common they share: for each seed the same batches
in the same order from the same start.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from benchmarks.strength import lessons, students
from benchmarks.strength.arms import ALL, NEEDED, NEIGHBOURS, Arm, arms
from benchmarks.strength.problems import Problem, problem
from benchmarks.strength.teachers import Teacher, refined, teacher_of
from llkd.evaluation.differences import paired_difference
from llkd.evaluation.metrics import macro_f1
from llkd.selection import signals
from llkd.selection.inputs import StrategyInputs
from llkd.selection.signals import Floats, Ints
from llkd.training.batches import steps_per_epoch

VERSION = 1
"""Of what a cell means; raised where old results no longer hold."""
RAW, REFINED = "raw", "refined"
WORDS_WIDTH = 256
METRICS = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class Cell:
    """What is measured, by name. ``start``: ``chance`` or ``probe``."""

    half: str
    set_name: str
    draw: str
    teacher: str
    student: str
    start: str
    wide: bool
    seeds: int

    @property
    def key(self) -> str:
        """Under which its result is stored: another version or other arms are other cells."""
        described = [VERSION, self.__dict__, [arm.document() for arm in arms(self.wide)]]
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


class Results:
    """What this and every other run has stored in a folder, by key; new lines go to an own file.

    A line that a stopped run left half written is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / f"cells-{os.getpid()}-{time.time_ns():x}.jsonl"
        self.lines: dict[str, dict[str, Any]] = {}
        self.read()

    def read(self) -> None:
        """Take in what others have stored since."""
        for part in sorted(self.folder.glob("cells-*.jsonl")):
            for line in part.read_text("utf-8").splitlines():
                try:
                    stored = json.loads(line)
                except ValueError:
                    continue
                self.lines[stored["key"]] = stored

    def add(self, result: dict[str, Any]) -> None:
        """At once."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
        self.lines[result["key"]] = result


def run(
    cells: Iterable[Cell],
    results: Results,
    folder: Path,
    show: Callable[[str], None] = print,
    enough: Callable[[], bool] = lambda: False,
) -> None:
    """Measure what is not stored yet; stops after a cell once there is ``enough``.

    A cell that another run is at is left to it.
    """
    claims = results.folder / "claims"
    claims.mkdir(parents=True, exist_ok=True)
    for cell in cells:
        if cell.key in results.lines:
            continue
        if enough():
            return
        try:
            with FileLock(claims / cell.key, timeout=0):
                results.read()
                if cell.key in results.lines or not _measure(cell, results, folder):
                    continue
        except Timeout:
            continue
        show(" ".join(str(value) for value in cell.__dict__.values()))


def _measure(cell: Cell, results: Results, folder: Path) -> bool:
    """Store a cell; false where there is no such pool or teacher."""
    pool = cached_problem(folder, results.folder, cell.set_name, cell.draw, cell.half)
    teacher = None if pool is None else cached_teacher(pool, cell.teacher, results.folder)
    if pool is None or teacher is None:
        return False
    results.add({"key": cell.key, **cell.__dict__, **measured(pool, teacher, cell)})
    return True


@lru_cache(maxsize=12)
def cached_problem(folder: Path, cache: Path, name: str, draw: str, half: str) -> Problem | None:
    """The pool, searched once."""
    return problem(folder, cache, name, draw, half)


TEACHERS: dict[tuple[str, str, str, str], Teacher | None] = {}
"""Those that a run has made, by half, set, draw and name."""


def cached_teacher(pool: Problem, name: str, cache: Path) -> Teacher | None:
    """The teacher of a pool, fitted once."""
    key = (pool.half, pool.set_name, pool.draw, name)
    if key not in TEACHERS:
        TEACHERS[key] = teacher_of(pool, name, cache)
    return TEACHERS[key]


def measured(pool: Problem, teacher: Teacher, cell: Cell) -> dict[str, Any]:
    """All arms of a cell: figures, samples, differences with intervals."""
    learnt, held = features(pool, cell.student)
    answers: dict[str, dict[str, np.ndarray]] = {}
    document: dict[str, Any] = {
        "texts": len(pool.texts),
        "classes": pool.classes,
        "new": pool.new,
        "largest_class": float(np.bincount(pool.gold).max() / len(pool.gold)),
        "labels": {},
        "arms": {},
    }
    for kind, labelled in ((RAW, teacher), (REFINED, refined(pool, teacher))):
        of_kind = lessons.lessons_of(pool, labelled, learnt)
        runs = _trained(of_kind, held, cell)
        answers[kind] = {name: answer for name, (answer, _) in runs.items()}
        document["labels"][kind] = label_facts(labelled, pool.gold)
        document["arms"][kind] = {
            name: {**_figures(answer, pool), **facts} for name, (answer, facts) in runs.items()
        }
    for kind in (RAW, REFINED):
        for arm in arms(cell.wide):
            against = _differences(arm, kind, answers, pool)
            document["arms"][kind][arm.name]["against"] = against
    return document


def features(pool: Problem, student: str) -> tuple[Floats, Floats]:
    """What a family of students reads of the pool and of the held-out texts."""
    if student != "words":
        return pool.points, pool.held_points
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    words = TfidfVectorizer(sublinear_tf=True, min_df=2)
    counts = words.fit_transform([*pool.texts, *pool.fit_texts])
    width = min(WORDS_WIDTH, counts.shape[1] - 1)
    shorter = TruncatedSVD(width, random_state=0).fit(counts)
    both = (shorter.transform(words.transform(texts)) for texts in (pool.texts, pool.held_texts))
    learnt, held = (normalize(values) for values in both)
    return learnt, held


def _trained(
    of_kind: lessons.Lessons, held: Floats, cell: Cell
) -> dict[str, tuple[np.ndarray, dict[str, Any]]]:
    """Of each arm the answers ``[S, m]`` on the held-out texts, and what it took."""
    pool, teacher = of_kind.problem, of_kind.teacher
    inputs = lessons.inputs_of(pool, teacher)
    right = teacher.label == pool.gold
    starts: dict[tuple[str, int], students.Student] = {}
    counts: dict[tuple[str, int], Ints] = {}
    runs = {}
    for arm in arms(cell.wide):
        answers, times, shares = [], np.zeros(len(pool.texts)), []
        for seed in range(cell.seeds):
            student = _start(of_kind, arm, cell, seed, starts)
            done = one_run(student, of_kind, arm, inputs, seed, counts)
            counts[arm.name, seed] = done.counts
            answers.append(student.answers(student.inputs(held)).argmax(axis=1))
            times += done.times
            shares.append(float((done.times > 0).mean()))
        total = times.sum()
        facts = {
            "samples": float(total / cell.seeds / (arm.epochs * len(pool.texts))),
            "texts_used": float(np.mean(shares)),
            "right": float((times * right).sum() / total) if total else None,
        }
        runs[arm.name] = (np.stack(answers), facts)
    return runs


def one_run(
    student: students.Student,
    of_kind: lessons.Lessons,
    arm: Arm,
    inputs: StrategyInputs,
    seed: int,
    counts: dict[tuple[str, int], Ints],
) -> students.Training:
    """One student by one arm; ``counts`` holds those of the arms before it by name and seed."""
    names = of_kind.problem.labels.names
    per_epoch = steps_per_epoch(len(of_kind.points), students.BATCH)
    return students.train(
        student,
        of_kind.lesson_of[arm.lesson],
        arm.strategy_for(inputs, names, arm.epochs * per_epoch),
        epochs=arm.epochs,
        seed=seed,
        gather=arm.gather,
        warmup_steps=round(arm.warmup * per_epoch),
        counts=counts[arm.counts_of, seed] if arm.counts_of else None,
    )


def _start(
    of_kind: lessons.Lessons,
    arm: Arm,
    cell: Cell,
    seed: int,
    starts: dict[tuple[str, int], students.Student],
) -> students.Student:
    """A fresh student, or one that starts from the probe on all labels of the arm's lesson."""
    source = arm.lesson if arm.lesson in ("self", "gold") else "hard"
    if (source, seed) not in starts:
        width, classes = of_kind.points.shape[1], of_kind.problem.classes
        student = students.new_student(cell.student, width, classes, seed)
        if cell.start == "probe":
            student.start_from(of_kind.points, of_kind.label_of[source])
        starts[source, seed] = student
    return copy.deepcopy(starts[source, seed])


def label_facts(teacher: Teacher, gold: Ints) -> dict[str, Any]:
    """How good the labels are, and what a user without gold sees of it."""
    classes = teacher.probabilities.shape[1]
    sure = signals.confidence(teacher.probabilities)
    return {
        "accuracy": float((teacher.label == gold).mean()),
        "macro_f1": float(macro_f1(teacher.label, gold, classes) or 0.0),
        "confidence": float(sure.mean()),
        "largest_share": float(np.bincount(teacher.label).max() / len(gold)),
    }


def _figures(answers: np.ndarray, pool: Problem) -> dict[str, Any]:
    right = [float((answer == pool.held_gold).mean()) for answer in answers]
    f1 = [float(macro_f1(answer, pool.held_gold, pool.classes) or 0.0) for answer in answers]
    return {"accuracy": float(np.mean(right)), "macro_f1": float(np.mean(f1))}


def _differences(
    arm: Arm, kind: str, answers: dict[str, dict[str, np.ndarray]], pool: Problem
) -> dict[str, dict[str, list[float]]]:
    """To the arm's controls and to all texts, of the same labels and of refined ones."""
    rivals: dict[str, np.ndarray] = {}
    for control in arm.controls:
        rivals[control.split(" | ")[1]] = answers[kind][control]
    if not arm.is_control:
        rivals["all"] = answers[kind][arm.against_all]
        rivals["all, refined"] = answers[REFINED][ALL]
    if arm.name == NEEDED:
        rivals[NEIGHBOURS] = answers[kind][NEIGHBOURS]
    mine = answers[kind][arm.name]
    return {
        name: {metric: difference(mine, rival, pool, metric) for metric in METRICS}
        for name, rival in rivals.items()
    }


def difference(mine: np.ndarray, rival: np.ndarray, pool: Problem, metric: str) -> list[float]:
    """Value, lower and upper end; in shares."""
    result = paired_difference(mine, rival, pool.held_gold, metric=metric, classes=pool.classes)
    return [round(value, 5) for value in (result.value, result.low, result.high)]
