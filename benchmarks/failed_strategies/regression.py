"""A logistic regression of a few features, pulled towards 0; exact and without randomness."""

from __future__ import annotations

import numpy as np

from llkd.selection.signals import Floats

ROUNDS = 50


def fit_logistic(features: Floats, right: Floats, penalty: Floats) -> Floats:
    """Coefficients ``[1 + d]``, the intercept first, by Newton's method with halved steps.

    ``features [n, d]``, ``right [n]`` in [0, 1], ``penalty [d]``: half of it times the squared
    coefficient is added to the summed cross-entropy. The intercept is free but for a trace.
    """
    design = _with_intercept(features)
    pull = np.concatenate([[1e-3], penalty])
    at = np.zeros(design.shape[1])
    cost = _cost(design, right, pull, at)
    for _ in range(ROUNDS):
        p = _sigmoid(design @ at)
        slope = design.T @ (p - right) + pull * at
        curve = (design * (p * (1 - p))[:, None]).T @ design + np.diag(pull)
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while size > 1e-4 and _cost(design, right, pull, at - size * step) > cost:
            size /= 2
        at = at - size * step
        cost, before = _cost(design, right, pull, at), cost
        if before - cost < 1e-9:
            break
    return at


def probability(features: Floats, coefficients: Floats) -> Floats:
    """P(right) of each row, ``[n]``."""
    return _sigmoid(_with_intercept(features) @ coefficients)


def _with_intercept(features: Floats) -> Floats:
    return np.hstack([np.ones((len(features), 1)), features])


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(values / 2)))


def _cost(design: Floats, right: Floats, pull: Floats, at: Floats) -> float:
    logit = design @ at
    return float((np.logaddexp(0, logit) - right * logit).sum() + (pull * at**2).sum() / 2)
