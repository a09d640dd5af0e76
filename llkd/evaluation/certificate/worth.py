"""What the next labels are worth: an audit's, a teacher's, and corrections of doubtful texts.

Forecasts, not promises: each has an interval where it can have one, and none is made where the data
cannot tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from llkd.config.base import Document
from llkd.curation.probe import Fitted
from llkd.errors import DataError
from llkd.evaluation.certificate import evidence
from llkd.evaluation.certificate.precision import exact_interval
from llkd.selection.signals import Floats, Ints

SHARES = (0.25, 0.5, 0.75, 1.0)
HELD_OUT = 0.25
DRAWS = 12
FEWEST_TEXTS = 100
FARTHEST = 3.0
"""Times the labels there are: a curve is not drawn on beyond."""
WIDEST, LEAST = 0.08, 0.01
"""An interval wider than 8 points that reaches below 1 point helps nobody to decide."""
EXPONENTS = np.linspace(0.1, 2.0, 20)


class AuditWorth(Document):
    """After ``labels`` more: expected half width of the estimate, and expected promise (shares)."""

    labels: int
    half_width: float
    lower: float


class Gain(Document):
    """What more labels bring, as a share (0.008: 0.8 points) with its 95 % interval.

    ``reason`` says why nothing can be told; then the three values are None.
    """

    labels: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def worth_of_audit_labels(
    size: int,
    audited: int,
    wrong: int,
    labels: Sequence[int] = (25, 50, 100),
    *,
    confidence_level: float = 0.95,
    error_part: float = 1.0,
    target: float = 1.0,
) -> tuple[AuditWorth, ...]:
    """Of a set of ``size`` texts with ``wrong`` of ``audited`` so far, for each number of labels.

    Further answers are drawn from what the answers so far leave possible (beta-binomial, prior 1/2
    and 1/2). ``lower`` is the bound of :mod:`.evidence` with ``error_part`` of the error, which is
    the set's in its chain, and at most ``target``, above which nothing is promised. Numbers that go
    beyond the set end at it.
    """
    points = evidence.support(size)
    error = (1 - confidence_level) * error_part
    result = []
    for count in labels:
        more = min(int(count), size - audited)
        quantiles = (np.arange(9) + 0.5) / 9
        from scipy import stats  # half a second that few callers need

        future = stats.betabinom(more, wrong + 0.5, audited - wrong + 0.5).ppf(quantiles)
        n, x = audited + more, wrong + future.astype(np.int64)
        now = evidence.log_evidence(size, points, [audited], [wrong])
        best = np.maximum(evidence.log_evidence(size, points, np.full(len(x), n), x), now)
        bounds = [min(target, evidence.lower_bound(size, points, row, error)) for row in best]
        ends = [exact_interval(size, n, int(n - k), confidence_level) for k in x]
        half = float(np.mean([(high - low) / 2 for low, high in ends]))
        result.append(AuditWorth(labels=more, half_width=half, lower=float(np.mean(bounds))))
    return tuple(result)


def worth_of_teacher_labels(
    embeddings: npt.ArrayLike,
    label: npt.ArrayLike,
    classes: int,
    labels: Sequence[int] = (500,),
    *,
    truth: npt.ArrayLike | None = None,
    seed: int = 0,
    fit_limit: int = 2000,
) -> tuple[Gain, ...]:
    """Accuracy that a probe gains from so many more labelled texts, by its own learning curve.

    ``embeddings [n, d]`` of unit length, ``label [n]`` classes from 0 or -1, ``truth [n]`` what is
    judged by (-1 unknown; the labels themselves where it is left out: then the gain is one of
    agreement with the teacher). A quarter of the texts judges, probes are fitted to 25, 50, 75 and
    100 % of the others (of at most ``fit_limit``), in 12 draws. The curve is a - b n^-c (inverse
    power law), its uncertainty that of the draws (widened as in Nadeau and Bengio 2003, because
    draws share texts) over all c from 0.1 to 2. Raises DataError for shapes that differ.
    """
    points = np.asarray(embeddings, dtype=np.float32)
    fitting = np.asarray(label, dtype=np.int64)
    judging = fitting if truth is None else np.asarray(truth, dtype=np.int64)
    if points.ndim != 2 or fitting.shape != points.shape[:1] or judging.shape != fitting.shape:
        raise DataError("A learning curve needs one embedding and one label per text.")
    known = np.flatnonzero(fitting >= 0)
    rng = np.random.default_rng(seed)
    if len(known) > int(fit_limit / (1 - HELD_OUT)):
        known = rng.permutation(known)[: int(fit_limit / (1 - HELD_OUT))]
    total = int((fitting >= 0).sum())
    reason = _refusal(len(known), fitting[known], judging[known])
    if reason is not None:
        return tuple(Gain(labels=int(count), reason=reason) for count in labels)
    sizes, scores = _curve(points[known], fitting[known], judging[known], classes, rng)
    return tuple(_gain(sizes, scores, total, int(count), rng) for count in labels)


def _refusal(n: int, fitting: Ints, judging: Ints) -> str | None:
    if n < FEWEST_TEXTS:
        return f"{n} texts are labelled; a learning curve needs {FEWEST_TEXTS}."
    if (judging >= 0).sum() < FEWEST_TEXTS // 2:
        return f"{(judging >= 0).sum()} texts can judge; a learning curve needs 50."
    if (fitting == fitting[0]).all():
        return "All labelled texts have the same class, so there is nothing to learn."
    return None


def _curve(
    points: npt.NDArray[np.float32],
    fitting: Ints,
    judging: Ints,
    classes: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Numbers of texts ``[4]`` and accuracies ``[draws, 4]``; a draw's probes share their judge."""
    judges = np.flatnonzero(judging >= 0)
    held_out = max(1, int(HELD_OUT * len(judges)))
    left = len(fitting) - held_out
    sizes = np.array([int(share * left) for share in SHARES])
    scores = np.zeros((DRAWS, len(SHARES)))
    for draw in range(DRAWS):
        judge = rng.permutation(judges)[:held_out]
        others = rng.permutation(np.setdiff1d(np.arange(len(fitting)), judge))
        for k, size in enumerate(sizes):
            rows = others[:size]
            answer = Fitted(points[rows], fitting[rows], classes).probabilities(points[judge])
            scores[draw, k] = float((answer.argmax(axis=1) == judging[judge]).mean())
    return sizes.astype(np.float64), scores


def _gain(sizes: Floats, scores: Floats, total: int, more: int, rng: np.random.Generator) -> Gain:
    """Of the curve from ``total`` to ``total + more`` texts."""
    if total + more > FARTHEST * total:
        reason = f"{more:,} more are too many to tell from {total:,}."
        return Gain(labels=more, reason=reason)
    gains = curve_gains(sizes, scores, float(total), float(total + more), rng)
    low, middle, high = (float(value) for value in np.quantile(gains, [0.025, 0.5, 0.975]))
    if high - low > WIDEST and low < LEAST:
        reason = f"The learning curve of {total:,} texts is too uneven to tell."
        return Gain(labels=more, reason=reason)
    return Gain(labels=more, value=middle, low=low, high=high)


def curve_gains(
    sizes: Floats, scores: Floats, start: float, end: float, rng: np.random.Generator
) -> Floats:
    """Draws of b (start^-c - end^-c) from what the scores ``[draws, 4]`` leave possible, b >= 0."""
    draws = len(scores)
    spread = np.cov(scores.T) + 1e-8 * np.eye(len(sizes))
    # Few draws: correlations are drawn half-way to none.
    spread = 0.8 * spread + 0.2 * np.diag(np.diag(spread))
    covariance = spread * (1 / draws + HELD_OUT / (1 - HELD_OUT))
    inverse = np.linalg.inv(covariance)
    mean = scores.mean(axis=0)
    weights, samples = [], []
    for exponent in EXPONENTS:
        design = np.column_stack([np.ones(len(sizes)), -((sizes / start) ** -exponent)])
        precision = design.T @ inverse @ design
        centre = np.linalg.solve(precision, design.T @ inverse @ mean)
        residual = mean - design @ centre
        deviation = float(np.sqrt(np.linalg.inv(precision)[1, 1]))
        weights.append(float(np.exp(-0.5 * residual @ inverse @ residual)) * deviation)
        below = float(ndtr(-centre[1] / deviation))
        weights[-1] *= max(1 - below, 1e-12)
        # From the normal distribution, cut at 0.
        place = below + (1 - below) * rng.random(1000)
        slope = centre[1] + deviation * ndtri(np.clip(place, 1e-15, 1 - 1e-15))
        slope = np.maximum(slope, 0.0)
        samples.append(slope * (1 - (end / start) ** -exponent))
    share = np.array(weights) / np.sum(weights)
    counts = rng.multinomial(4000, share)
    return np.concatenate(
        [rng.choice(values, count) for values, count in zip(samples, counts, strict=True)]
    )
