"""Several teachers' probabilities become one: a logarithmic opinion pool, and how far they differ.

Pure functions of arrays: ``M`` members, ``m`` texts, ``C`` classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints

FLOOR = 1e-6
"""No member makes a class impossible: a probability below this counts as this."""
ONE_HOT = 0.9
"""Probability of a label that came without a confidence; the other classes share the rest."""
FOLDS = 5
LARGEST_WEIGHT = 20.0
WEIGHT_SPREAD = 1.0  # standard deviation of the prior on a weight, around equal ones


class Pooled(NamedTuple):
    """``log_probabilities [m, C]``, NaN where no member says anything; ``disagreement [m]``."""

    log_probabilities: Floats
    disagreement: Floats


def member_logs(probabilities: npt.ArrayLike, label: npt.ArrayLike) -> Floats:
    """What one member says of each text, as log-probabilities ``[m, C]`` that sum to 1.

    ``probabilities [m, C]``, NaN rows where there are none; there ``label [m]`` counts with
    ONE_HOT, and with -1 the row stays NaN: the member says nothing of it.
    """
    values = np.array(probabilities, dtype=np.float64)
    classes = values.shape[1]
    labels = np.asarray(label, dtype=np.int64)
    named = np.flatnonzero(np.isnan(values).any(axis=1) & (labels >= 0))
    values[named] = (1 - ONE_HOT) / (classes - 1)
    values[named, labels[named]] = ONE_HOT
    values = np.maximum(values, FLOOR)  # NaN stays NaN
    return np.asarray(np.log(values / values.sum(axis=1, keepdims=True)))


def pool(logs: Sequence[Floats], weights: npt.ArrayLike) -> Pooled:
    """The pool log q = Σ w_m log q_m, normalised, and the mean over members of KL(q_m ‖ q).

    ``logs``: of each member ``[m, C]``, NaN rows where it says nothing: there the others' weights
    grow so that their sum stays. Disagreement, in nats, is NaN where fewer than two members speak.
    Genest and Zidek (1986). Raises ConfigError for weights that are none.
    """
    total = np.asarray(weights, dtype=np.float64)
    if len(total) != len(logs) or not (total >= 0).all() or not np.isfinite(total).all():
        raise ConfigError(
            f"A committee of {len(logs)} members needs as many weights from 0 on, but they were "
            f"{total.tolist()}."
        )
    shape = logs[0].shape
    spoken = np.stack([np.isfinite(log).all(axis=1) for log in logs])  # [M, m]
    share = np.where(spoken, total[:, None], 0.0)
    weight = share.sum(axis=0)
    # Where only members of weight 0 speak, they count alike: a guess is better than none.
    alone = (weight == 0) & spoken.any(axis=0)
    share[:, alone] = spoken[:, alone]
    weight = np.where(alone, share.sum(axis=0), weight)
    grow = np.where(weight > 0, max(float(total.sum()), FLOOR) / np.maximum(weight, FLOOR), np.nan)
    summed = np.zeros(shape)
    for log, part in zip(logs, share, strict=True):
        summed += np.where(part[:, None] > 0, np.nan_to_num(log), 0.0) * part[:, None]
    pooled = _log_softmax(summed * grow[:, None])
    divergence = np.zeros(shape[0])
    for log, speaks in zip(logs, spoken, strict=True):
        own = np.nan_to_num(log)
        here = (np.exp(own) * (own - pooled)).sum(axis=1)
        divergence += np.where(speaks, here, 0.0)
    members = spoken.sum(axis=0)
    disagreement = np.where(members > 1, divergence / np.maximum(members, 1), np.nan)
    return Pooled(pooled, np.where(np.isnan(disagreement), np.nan, np.maximum(disagreement, 0.0)))


def equal_weights(members: int) -> Floats:
    """Weights that sum to 1."""
    return np.full(members, 1.0 / members)


def fit_weights(logs: Sequence[Floats], gold: Ints) -> Floats | None:
    """The weights ``[M]``, from 0 on, under which known classes are most likely.

    Maximum a posteriori with a normal prior around equal weights (standard deviation
    WEIGHT_SPREAD), as weak as a label or two. ``gold [m]``, -1 where unknown. Only texts that all
    members speak of count; None with fewer than ``signals.WEIGHT_ROWS`` of them.
    """
    from scipy.optimize import minimize

    labels = np.asarray(gold, dtype=np.int64)
    stacked = np.stack(logs)  # [M, m, C]
    known = (labels >= 0) & np.isfinite(stacked).all(axis=(0, 2))
    if known.sum() < signals.WEIGHT_ROWS:
        return None
    values, labels = stacked[:, known], labels[known]
    rows, start = np.arange(len(labels)), equal_weights(len(logs))

    def loss(weights: Floats) -> tuple[float, Floats]:
        pooled = _log_softmax(np.tensordot(weights, values, axes=1))
        off = (weights - start) / WEIGHT_SPREAD
        expected = (np.exp(pooled) * values).sum(axis=2)
        gradient = (expected - values[:, rows, labels]).sum(axis=1) + off / WEIGHT_SPREAD
        return float(-pooled[rows, labels].sum() + (off**2).sum() / 2), gradient

    limits = [(0.0, LARGEST_WEIGHT)] * len(logs)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits)
    return np.asarray(best.x, dtype=np.float64)


def pool_fitted(logs: Sequence[Floats], gold: Ints) -> tuple[Pooled, Floats] | None:
    """The pool under fitted weights, and these; None where there is too little to fit on.

    A text whose class was fitted on is pooled by weights fitted to the other four fifths, so that
    what judges by it is not flattered.
    """
    weights = fit_weights(logs, gold)
    if weights is None:
        return None
    pooled = pool(logs, weights)
    known = np.flatnonzero(np.asarray(gold) >= 0)
    # Not by class: then a text's own class would say in which fold it is.
    fold = np.random.default_rng(0).permutation(len(known)) % FOLDS
    for k in range(FOLDS):
        mine = known[fold == k]
        others = np.array(gold)
        others[mine] = -1
        own = fit_weights(logs, others)
        part = equal_weights(len(logs)) if own is None else own
        crossed = pool([log[mine] for log in logs], part)
        pooled.log_probabilities[mine] = crossed.log_probabilities
        pooled.disagreement[mine] = crossed.disagreement
    return pooled, weights


def _log_softmax(values: Floats) -> Floats:
    shifted = values - values.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
