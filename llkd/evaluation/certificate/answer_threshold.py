"""From which confidence on a student is right often enough: certified on texts it never saw.

A stream of texts has no end, so the promise is of a rate: of the texts that the student answers
itself, at least the target is right, as long as the stream is like the held-out texts. These are
``n`` independent draws; sets of the surest of them, their sizes fixed by n alone, are tested
exactly (binomial), strictest first (docs/method.md, section 9, has the proof).
"""

from __future__ import annotations

from math import ceil, log

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from llkd.config.base import Document
from llkd.errors import ConfigError, DataError
from llkd.evaluation.certificate.chain import spend
from llkd.selection.signals import Floats, Ints

STARTS = (0.12, 0.4)
"""Shares of the held-out texts at which the procedure starts, with equal parts of the error.

Where there are too few texts for two it starts at the strictest set that can pass at all.
``benchmarks/answer_threshold.py`` compares plans.
"""
GROWTH = 1.25
"""Each set is larger than the stricter one by this factor."""
LEAST_TARGET = 0.5
LEAST_SHARE = 0.05
"""Sets of a smaller share are not what a forecast of labels speaks of."""
MOST_LABELS = 1_000_000


class AnswerSet(Document):
    """The held-out texts whose confidence is at least ``threshold``: ``texts``, ``wrong`` of them.

    ``share`` of all held-out texts in (0, 1]. ``p_value`` tests "fewer than the target are right"
    of future texts of such confidence, alone; ``passed``: rejected, the whole chain considered.
    """

    threshold: float
    share: float
    texts: int
    wrong: int
    p_value: float
    passed: bool


class AnswerThreshold(Document):
    """What is certified of a student's own answers.

    ``threshold``: from this confidence on it answers; None where nothing is certified. Then
    ``best_target`` is the highest target, in whole percent, that these labels certify (None: none
    of 50 % or more), and ``labels_to_go`` about how many more labels the target takes if answers
    go on like these (None: it is not in sight). ``looks``: of so many students that the same labels
    evaluated this is one; the error is shared among them.
    """

    target: float
    confidence_level: float
    looks: int
    texts: int
    wrong: int
    sets: tuple[AnswerSet, ...]
    threshold: float | None
    best_target: float | None
    labels_to_go: int | None

    @property
    def certified(self) -> AnswerSet | None:
        """The widest set that passed."""
        return next((each for each in reversed(self.sets) if each.passed), None)


def answer_threshold(
    confidence: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    target: float = 0.95,
    confidence_level: float = 0.95,
    looks: int = 1,
) -> AnswerThreshold:
    """The lowest confidence from which on at least ``target`` of the answers are certified right.

    ``confidence [n]`` of the student, as it is when it serves, in held-out texts, and ``right [n]``
    whether its answer is the class that people know. Neither the student nor its confidence may
    have been fitted to these labels. ``target`` in [0.5, 1), ``confidence_level`` in (0.5, 1);
    ``looks``: how many students these labels had evaluated when this one was chosen.

    Raises ConfigError for a value out of range, DataError for lists that do not fit each other or
    a confidence that is no number.
    """
    values, rights = _checked(confidence, right, target, confidence_level, looks)
    error = (1 - confidence_level) / looks
    sets = nested_sets(values, rights, target, error)
    best = next((each for each in reversed(sets) if each.passed), None)
    best_target = labels_to_go = None
    if best is None:
        best_target = highest_target(values, rights, target, error)
        labels_to_go = _labels_to_go(values, rights, target, error)
    return AnswerThreshold(
        target=target,
        confidence_level=confidence_level,
        looks=looks,
        texts=len(rights),
        wrong=int((~rights).sum()),
        sets=sets,
        threshold=None if best is None else best.threshold,
        best_target=best_target,
        labels_to_go=labels_to_go,
    )


def chain_sizes(texts: int, target: float, error: float) -> tuple[Ints, Floats]:
    """Sizes of the nested sets ``[L]``, strictest first, and each one's part of the error.

    They depend on nothing but these three. The last holds all texts; of every other one the least
    sure text is left out, because it made the threshold.
    """
    if not texts:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    least = _fewest(target, error / len(STARTS)) + 1
    two = least * GROWTH <= STARTS[1] * texts
    size = float(max(least, STARTS[0] * texts) if two else _fewest(target, error) + 1)
    sizes = []
    while size < texts:
        sizes.append(int(size))
        size = max(size + 1, size * GROWTH)
    sizes.append(texts)
    counts = np.array(sizes, dtype=np.int64)
    weights = np.zeros(len(counts))
    weights[0] = 1 / len(STARTS) if two else 1.0
    if two:
        weights[np.argmin(np.abs(np.log(counts / (STARTS[1] * texts))))] += 1 / len(STARTS)
    return counts, weights


def _fewest(target: float, error: float) -> int:
    """The fewest answers, all right, that reject "fewer than the target are right"."""
    return ceil(log(error) / log(target) - 1e-9)


def nested_sets(
    values: Floats, rights: npt.NDArray[np.bool_], target: float, error: float
) -> tuple[AnswerSet, ...]:
    """Every set of the chain with its test, strictest first, at the error of this one student.

    ``values [n]`` are confidences, falling, ``rights [n]`` whether the answers are right.
    """
    n = len(values)
    sizes, weights = chain_sizes(n, target, error)
    lines: list[tuple[float, int, int]] = []
    for size in sizes.tolist():
        # Above the text that makes the line, strictly: given its confidence these are a sample.
        inside = n if size == n else int(np.count_nonzero(values > values[size - 1]))
        line = 0.0 if size == n else float(np.nextafter(values[size - 1], np.inf))
        lines.append((line, inside, int(rights[:inside].sum())))
    p_values = np.array([_at_least(good, inside, target) for _, inside, good in lines])
    passed, _ = spend(p_values, weights, error)
    return tuple(
        AnswerSet(
            threshold=line,
            share=inside / n,
            texts=inside,
            wrong=inside - good,
            p_value=float(p),
            passed=bool(np.isin(k, passed)),
        )
        for k, ((line, inside, good), p) in enumerate(zip(lines, p_values, strict=True))
    )


def _at_least(good: int, n: int, rate: float) -> float:
    """P(X >= good) of a binomial X of n trials at this rate."""
    return 1.0 if good <= 0 else float(betainc(good, n - good + 1, rate))


def highest_target(
    values: Floats, rights: npt.NDArray[np.bool_], target: float, error: float
) -> float | None:
    """The highest target below ``target``, in whole percent, that some set meets."""
    first = ceil(round(100 * target, 9)) - 1
    for percent in range(first, round(100 * LEAST_TARGET) - 1, -1):
        if any(each.passed for each in nested_sets(values, rights, percent / 100, error)):
            return percent / 100
    return None


def _labels_to_go(
    values: Floats, rights: npt.NDArray[np.bool_], target: float, error: float
) -> int | None:
    """Labels until some set is expected to pass, if shares right stay as they are: an estimate."""
    n = len(rights)
    best: float = np.inf
    for size in np.unique(np.geomspace(max(1.0, LEAST_SHARE * n), max(1, n), 30).astype(int)):
        if not n:
            break
        share_right = (int(rights[:size].sum()) + 0.5) / (size + 1)
        if share_right <= target:
            continue
        fewest = _enough(share_right, target, error / len(STARTS))
        best = min(best, max(1.0, fewest * n / size - n))
    return ceil(best) if best <= MOST_LABELS else None


def _enough(share_right: float, target: float, error: float) -> float:
    """Answers of which a share ``share_right`` above the target is right that reject it."""
    low, high = 1, 2 * MOST_LABELS
    while low < high:
        middle = (low + high) // 2
        if _at_least(int(middle * share_right), middle, target) <= error:
            high = middle
        else:
            low = middle + 1
    return low


def _checked(
    confidence: npt.ArrayLike,
    right: npt.ArrayLike,
    target: float,
    confidence_level: float,
    looks: int,
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Confidence and right ones, surest first. Equal confidences stand in their given order."""
    if not LEAST_TARGET <= target < 1:
        raise ConfigError(
            f"The share that is to be right is from {LEAST_TARGET:g} to below 1, but it was "
            f"{target}."
        )
    if not 0.5 < confidence_level < 1:
        raise ConfigError(
            f"The confidence level lies between 0.5 and 1, but it was {confidence_level}."
        )
    if looks < 1:
        raise ConfigError(f"At least one student was looked at, but it was {looks}.")
    values = np.asarray(confidence, dtype=np.float64)
    rights = np.asarray(right, dtype=bool)
    if values.ndim != 1 or values.shape != rights.shape:
        raise DataError("Each held-out text needs a confidence and whether the answer is right.")
    if not np.isfinite(values).all():
        raise DataError("The confidence of a held-out text is no number.")
    order = np.argsort(-values, kind="stable")
    return values[order], rights[order]
