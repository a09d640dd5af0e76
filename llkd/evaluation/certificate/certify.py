"""The certificate: "at least 95 % of these texts are right", with 95 % confidence, at any moment.

``L`` nested sets, strictest first, fixed before the audit; ``n`` texts drawn uniformly at random
without replacement from the widest, in the order in which they were answered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from llkd.config.base import Document
from llkd.errors import ConfigError, DataError
from llkd.evaluation.certificate import evidence
from llkd.evaluation.certificate.chain import STARTS, spend, start_weights
from llkd.evaluation.certificate.evidence import Bools
from llkd.evaluation.certificate.outlook import Outlook, outlook
from llkd.selection.signals import Floats, Ints

USEFUL_SHARE = 0.2
"""Of the widest set: smaller ones are no use that "cannot be met" speaks of."""


class SetEvidence(Document):
    """What the audit says of one set.

    ``p_value`` tests "fewer than the target are right", alone and at all times. ``passed``: may be
    promised, the whole chain considered. ``lower``: share right that may be promised, no more than
    the target; all of a certificate's hold together.
    """

    size: int
    audited: int
    wrong: int
    p_value: float
    passed: bool
    lower: float


class Certificate(Document):
    """What may be promised of nested sets after an audit, and how it will go on.

    ``certified`` is the index of the largest set that passed; ``best_target`` is what may be
    promised now, in whole percent, of ``best_set`` (the certified set and the target, where there
    is one). ``reachable`` is False where, with ``confidence_level`` of its own, no set of a useful
    size meets the target, else None. ``labels_to_go`` is an estimate: labels until a certificate if
    answers go on as before; 0 with one, None where it is not to be expected.
    """

    target: float
    confidence_level: float
    sets: tuple[SetEvidence, ...]
    certified: int | None
    best_target: float | None
    best_set: int | None
    reachable: bool | None
    labels_to_go: int | None
    weights: tuple[float, ...]

    @property
    def audited(self) -> int:
        """Texts audited in the widest set."""
        return self.sets[-1].audited


def certify(
    sizes: Sequence[int],
    level: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    target: float = 0.95,
    confidence_level: float = 0.95,
    useful_share: float = USEFUL_SHARE,
    starts: Sequence[float] = STARTS,
) -> Certificate:
    """What an audit promises of nested sets; it may be asked after every label.

    ``sizes [L]``: texts of each set, strictest first. ``level [n]``: the strictest set (0 .. L-1)
    that holds each audited text, in the order of the audit; ``right [n]`` whether its label is. The
    texts must be a uniform draw from the widest set, and the chain older than the first answer.
    ``target`` in (0, 1], ``confidence_level`` in (0.5, 1); ``starts`` as in :mod:`.chain`; all are
    fixed before the first answer, too. Raises ConfigError for other settings,
    DataError where sizes shrink, lists differ in length, or more texts are audited than there are.
    """
    counts, levels, rights = _checked(sizes, level, right, target, confidence_level)
    error = 1 - confidence_level
    weights = start_weights(counts.tolist(), starts)
    in_sets = [rights[levels <= k] for k in range(len(counts))]
    p_values, evidences = _evidence(counts, in_sets, target)
    passed, shares = spend(p_values, weights, error)
    lower = _lower(counts, evidences, passed, shares, target, error)
    sets = tuple(
        SetEvidence(
            size=int(size),
            audited=len(answers),
            wrong=int((~answers).sum()),
            p_value=float(p_values[k]),
            passed=bool(np.isin(k, passed)),
            lower=float(lower[k]),
        )
        for k, (size, answers) in enumerate(zip(counts, in_sets, strict=True))
    )
    certified = int(passed[-1]) if len(passed) else None
    useful = counts >= useful_share * counts[-1]
    ahead = (
        Outlook(None, 0)
        if certified is not None
        else outlook(counts, in_sets, weights, useful, target, error)
    )
    best_set, best_target = _best(lower, useful, certified, target)
    return Certificate(
        target=target,
        confidence_level=confidence_level,
        sets=sets,
        certified=certified,
        best_target=best_target,
        best_set=best_set,
        reachable=ahead.reachable,
        labels_to_go=ahead.labels_to_go,
        weights=tuple(float(weight) for weight in weights),
    )


def _checked(
    sizes: Sequence[int],
    level: npt.ArrayLike,
    right: npt.ArrayLike,
    target: float,
    confidence_level: float,
) -> tuple[Ints, Ints, Bools]:
    if not 0 < target <= 1:
        raise ConfigError(f"The target is a share above 0 and at most 1, but it was {target}.")
    if not 0.5 < confidence_level < 1:
        raise ConfigError(
            f"The confidence level lies between 0.5 and 1, but it was {confidence_level}."
        )
    counts = np.asarray(sizes, dtype=np.int64)
    if counts.ndim != 1 or not len(counts) or counts[0] < 0 or counts[-1] == 0:
        raise DataError("A certificate needs at least one set, and texts in the widest.")
    if (np.diff(counts) < 0).any():
        raise DataError(f"Sets are nested, strictest first, but their sizes were {list(sizes)}.")
    levels = np.asarray(level, dtype=np.int64)
    rights = np.asarray(right, dtype=bool)
    if levels.shape != rights.shape or levels.ndim != 1:
        raise DataError("Each audited text needs its level and whether its label is right.")
    if len(levels) and not (0 <= levels.min() and levels.max() < len(counts)):
        raise DataError(f"Levels lie between 0 and {len(counts) - 1}, but one did not.")
    audited = np.cumsum(np.bincount(levels, minlength=len(counts)))
    over = np.flatnonzero(np.diff(audited, prepend=0) > np.diff(counts, prepend=0))
    if len(over):
        raise DataError(
            f"More texts of level {over[0]} are audited than it holds; a text counts only once."
        )
    return counts, levels, rights


def _evidence(
    counts: Ints, in_sets: list[Bools], target: float
) -> tuple[Floats, list[tuple[Ints, Floats]]]:
    """p-value of each set at the target, and its evidence against each number of wrong texts."""
    p_values = np.ones(len(counts))
    evidences: list[tuple[Ints, Floats]] = []
    for k, (size, answers) in enumerate(zip(counts.tolist(), in_sets, strict=True)):
        boundary = evidence.fewest_too_many(size, target)
        points = evidence.support(size, boundary)
        best = evidence.best_evidence(size, answers, points)
        evidences.append((points, best))
        if size:
            # All above must fall, too, which is so by itself where every count is looked at: then
            # promises at the target and below it rest on one event.
            against = best[np.searchsorted(points, boundary) :].min()
            p_values[k] = min(1.0, float(np.exp(-against)))
    return p_values, evidences


def _lower(
    counts: Ints,
    evidences: list[tuple[Ints, Floats]],
    passed: Ints,
    shares: Floats,
    target: float,
    error: float,
) -> Floats:
    """Shares right ``[L]`` that hold together, no more than the target (docs/method.md)."""
    lower = np.zeros(len(counts))
    for k, (size, (points, best)) in enumerate(zip(counts.tolist(), evidences, strict=True)):
        own = evidence.lower_bound(size, points, best, error * shares[k])
        lower[k] = target if np.isin(k, passed) else min(own, target)
    # What a set promises binds those around it: a stricter set has no more wrong texts, a wider one
    # no fewer right ones.
    rights = np.maximum.accumulate(lower * counts)
    wrong = np.minimum.accumulate(((1 - lower) * counts)[::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        implied = np.maximum(rights / counts, 1 - wrong / counts)
    return np.where(counts > 0, np.minimum(np.maximum(lower, implied), target), 0.0)


def _best(
    lower: Floats, useful: Bools, certified: int | None, target: float
) -> tuple[int | None, float | None]:
    """The widest of the useful sets with the highest promise, and it, in whole percent."""
    if certified is not None:
        return certified, target
    percent = np.where(useful, np.floor(100 * lower + 1e-9), 0)
    if percent.max() <= 0:
        return None, None
    return int(np.flatnonzero(percent == percent.max())[-1]), float(percent.max() / 100)
