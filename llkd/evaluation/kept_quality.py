"""How right the labels are that a selection keeps, against the whole pool's, and from what.

From gold where the pool has it, else from texts that people labelled in the one random order:
their beginning is a uniform random sample of the pool, and what of it a selection keeps one of the
selection. Blind audits say the same of what they drew from (``llkd.evaluation.audits``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from llkd.config import ClassKey
from llkd.curation.plane import Plane
from llkd.evaluation.certificate import kept_precision
from llkd.evaluation.certificate.share_right import (
    ShareRight,
    excluded_for_answers,
    without_excluded,
)
from llkd.evaluation.evaluation_set import labelled_at_random
from llkd.evaluation.intervals import wilson

LEAST_CHECKED = 30
"""From so many checked texts of pool or selection on, something is known."""
LEAST_SHOWN = 10
"""Of fewer texts no share is shown, unless they are all there are."""

Source = Literal["gold", "audit", "random order", "unknown"]
Line = Literal["uncertainty", "confidence"]


@dataclass(frozen=True)
class KeptQuality:
    """What is known of the labels of a pool and of those kept; None where too few are checked.

    ``checked`` counts the checked texts of the pool even then. ``worse``: the kept labels are
    worse than the pool's, and it is no matter of chance. ``blame`` is the line that made them so,
    where one did.
    """

    source: Source
    kept_texts: int
    pool_texts: int
    checked: int
    kept_share: ShareRight | None = None
    pool_share: ShareRight | None = None
    worse: bool = False
    blame: Line | None = None


@dataclass(frozen=True)
class Checks:
    """The texts of a plane whose labels are checked, masks ``[n]``; ``right`` of those checked."""

    source: Source
    checked: np.ndarray
    right: np.ndarray


@dataclass(frozen=True)
class AuditSample:
    """The answers of a blind audit that count, in the order of drawing.

    ``population [N]`` are the rows that it drew from in that order, the first ``n`` answered;
    ``answers [n]`` the classes people gave by their keys, None where none fits. ``confidence [N]``.
    """

    population: np.ndarray
    answers: Sequence[ClassKey | None]
    confidence: np.ndarray


def kept_quality(
    plane: Plane,
    rows: np.ndarray,
    passing: np.ndarray | None = None,
    without_lines: Mapping[Line, np.ndarray] | None = None,
    audit: AuditSample | None = None,
) -> KeptQuality:
    """How right the labels are of ``rows``, a mask ``[n]`` over the plane, and of all of it.

    ``passing [n]`` is what the rule would keep had people labelled nothing: only of that a random
    draw says something (None: then gold alone judges what is kept). ``without_lines`` has such
    masks without one of the two lines: they tell which one made the labels worse. A person's label
    counts as right unless gold says otherwise. Of gold and ``audit`` speaks what has more texts.
    """
    frame = plane.frame
    pool = (frame["label"].to_numpy() >= 0) & ~frame["excluded"].to_numpy()
    rows = rows & pool
    by_lines = np.zeros(len(frame), dtype=bool) if passing is None else passing
    passes = by_lines & pool
    gone = (frame["teacher_label"].to_numpy() >= 0) & frame["excluded"].to_numpy()
    gold = _by_gold(plane, pool)
    blind = None if audit is None else _by_audit(plane, audit)
    answered = 0 if audit is None else len(audit.answers)
    lines = without_lines or {}
    if gold.checked.sum() >= max(LEAST_SHOWN, answered):
        shares = [_share(gold, mask) for mask in (rows, pool)]
        return _known(gold, rows, pool, rows, shares, lines)
    pairs = ((rows, passes, gone & by_lines), (pool, pool, gone))
    if audit is not None and blind is not None and answered >= LEAST_CHECKED:
        drawn_from = drawn_from_by(plane, audit)
        shares = [
            _corrected(
                plane,
                audited_share(plane, audit, by_rule, left_out, drawn_from),
                texts,
                by_rule & drawn_from,
            )
            for texts, by_rule, left_out in pairs
        ]
        if any(share is not None for share in shares):
            return _known(blind, rows, pool, passes, shares, lines)
    if not (frame["human_label"].to_numpy() >= 0).any():
        # The order of a million texts takes a third of a second: not while nobody labelled one.
        return KeptQuality("unknown", int(rows.sum()), int(pool.sum()), answered)
    samples = [random_order_checks(plane, by_rule, left_out) for _, by_rule, left_out in pairs]
    if max(int(sample.checked.sum()) for sample in samples) < LEAST_CHECKED:
        checked = max(answered, int(samples[1].checked.sum()))
        return KeptQuality("unknown", int(rows.sum()), int(pool.sum()), checked)
    teacher = frame["teacher_label"].to_numpy() >= 0
    shares = [
        _corrected(plane, sampled_share(sample, by_rule & teacher, left_out), texts, by_rule)
        for sample, (texts, by_rule, left_out) in zip(samples, pairs, strict=True)
    ]
    return _known(samples[1], rows, pool, passes, shares, lines)


def _known(
    checks: Checks,
    rows: np.ndarray,
    pool: np.ndarray,
    by_rule: np.ndarray,
    shares: Sequence[ShareRight | None],
    lines: Mapping[Line, np.ndarray],
) -> KeptQuality:
    worse = _worse(checks, by_rule, pool)
    return KeptQuality(
        checks.source,
        int(rows.sum()),
        int(pool.sum()),
        int(checks.checked.sum()),
        shares[0],
        shares[1],
        worse,
        _blame(checks, by_rule, lines) if worse else None,
    )


def _by_audit(plane: Plane, audit: AuditSample) -> Checks:
    """What was audited and is still a text of the plane, against the teacher's labels of today."""
    checked, right = np.zeros((2, len(plane.frame)), dtype=bool)
    places, here = places_of(plane, audit.population[: len(audit.answers)])
    label = plane.frame["teacher_label"].to_numpy()[places[here]]
    answers = [-1 if k is None else plane.classes.places.get(k, -1) for k in audit.answers]
    checked[places[here]] = True
    right[places[here]] = label == np.array(answers, dtype=np.int64)[here]
    return Checks("audit", checked, right)


def places_of(plane: Plane, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of rows in the plane ``[m]``, and which of them are there."""
    rows = plane.frame["row"].to_numpy()
    places = np.minimum(np.searchsorted(rows, numbers), max(0, len(rows) - 1))
    return places, rows[places] == numbers


def drawn_from_by(plane: Plane, audit: AuditSample) -> np.ndarray:
    """The texts that the audit draws from, a mask ``[n]``."""
    places, here = places_of(plane, audit.population)
    drawn_from = np.zeros(len(plane.frame), dtype=bool)
    drawn_from[places[here]] = True
    return drawn_from


def audited_share(
    plane: Plane,
    audit: AuditSample,
    by_rule: np.ndarray,
    left_out: np.ndarray,
    drawn_from: np.ndarray,
) -> ShareRight | None:
    """What the audit says of the teacher's labels of ``by_rule``; None where it drew from less.

    ``left_out`` are those that ``by_rule`` would hold, too, had nobody excluded them.
    """
    frame = plane.frame
    places, here = places_of(plane, audit.population)
    open_to = by_rule & (frame["teacher_label"].to_numpy() >= 0)
    if not here.all() or (open_to & ~drawn_from & (frame["human_label"].to_numpy() < 0)).any():
        return None
    checks = _by_audit(plane, audit)
    answered = np.arange(len(audit.answers))
    mask, gone = open_to[places], left_out[places]
    right = checks.right[places[answered]]
    removed, for_answers = gone[answered], excluded_for_answers(mask | gone, gone, answered)
    mask = mask | gone if for_answers else mask
    estimate = kept_precision(audit.confidence, mask, answered, right)
    if estimate is None or (estimate.checked < LEAST_SHOWN and estimate.checked < mask.sum()):
        return None
    value, low, high, known = estimate.value, estimate.low, estimate.high, estimate.checked
    share = ShareRight(value, low, high, known, int(mask.sum()))
    if not for_answers:
        return share
    return without_excluded(share, int(gone.sum()), int(removed.sum()), int(right[removed].sum()))


def _by_gold(plane: Plane, pool: np.ndarray) -> Checks:
    gold = plane.frame["gold"].to_numpy()
    checked = pool & (gold >= 0)
    return Checks("gold", checked, checked & (gold == plane.frame["label"].to_numpy()))


def random_order_checks(plane: Plane, mask: np.ndarray, left_out: np.ndarray) -> Checks:
    """What people labelled of ``mask`` in the random order, held against the teacher's labels.

    Only texts that have a teacher's label stand for the others, which have nothing else. Those
    ``left_out`` for what was seen of them are among the checked, as wrong ones.
    """
    teacher = plane.frame["teacher_label"].to_numpy()
    checked = np.zeros(len(teacher), dtype=bool)
    among = (mask | left_out) & (teacher >= 0)
    sample = labelled_at_random(plane, among, excluded_too=True)
    if not excluded_for_answers(among, left_out, sample):
        sample = sample[~left_out[sample]]
    checked[sample] = True
    return Checks(
        "random order", checked, checked & (plane.frame["human_label"].to_numpy() == teacher)
    )


def sampled_share(checks: Checks, texts: np.ndarray, left_out: np.ndarray) -> ShareRight | None:
    """The share right of ``texts``, from checks that may hold texts ``left_out`` for their sake."""
    removed = checks.checked & left_out
    if not removed.any():
        return _share(checks, texts)
    share = _share(checks, texts | left_out)
    hits = int((removed & checks.right).sum())
    return share and without_excluded(share, int(left_out.sum()), int(removed.sum()), hits)


def _share(checks: Checks, texts: np.ndarray) -> ShareRight | None:
    """The share right of ``texts``, a mask; None where too few are checked."""
    mine = checks.checked & texts
    checked, total = int(mine.sum()), int(texts.sum())
    if not total or (checked < LEAST_SHOWN and checked < total):
        return None
    right = int((checks.right & mine).sum())
    low, high = wilson(right, checked) or (0.0, 1.0)
    return ShareRight(right / checked, low, high, checked, total)


def _corrected(
    plane: Plane, share: ShareRight | None, texts: np.ndarray, by_rule: np.ndarray
) -> ShareRight | None:
    """The share right of ``texts`` by today's labels, of ``share`` of the teacher's ``by_rule``.

    People's labels are right: what they corrected of the teacher's is known to the last text, and
    so is what is kept only because they labelled it.
    """
    if share is None:
        return None
    teacher, human = (plane.frame[c].to_numpy() for c in ("teacher_label", "human_label"))
    by_people = texts & (human >= 0)
    sure = int((by_people & ~((human == teacher) & by_rule)).sum())
    labelled, total = int(by_people.sum()), int(texts.sum())
    value, low, high = (
        min(1.0, max(labelled, sure + share.texts * part) / total)
        for part in (share.value, share.low, share.high)
    )
    return ShareRight(value, low, high, share.checked, total)


def _worse(checks: Checks, rows: np.ndarray, pool: np.ndarray) -> bool:
    """Whether the labels of ``rows`` are worse than the others', chance apart.

    Where every text is checked there is no chance in it. Else Newcombe's interval for the
    difference of two shares (1998, his method 10) must lie below 0.
    """
    inside, outside = checks.checked & rows, checks.checked & pool & ~rows
    counts = [(int((checks.right & mask).sum()), int(mask.sum())) for mask in (inside, outside)]
    if not counts[0][1] or not counts[1][1]:
        return False
    first, second = (right / checked for right, checked in counts)
    if (checks.checked | ~pool).all():
        return first < second
    upper = (wilson(*counts[0]) or (0.0, 1.0))[1]
    lower = (wilson(*counts[1]) or (0.0, 1.0))[0]
    return bool(first - second + np.hypot(upper - first, second - lower) < 0)


def _blame(
    checks: Checks, rows: np.ndarray, without_lines: Mapping[Line, np.ndarray]
) -> Line | None:
    """The line without which the share right would be highest, and higher than with it."""

    def of(mask: np.ndarray) -> float:
        mine = checks.checked & mask
        return float(checks.right[mine].mean()) if mine.any() else 0.0

    best: Line | None = None
    most = of(rows)
    for line, mask in without_lines.items():
        if of(mask) > most:
            best, most = line, of(mask)
    return best
