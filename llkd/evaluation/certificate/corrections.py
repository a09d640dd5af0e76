"""How many wrong labels one would find by reading the most doubtful texts: a forecast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from llkd.config.base import Document
from llkd.errors import DataError
from llkd.evaluation.certificate.evidence import Bools
from llkd.selection.signals import Floats, Ints

FEWEST_AUDITED = 30
FEWEST_OF_EACH = 5
PRIOR_SLOPE = 2.5
"""Standard deviation of the slope's prior, per standard deviation of the confidence's logit."""


class Corrections(Document):
    """Wrong labels to be expected among ``texts`` doubtful ones, with a 95 % interval.

    ``reason`` says why nothing can be told; then the three numbers are None.
    """

    texts: int
    wrong: float | None = None
    low: int | None = None
    high: int | None = None
    reason: str | None = None


def doubtful_texts(
    confidence: npt.ArrayLike, disagreement: npt.ArrayLike | None = None, texts: int = 50
) -> Ints:
    """Positions of the most doubtful: largest disagreement where it is known, else least confident.

    Texts without either come last and are left out.
    """
    doubt = -np.asarray(confidence, dtype=np.float64)
    if disagreement is not None:
        known = np.asarray(disagreement, dtype=np.float64)
        doubt = known if np.isfinite(known).any() else doubt
    order = np.argsort(np.where(np.isfinite(doubt), -doubt, np.inf), kind="stable")
    return order[: min(texts, int(np.isfinite(doubt).sum()))].astype(np.int64)


def worth_of_corrections(
    confidence: npt.ArrayLike,
    doubtful: npt.ArrayLike,
    audited: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    seed: int = 0,
) -> Corrections:
    """Wrong labels among the texts ``doubtful`` (positions), those audited already left out.

    ``confidence [N]`` in [0, 1], NaN where there is none; ``audited [n]`` positions of texts drawn
    at random, ``right [n]`` whether their label is right. A logistic regression of ``right`` on the
    logit of the confidence, its uncertainty from the posterior's curvature and from chance.
    """
    values = np.asarray(confidence, dtype=np.float64)
    rows, answers = np.asarray(audited, dtype=np.int64), np.asarray(right, dtype=bool)
    if rows.shape != answers.shape or values.ndim != 1:
        raise DataError("Each audited text needs whether its label is right.")
    texts = np.setdiff1d(np.asarray(doubtful, dtype=np.int64), rows)
    texts = texts[np.isfinite(values[texts])]
    stated = np.isfinite(values[rows])
    rows, answers = rows[stated], answers[stated]
    reason = _refusal(len(texts), answers)
    if reason is not None:
        return Corrections(texts=len(texts), reason=reason)
    logits = _logit(values)
    centre, scale = float(logits[rows].mean()), float(logits[rows].std())
    if not scale:
        reason = "All confidences are the same, so no text is more doubtful than another."
        return Corrections(texts=len(texts), reason=reason)
    design = np.column_stack([np.ones(len(values)), (logits - centre) / scale])
    mean, covariance = _posterior(design[rows], answers)
    rng = np.random.default_rng(seed)
    draws = rng.multivariate_normal(mean, covariance, size=2000)
    wrong = 1 / (1 + np.exp(np.clip(draws @ design[texts].T, -30, 30)))
    counts = (rng.random(wrong.shape) < wrong).sum(axis=1)
    low, high = np.quantile(counts, [0.025, 0.975], method="nearest")
    return Corrections(
        texts=len(texts), wrong=float(wrong.sum(axis=1).mean()), low=int(low), high=int(high)
    )


def _refusal(texts: int, answers: Bools) -> str | None:
    if not texts:
        return "No doubtful text is left to read."
    rights = int(answers.sum())
    if len(answers) < FEWEST_AUDITED:
        return f"{len(answers)} texts are audited; this needs {FEWEST_AUDITED}."
    if min(rights, len(answers) - rights) < FEWEST_OF_EACH:
        fewer = "wrong" if rights > len(answers) - rights else "right"
        return f"Fewer than {FEWEST_OF_EACH} audited labels are {fewer}, too few to tell."
    return None


def _logit(values: Floats) -> Floats:
    share = np.clip(values, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(share / (1 - share)))


def _posterior(design: Floats, right: Bools) -> tuple[Floats, Floats]:
    """Mode and inverse curvature ``[2]``, ``[2, 2]`` of a logistic regression, by Newton steps."""
    prior = np.diag([1e-2, PRIOR_SLOPE**-2])
    beta = np.zeros(2)
    hessian = prior
    for _ in range(50):
        share = 1 / (1 + np.exp(-design @ beta))
        hessian = (design * (share * (1 - share))[:, None]).T @ design + prior
        step = np.linalg.solve(hessian, design.T @ (right - share) - prior @ beta)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return beta, np.linalg.inv(hessian)
