"""Students that train in a fraction of a second, on fixed features, by the product's own steps.

Batches, decisions of a strategy, gathering of a batch, targets and the shape of the learning rate
are the functions that real students train with (``llkd.training``); only the network is another:
a softmax regression, or one with a hidden layer of random weights. ``b`` texts, ``d`` features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from llkd.curation.probe import fit_probe
from llkd.selection.signals import Floats, Ints
from llkd.selection.strategy import Strategy
from llkd.training.batch_accumulator import BatchAccumulator
from llkd.training.batches import epoch_batches, steps_per_epoch
from llkd.training.optimisation import rate_factor
from llkd.training.select_batch import decide

BATCH = 32
HEAD_RATE, HIDDEN_RATE = 0.003, 0.001
DECAY = 1e-3
HIDDEN = 128
WARMUP_SHARE = 0.1
FAMILIES = ("linear", "mlp", "words")


class Student(Protocol):
    """What the loop needs of a network. ``inputs [b, d + 1]`` are what :meth:`inputs` makes."""

    def inputs(self, points: np.ndarray) -> np.ndarray:
        """Features ``[b, d]`` at a length of √d, and a column of ones; 32 bits."""
        ...

    def answers(self, inputs: np.ndarray) -> Floats:
        """Probabilities ``[b, C]``."""
        ...

    def update(self, inputs: np.ndarray, target: np.ndarray, weight: Floats, pace: float) -> None:
        """A step down the mean of weight x cross-entropy; ``pace``: share of the full rate."""
        ...

    def start_from(self, points: np.ndarray, label: Ints) -> None:
        """Take the head of a logistic regression on all these labels."""
        ...


class Adam:
    """One array with its moments; decay is added to the slope."""

    def __init__(self, values: np.ndarray, rate: float) -> None:
        self.values, self.rate, self.steps = values.astype(np.float32), rate, 0
        self.first, self.second = np.zeros_like(self.values), np.zeros_like(self.values)
        self.buffer = np.empty_like(self.values)

    def step(self, slope: np.ndarray, pace: float) -> None:
        """One update, in place: most of the time of a hidden layer is spent here."""
        self.steps += 1
        buffer = np.multiply(self.values, DECAY, out=self.buffer)
        buffer += slope
        self.second *= 0.999
        self.first *= 0.9
        self.first += 0.1 * buffer
        np.multiply(buffer, buffer, out=buffer)
        buffer *= 0.001
        self.second += buffer
        np.sqrt(self.second, out=buffer)
        buffer *= (1 - 0.999**self.steps) ** -0.5
        buffer += 1e-8
        np.divide(self.first, buffer, out=buffer)
        buffer *= pace * self.rate / (1 - 0.9**self.steps)
        self.values -= buffer


class Linear:
    """Softmax regression."""

    def __init__(self, width: int, classes: int, seed: int) -> None:
        self.classes, self.scale = classes, float(np.sqrt(width))
        self.weights = Adam(np.zeros((width + 1, classes)), HEAD_RATE)

    def inputs(self, points: np.ndarray) -> np.ndarray:
        """Scaled, with a constant."""
        return scaled_inputs(points, self.scale)

    def answers(self, inputs: np.ndarray) -> Floats:
        """Of the classes."""
        return softmax(inputs @ self.weights.values)

    def update(self, inputs: np.ndarray, target: np.ndarray, weight: Floats, pace: float) -> None:
        """One step."""
        error = softmax(inputs @ self.weights.values) - target
        self.weights.step(inputs.T @ (error * mean_weight(weight)), pace)

    def start_from(self, points: np.ndarray, label: Ints) -> None:
        """The head of the probe."""
        coefficients, intercept = head_of(points, label, self.classes)
        self.weights.values[:] = np.vstack([coefficients.T / self.scale, intercept])


class Mlp:
    """One hidden layer of rectified units, random at first; both layers train."""

    def __init__(self, width: int, classes: int, seed: int) -> None:
        rng = np.random.default_rng([seed, 7])
        self.classes, self.scale = classes, float(np.sqrt(width))
        hidden = rng.normal(0, np.sqrt(2 / width), (width + 1, HIDDEN))
        hidden[-1] = 0
        self.hidden = Adam(hidden, HIDDEN_RATE)
        self.head = Adam(rng.normal(0, 0.02, (HIDDEN + 1, classes)), HEAD_RATE)

    def inputs(self, points: np.ndarray) -> np.ndarray:
        """Scaled, with a constant."""
        return scaled_inputs(points, self.scale)

    def answers(self, inputs: np.ndarray) -> Floats:
        """Of the classes."""
        return softmax(self._outputs(inputs) @ self.head.values)

    def _outputs(self, inputs: np.ndarray) -> np.ndarray:
        outputs = np.ones((len(inputs), HIDDEN + 1), dtype=np.float32)
        np.maximum(inputs @ self.hidden.values, 0, out=outputs[:, :-1])
        return outputs

    def update(self, inputs: np.ndarray, target: np.ndarray, weight: Floats, pace: float) -> None:
        """One step of both layers."""
        outputs = self._outputs(inputs)
        error = (softmax(outputs @ self.head.values) - target) * mean_weight(weight)
        back = (error @ self.head.values[:-1].T) * (outputs[:, :-1] > 0)
        self.head.step(outputs.T @ error, pace)
        self.hidden.step(inputs.T @ back, pace)

    def start_from(self, points: np.ndarray, label: Ints) -> None:
        """The head of a probe on what the hidden layer makes of the texts."""
        outputs = self._outputs(self.inputs(points))[:, :-1]
        size = float(np.linalg.norm(outputs, axis=1).mean())
        coefficients, intercept = head_of(outputs / size, label, self.classes)
        self.head.values[:] = np.vstack([coefficients.T / size, intercept])


def new_student(family: str, width: int, classes: int, seed: int) -> Student:
    """A fresh one; ``words`` is a linear one on other features."""
    return (Mlp if family == "mlp" else Linear)(width, classes, seed)


@dataclass(frozen=True)
class Lesson:
    """What is taught: features ``[n, d]``, decided on by ``probabilities [n, C]``.

    ``target [n, C]`` is what the loss compares with, ``weight [n]`` is multiplied with that of a
    strategy.
    """

    points: np.ndarray
    lengths: Ints
    probabilities: Floats
    target: Floats
    weight: Floats


@dataclass(frozen=True)
class Training:
    """What came of it: samples trained on at each step ``[T]``, and how often each text was."""

    counts: Ints
    times: Ints


def train(
    student: Student,
    lesson: Lesson,
    strategy: Strategy,
    *,
    epochs: int,
    seed: int,
    gather: bool = False,
    warmup_steps: int = 0,
    counts: Ints | None = None,
) -> Training:
    """Train in place. ``strategy`` is a prepared one; ``counts``: of a reference run's steps."""
    rng = np.random.default_rng([seed, 1])
    total = epochs * steps_per_epoch(len(lesson.points), BATCH)
    waiting = BatchAccumulator(BATCH if gather else None)
    nobody = np.zeros(BATCH, dtype=bool)
    sizes, times, step = [], np.zeros(len(lesson.points), dtype=np.int64), 0
    inputs, target = student.inputs(lesson.points), lesson.target.astype(np.float32)
    for epoch in range(epochs):
        for batch in epoch_batches(lesson.lengths, BATCH, seed, epoch):
            probs = student.answers(inputs[batch]) if strategy.needs_student else None
            strategy, result = decide(
                strategy,
                lesson.probabilities[batch],
                probs,
                batch,
                nobody[: len(batch)],
                rng=rng,
                count=None if counts is None else int(counts[step]),
                warm=step < warmup_steps,
                human_weight=1.0,
            )
            places = np.flatnonzero(result.selected)
            rows = batch[places]
            pace = rate_factor(step, total, WARMUP_SHARE)
            step += 1
            for taught, weight in waiting.add(rows, result.weight[places], last=step == total):
                student.update(inputs[taught], target[taught], weight * lesson.weight[taught], pace)
            sizes.append(len(rows))
            times[rows] += 1
    return Training(np.array(sizes), times)


def head_of(points: np.ndarray, label: Ints, classes: int) -> tuple[Floats, Floats]:
    """Weights ``[C, d]`` and constants ``[C]`` of the product's probe; a class not seen is rare."""
    coefficients, intercept = np.zeros((classes, points.shape[1])), np.full(classes, -5.0)
    if (label == label[0]).all():  # nothing to tell apart
        intercept[label[0]] = 0.0
        return coefficients, intercept
    fit = fit_probe(points, label, classes)
    seen_classes = fit.model.classes_
    if len(seen_classes) == 2:  # one row stands for both
        halves = np.array([-0.5, 0.5])
        coefficients[seen_classes] = halves[:, None] * fit.model.coef_
        intercept[seen_classes] = halves * fit.model.intercept_
    else:
        coefficients[seen_classes], intercept[seen_classes] = fit.model.coef_, fit.model.intercept_
    return coefficients, intercept


def scaled_inputs(points: np.ndarray, scale: float) -> np.ndarray:
    """Features ``[b, d]`` times a scale, and a column of ones; 32 bits."""
    inputs = np.ones((len(points), points.shape[1] + 1), dtype=np.float32)
    inputs[:, :-1] = points * scale
    return inputs


def softmax(logits: np.ndarray) -> Floats:
    """By row, in the bits of its input: the product's makes 64 of them, in half the speed."""
    values = np.exp(logits - logits.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


def mean_weight(weight: Floats) -> np.ndarray:
    """Weights as a column that makes a sum the mean over the batch."""
    return (weight / len(weight)).astype(np.float32)[:, None]
