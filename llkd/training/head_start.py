"""The student's first head: a logistic regression on what its untrained encoder makes of the texts.

Linear probing, then fine-tuning: a head that begins at random pulls the encoder's features about
before it knows anything, and with many classes and few texts the steps run out before it does
(Kumar, Raghunathan, Jones, Ma and Liang 2022, ICLR). Only labels that the run trains on are looked
at, so nothing that judges has a part in it.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from llkd.curation.probe import FIT_LIMIT, INVERSE_REGULARISATION, fitting_rows
from llkd.errors import JobCancelled
from llkd.selection.signals import Floats, Ints
from llkd.students.hardware import out_of_memory
from llkd.training.optimisation import not_a_number, one_text_too_large

if TYPE_CHECKING:
    from llkd.training.session import Session

MEASURED = 256
"""So many texts say how long the vectors are whose kept embeddings have length 1."""
MOST_ITERATIONS = 200
ABSENT_LABELS = 0.5
"""A class without a label begins as if it had so many."""


def begin_with_probe(session: Session) -> None:
    """Set the student's head to the regression of the run's labels; the time counts as training.

    A head is left as it is where fewer than two classes have a label. Raises JobCancelled, and
    leaves nothing behind, once the caller wants to stop; ModelError where the untrained student
    gives values that are no numbers.
    """
    import torch

    began = time.perf_counter()
    positions, target, weight = _labels(session)
    if (target * weight[:, None]).any(axis=0).sum() > 1:
        vectors, length = _vectors(session, positions)
        if not np.isfinite(vectors).all():
            raise not_a_number("embedding", "before the first step", session.config)
        session.report("fitting the head")
        weights, bias = fitted_head(vectors, target, weight)
        head = session.student.network["head"]
        with torch.no_grad():
            for parameter, values in ((head.weight, weights / length), (head.bias, bias)):
                parameter.copy_(torch.from_numpy(values))  # type: ignore[operator]
    session.at.training_seconds += time.perf_counter() - began


def _labels(session: Session) -> tuple[Ints, Floats, Floats]:
    """Positions ``[m]``, what is learned of them ``[m, C]``, and how much each counts ``[m]``.

    Of a saved selection only its texts; of many texts a sample with some of every class.
    """
    weight = np.where(session.human, session.config.human_weight, 1.0)
    if session.data.in_saved is not None:
        weight = weight * session.data.in_saved
    places = np.flatnonzero(weight > 0)
    classes = len(session.class_names)
    rng = np.random.default_rng(0)  # the same texts for every seed and arm
    places = places[fitting_rows(session.label[places], classes, FIT_LIMIT, rng)]
    target = session.targets[places]
    if target.ndim == 1:
        target = np.eye(classes)[target]
    return places, np.asarray(target, dtype=np.float64), weight[places]


def _vectors(session: Session, positions: Ints) -> tuple[Floats, float]:
    """The texts' vectors ``[m, d]`` over one constant, and that: their mean length.

    Of kept embeddings, each of length 1, the constant is measured on a few of the texts.
    """
    embedded = session.data.unit_embeddings
    few = positions[np.unique(np.linspace(0, len(positions) - 1, MEASURED).astype(np.int64))]
    wanted = session.encoded.subset(positions if embedded is None else few)

    def on_batch(done: int) -> None:
        session.report(f"reading for its first head, {done:,} of {len(wanted):,} texts")
        if session.wants_to_stop():
            # No checkpoint: it would hold a head that is not this run's.
            raise JobCancelled(
                "Training was stopped before its first step; resume it to begin again."
            )

    try:
        pooled = session.student.pooled_vectors(wanted, session.inference_batch, on_batch)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise one_text_too_large(session.config) from error
    length = max(float(np.linalg.norm(pooled, axis=1).mean()), 1e-12)
    vectors = pooled / length if embedded is None else embedded(positions)
    return np.asarray(vectors, dtype=np.float64), length


def fitted_head(vectors: Floats, target: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weights ``[C, d]`` and bias ``[C]`` of the multinomial regression, float32.

    ``vectors [m, d]`` have a length of about 1, ``target [m, C]`` sums to 1 and ``weight [m]``,
    0 or more, says how much a text counts. Minimises the weighted cross-entropy with the ridge of
    the probe (section 4 of docs/method.md). A class that no target names gets no weights and the
    bias of one with half a label, so that it is never the likeliest. (scikit-learn's regression
    takes one class a text; soft targets would repeat each text for every class.)
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    labels = (target * weight[:, None]).sum(axis=0)
    present = np.flatnonzero(labels > 0)
    shape = (len(present), vectors.shape[1])
    wanted = target[:, present] * weight[:, None]
    total = weight.sum()
    # Of two classes the probe has one vector, the difference: half of its ridge falls on each.
    ridge = (2.0 if len(present) == 2 else 1.0) / INVERSE_REGULARISATION

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, bias = flat[: -shape[0]].reshape(shape), flat[-shape[0] :]
        logits = vectors @ weights.T + bias
        log_probs = log_softmax(logits, axis=1)
        apart = np.exp(log_probs) * weight[:, None] - wanted
        value = -(wanted * log_probs).sum() + ridge / 2 * (weights**2).sum()
        gradient = apart.T @ vectors + ridge * weights
        return value / total, np.concatenate([gradient.ravel(), apart.sum(axis=0)]) / total

    start = np.zeros(shape[0] * (shape[1] + 1))
    with threadpool_limits(1):  # as the probe: waiting for a second thread costs more
        flat = minimize(
            loss, start, jac=True, method="L-BFGS-B",
            options={"maxiter": MOST_ITERATIONS, "gtol": 1e-5},
        ).x  # fmt: skip
    size = target.shape[1]
    weights, bias = np.zeros((size, shape[1])), np.empty(size)
    weights[present], present_bias = flat[: -shape[0]].reshape(shape), flat[-shape[0] :]
    absent = (present_bias - np.log(labels[present])).min() + math.log(ABSENT_LABELS)
    bias[:] = min(absent, present_bias.min())
    bias[present] = present_bias
    return weights.astype(np.float32), bias.astype(np.float32)
