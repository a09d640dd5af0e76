"""The temperature that makes a student's probabilities mean what they say, from held-out labels.

``m`` texts, ``C`` classes. The temperature is fitted on the texts that also evaluate the student,
so what it is worth is measured on texts that did not fit it: five folds, each under the temperature
of the other four.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from llkd.evaluation import confidence_metrics
from llkd.evaluation.predictions import run_predictions
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import Project, Run, Store

FOLDS = 5
FLOOR = 1e-12


def student_calibration(store: Store, project: Project, run: Run) -> dict[str, Any] | None:
    """What held-out labels say of a run's probabilities; None where nobody knows these classes.

    See :func:`calibration_of`; ``source`` is ``gold`` or ``people``.
    """
    evaluated = run_predictions(store, project, run)
    if evaluated is None:
        return None
    fit = calibration_of(*evaluated)
    return None if fit is None else {**fit, "source": run.config.judged_by}


def calibration_of(gold: Ints, probabilities: Floats) -> dict[str, Any] | None:
    """The temperature of all ``m`` texts, and what temperatures of four fifths did for the fifth.

    ``temperature``; ``texts`` (m); ``ece_before``, ``nll_before`` (nats a text) without it;
    ``ece_after``, ``nll_after`` across the folds. None where it cannot be told, as
    :func:`llkd.selection.signals.fit_temperature` says.
    """
    logits = np.log(np.maximum(probabilities, FLOOR))
    temperature = signals.fit_temperature(logits, 0.0, gold)
    if temperature is None:
        return None
    fold = np.random.default_rng(0).permutation(len(gold)) % FOLDS
    crossed = np.array(probabilities, dtype=np.float64)
    for k in range(FOLDS):
        others = signals.fit_temperature(logits[fold != k], 0.0, gold[fold != k])
        crossed[fold == k] = signals.softmax(logits[fold == k] / (others or 1.0))
    right = probabilities.argmax(axis=1) == gold
    return {
        "temperature": temperature,
        "texts": len(gold),
        "ece_before": confidence_metrics.ece(probabilities, right),
        "ece_after": confidence_metrics.ece(crossed, right),
        "nll_before": _nll(probabilities, gold),
        "nll_after": _nll(crossed, gold),
    }


def _nll(probabilities: Floats, gold: Ints) -> float:
    """Mean negative log-likelihood of gold, in nats."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(gold)), gold], FLOOR)).mean())
