"""From teacher scores and student probabilities to the two axes of the decision plane.

Pure functions on arrays of ``n`` rows and ``C`` classes. A row of scores that holds no number
(the teacher gave none) stays missing: its probabilities and confidence are NaN, never 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BASES = ("none", "batch", "contextual")
TEMPERED = "+temperature"
FITTED = "fitted"
REFINED = "+refined"
MEASURED = ("logprob", "similarity", "probability")
"""Sources of scores that lean towards a class whatever the text says; others carry a confidence."""
_UNREFINED = (*BASES, *(base + TEMPERED for base in BASES), FITTED)
CALIBRATIONS = (*_UNREFINED, *(name + REFINED for name in _UNREFINED))

TEMPERATURES = (0.05, 20.0)
FIT_ROWS = 10  # with fewer a temperature is a guess
WEIGHT_ROWS = 20  # with fewer a bias weight is one
FEW_LABELS = 1000  # up to so many a fit is looked for from several starts
LOG_TEMPERATURE_SPREAD = 1.0  # standard deviation of the prior on ln T of a fitted calibration

GATE_TOLERANCE = 1e-9
"""A signal this far below a threshold passes it: equal numbers differ by rounding."""
_ROUNDING = 5e-8  # of a number in [0, 1] that was kept in 32 bits


def is_measured(source: npt.ArrayLike) -> Bools:
    """Which of these sources of confidence ``[n]`` gave scores that a bias can be taken off."""
    return np.isin(np.asarray(source, dtype=object), MEASURED)


def split_calibration(name: str) -> tuple[str, bool]:
    """A calibration's base and whether a temperature is fitted on top of it.

    ``fitted`` is a base of its own, whose temperature belongs to it. Whether labels are refined is
    not said: see :func:`is_refined`. Raises ConfigError for a name that is none of CALIBRATIONS.
    """
    if name not in CALIBRATIONS:
        raise ConfigError(f"Calibration is one of {', '.join(CALIBRATIONS)}, but it was {name!r}.")
    name = name.removesuffix(REFINED)
    return name.removesuffix(TEMPERED), name.endswith(TEMPERED)


def is_refined(name: str) -> bool:
    """Whether a calibration's labels are refined by their neighbours afterwards."""
    return name.endswith(REFINED)


def with_refinement(name: str, refined: bool) -> str:
    """The same calibration, refined or not."""
    return name.removesuffix(REFINED) + (REFINED if refined else "")


def fit_name(name: str) -> str:
    """What the fit of a calibration is kept under: its base, and whether it is to refined labels.

    The weight and temperature of ``fitted`` are those before refinement, so it has one fit.
    """
    base, _ = split_calibration(name)
    return base if base == FITTED else with_refinement(base, is_refined(name))


def needs_fit(name: str) -> bool:
    """Whether a calibration is fitted to known classes: ``fitted``, or any with a temperature."""
    base, tempered = split_calibration(name)
    return tempered or base == FITTED


def softmax(logits: npt.ArrayLike) -> Floats:
    """Row-wise softmax of ``[n, C]`` logits; NaN rows stay NaN."""
    values = np.asarray(logits, dtype=np.float64)
    shifted = values - np.max(values, axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def calibration_bias(
    scores: npt.ArrayLike,
    method: str,
    content_free: npt.ArrayLike | None = None,
) -> Floats:
    """What each class gets on average for no reason of the text: subtracted from its score.

    ``batch``: mean of ``scores`` over the pool (Zhou et al. 2024, Batch Calibration).
    ``contextual``: mean of ``content_free``, the scores of texts without content
    (Zhao et al. 2021). ``none``: zeros. Returns ``[C]``; raises ConfigError for another method or
    where ``contextual`` has no content-free scores.
    """
    values = np.asarray(scores, dtype=np.float64)
    classes = values.shape[1]
    if method == "none":
        return np.zeros(classes)
    if method == "batch":
        answered = values[np.isfinite(values).all(axis=1)]
        return answered.mean(axis=0) if len(answered) else np.zeros(classes)
    if method == "contextual":
        free = None if content_free is None else np.asarray(content_free, dtype=np.float64)
        if free is None or free.size == 0:
            raise ConfigError(
                "Contextual calibration needs scores of content-free texts, and this teacher gave "
                "none. Choose 'batch' or 'none'."
            )
        return free.reshape(-1, classes).mean(axis=0)
    raise ConfigError(f"Calibration is one of {', '.join(BASES)}, but it was {method!r}.")


def teacher_probabilities(
    scores: npt.ArrayLike, bias: npt.ArrayLike | float = 0.0, temperature: float = 1.0
) -> Floats:
    """Calibrated probabilities ``softmax((scores - bias) / temperature)``, ``[n, C]``."""
    if not temperature > 0:
        raise ConfigError(f"A temperature is above 0, but it was {temperature!r}.")
    return softmax((np.asarray(scores, dtype=np.float64) - np.asarray(bias)) / temperature)


def gold_nll(
    scores: npt.ArrayLike, bias: npt.ArrayLike | float, gold: npt.ArrayLike, temperature: float
) -> float | None:
    """Mean negative log-likelihood of gold in nats, over rows with gold and finite scores.

    ``bias`` is ``[C]`` or one row for each of ``scores``. None without such a row.
    """
    shifted, known = _measured(scores, bias, gold)
    return _nll(shifted, known, temperature) if len(known) else None


def fit_temperature(
    scores: npt.ArrayLike, bias: npt.ArrayLike | float, gold: npt.ArrayLike
) -> float | None:
    """The temperature under which gold is most likely, within TEMPERATURES (Guo et al. 2017).

    ``scores [n, C]``, ``gold [n]`` (-1: unknown, left out), ``bias`` as in :func:`gold_nll`.
    None where it cannot be told: fewer than FIT_ROWS rows with gold and finite scores, or all of
    them right, for then the smaller the temperature the better, without end.
    """
    from scipy.optimize import minimize_scalar

    shifted, known = _measured(scores, bias, gold)
    if len(known) < FIT_ROWS or (shifted.argmax(axis=1) == known).all():
        return None
    # The likelihood is convex in 1/T, so it has one valley in ln T too.
    minimum = minimize_scalar(
        lambda log: _nll(shifted, known, float(np.exp(log))),
        bounds=tuple(np.log(TEMPERATURES)),
        method="bounded",
        options={"xatol": 1e-7},
    )
    best = float(np.exp(minimum.x))
    return best if _nll(shifted, known, best) <= _nll(shifted, known, 1.0) else 1.0


class BiasFit(NamedTuple):
    """How much of the mean score is taken away, ``weight`` in [0, 1], and the temperature."""

    weight: float
    temperature: float


def fit_bias_weight(
    scores: npt.ArrayLike, mean: npt.ArrayLike, gold: npt.ArrayLike, least: int = WEIGHT_ROWS
) -> BiasFit | None:
    """The weight and temperature T of softmax((scores - weight * mean) / T) that gold bears out.

    Maximum a posteriori: the likelihood of gold, and a normal prior on ln T (mean 0, standard
    deviation LOG_TEMPERATURE_SPREAD), as weak as a label or two, so that labels which are all right
    have an optimum as well; the weight is uniform on [0, 1], T lies within TEMPERATURES.
    ``scores [n, C]``; ``mean``: what ``batch`` takes away, ``[C]`` or ``[n, C]``; ``gold [n]`` (-1:
    unknown, left out). None with fewer than ``least`` rows that have gold and finite scores.
    """
    from scipy.optimize import minimize

    values = np.asarray(scores, dtype=np.float64)
    class_mean = np.broadcast_to(np.asarray(mean, dtype=np.float64), values.shape)
    golds = np.asarray(gold, dtype=np.int64)
    both = (golds >= 0) & np.isfinite(values).all(axis=1)
    values, class_mean, golds = values[both], class_mean[both], golds[both]
    if len(golds) < max(1, least):
        return None
    truth = np.eye(values.shape[1])[golds]

    def loss(at: Floats) -> tuple[float, Floats]:
        """Negative log-posterior at (weight, ln T), and its gradient."""
        weight, log = at
        logits = (values - weight * class_mean) / np.exp(log)
        off = softmax(logits) - truth
        total = len(golds) * _nll(logits, golds, 1.0) + (log / LOG_TEMPERATURE_SPREAD) ** 2 / 2
        by_weight = -(off * class_mean).sum() / np.exp(log)
        by_log = -(off * logits).sum() + log / LOG_TEMPERATURE_SPREAD**2
        return total, np.array([by_weight, by_log])

    limits = [(0.0, 1.0), tuple(np.log(TEMPERATURES))]
    # The likelihood is convex in (1/T, weight/T), so it has one valley; only beside few labels is
    # the prior strong enough to make another.
    weights = (0.0, 0.5, 1.0) if len(golds) <= FEW_LABELS else (0.5,)
    starts = [np.array([weight, 0.0]) for weight in weights]
    ends = [minimize(loss, at, jac=True, method="L-BFGS-B", bounds=limits) for at in starts]
    weight, log = min(ends, key=lambda end: float(end.fun)).x
    return BiasFit(float(weight), float(np.exp(log)))


def _measured(
    scores: npt.ArrayLike, bias: npt.ArrayLike | float, gold: npt.ArrayLike
) -> tuple[Floats, Ints]:
    """Shifted scores and gold of the rows that have both."""
    shifted = np.asarray(scores, dtype=np.float64) - np.asarray(bias, dtype=np.float64)
    golds = np.asarray(gold, dtype=np.int64)
    both = (golds >= 0) & np.isfinite(shifted).all(axis=1)
    return shifted[both], golds[both]


def _nll(shifted: Floats, gold: Ints, temperature: float) -> float:
    logits = shifted / temperature
    logits = logits - logits.max(axis=1, keepdims=True)
    of_gold = logits[np.arange(len(gold)), gold]
    return float((np.log(np.exp(logits).sum(axis=1)) - of_gold).mean())


def pseudo_label(probabilities: npt.ArrayLike) -> Ints:
    """The most probable class of each row (the first of equals); -1 where there is none."""
    values = np.asarray(probabilities, dtype=np.float64)
    missing = np.isnan(values).any(axis=1)
    return np.where(missing, -1, np.where(np.isnan(values), -np.inf, values).argmax(axis=1))


def confidence(probabilities: npt.ArrayLike) -> Floats:
    """Teacher confidence: the largest probability of each row, in (0, 1]; NaN where missing."""
    return np.asarray(probabilities, dtype=np.float64).max(axis=1)


def information_need(probabilities: npt.ArrayLike) -> Floats:
    """Normalised entropy ``-sum p ln p / ln C`` of each row, in [0, 1]; NaN where missing."""
    values = np.asarray(probabilities, dtype=np.float64)
    logs = np.log(np.where(values > 0, values, 1.0))
    return np.clip(-(values * logs).sum(axis=1) / np.log(values.shape[1]), 0.0, 1.0)


def margin(probabilities: npt.ArrayLike) -> Floats:
    """Difference of the two largest probabilities of each row, in [0, 1]."""
    two = np.sort(np.asarray(probabilities, dtype=np.float64), axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]


def reach(values: npt.ArrayLike) -> Floats:
    """The largest threshold that each signal passes, ``[n]``; NaN where missing.

    The signal and :data:`GATE_TOLERANCE`. What is kept in 32 bits comes back a little off: 0.52 as
    0.51999999. A signal so near below a number of six decimals passes a threshold of that number.
    """
    signal = np.asarray(values, dtype=np.float64)
    nearest = np.round(signal, 6)
    near = np.isclose(nearest, signal, rtol=0.0, atol=_ROUNDING)
    return np.where(near, np.maximum(signal, nearest), signal) + GATE_TOLERANCE
