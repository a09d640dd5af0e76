"""How often the teacher is right on the texts that train, with an interval and who says so.

Held-out gold evaluates students, so it has no say here: what is estimated here chooses how a
student is trained. Where people's labels evaluate, they have none either.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from llkd.config import Document
from llkd.curation import Plane
from llkd.evaluation import kept_quality
from llkd.evaluation.certificate.share_right import ShareRight
from llkd.evaluation.evaluation_set import in_prompts
from llkd.evaluation.intervals import wilson
from llkd.evaluation.kept_quality import LEAST_CHECKED, AuditSample
from llkd.selection.signals import Bools, Ints

Source = Literal["gold", "audit", "random order", "confidence"]


class TeacherAccuracy(Document):
    """The share of the teacher's labels in the pool that are right, in [0, 1].

    ``low`` and ``high`` bound it with 95 % confidence; None where ``source`` is the teacher's own
    mean ``confidence``, which is a guess that nobody has checked. ``checked`` texts of ``texts``
    say so. ``chance``: what as many labels of each class would get right, were they dealt out at
    random (the chance agreement of Cohen 1960); of a guess 1/C. ``commonest``: the share of the
    commonest class among the checked texts, of a guess among the teacher's labels.
    """

    value: float
    low: float | None
    high: float | None
    source: Source
    checked: int
    texts: int
    chance: float
    commonest: float

    @property
    def guess(self) -> bool:
        """Whether nobody has checked it."""
        return self.source == "confidence"

    @property
    def above_chance(self) -> bool | None:
        """Whether the whole interval lies above chance; None of a guess."""
        return None if self.low is None else self.low > self.chance


class _Checked(NamedTuple):
    """A share with its source, and the texts of the plane that it was counted on."""

    source: Source
    share: ShareRight
    texts: Bools
    truth: Ints


def teacher_accuracy(
    plane: Plane, *, people: bool = True, audit: AuditSample | None = None
) -> TeacherAccuracy | None:
    """The estimate from the best source there is; None where not even a confidence is known.

    From gold of the pool; else from a blind ``audit`` of all of it, else from what people labelled
    in the random order (30 texts at least, or all there are), both only where ``people`` may speak:
    not where their labels evaluate the student. Of gold and audit speaks what has more texts. Else
    the mean calibrated confidence. Gold of some texts counts as if these were a random part. Texts
    that a teacher's prompts may hold do not count.
    """
    gold = _by_gold(plane)
    answered = 0 if audit is None or not people else len(audit.answers)
    if gold is not None and gold.share.checked >= answered:
        return _estimate(plane, gold)
    by_people = _by_people(plane, audit) if people else None
    best = by_people or gold
    return _by_confidence(plane) if best is None else _estimate(plane, best)


def _labelled(plane: Plane) -> Bools:
    """The texts that train by the teacher's label, or would without a person's: a mask ``[n]``."""
    frame = plane.frame
    mask: Bools = (frame["teacher_label"].to_numpy() >= 0) & ~frame["excluded"].to_numpy()
    return mask


def _by_gold(plane: Plane) -> _Checked | None:
    frame = plane.frame
    truth = frame["gold"].to_numpy()
    texts = _labelled(plane)
    eligible = texts & ~np.isin(frame["row"].to_numpy(), in_prompts(plane.labeling_run))
    checked = eligible & (truth >= 0)
    count, total = int(checked.sum()), int(eligible.sum())
    if not count or (count < LEAST_CHECKED and count < total):
        return None
    right = int((truth == frame["teacher_label"].to_numpy())[checked].sum())
    value = right / count
    low, high = (value, value) if count == total else wilson(right, count) or (0.0, 1.0)
    return _Checked("gold", ShareRight(value, low, high, count, total), checked, truth)


def _by_people(plane: Plane, audit: AuditSample | None) -> _Checked | None:
    frame = plane.frame
    pool = _labelled(plane)
    gone = (frame["teacher_label"].to_numpy() >= 0) & frame["excluded"].to_numpy()
    if audit is not None and len(audit.answers) >= LEAST_CHECKED:
        open_to_audit = kept_quality.drawn_from_by(plane, audit)
        share = kept_quality.audited_share(plane, audit, pool, gone, open_to_audit)
        if share is not None and share.checked >= LEAST_CHECKED:
            answered = np.isin(frame["row"].to_numpy(), audit.population[: len(audit.answers)])
            return _Checked("audit", share, answered & pool, _answers(plane, audit))
    human = frame["human_label"].to_numpy()
    if not (human >= 0).any():
        return None
    checks = kept_quality.random_order_checks(plane, pool, gone)
    share = kept_quality.sampled_share(checks, pool, gone)
    if share is None or (share.checked < LEAST_CHECKED and share.checked < share.texts):
        return None
    return _Checked("random order", share, checks.checked & pool, human)


def _answers(plane: Plane, audit: AuditSample) -> Ints:
    """The classes that the audit says, ``[n]``, -1 where it says none."""
    rows = plane.frame["row"].to_numpy()
    truth = np.full(len(rows), -1, dtype=np.int64)
    places = plane.classes.places
    known = [-1 if key is None else places.get(key, -1) for key in audit.answers]
    at, here = kept_quality.places_of(plane, audit.population[: len(known)])
    truth[at[here]] = np.array(known, dtype=np.int64)[here]
    return truth


def _estimate(plane: Plane, checked: _Checked) -> TeacherAccuracy:
    share = checked.share
    label = plane.frame["teacher_label"].to_numpy()[checked.texts]
    truth = checked.truth[checked.texts]
    by_label, by_truth = (_shares(values, plane) for values in (label, truth))
    return TeacherAccuracy(
        value=share.value,
        low=min(share.low, share.value),
        high=max(share.high, share.value),
        source=checked.source,
        checked=share.checked,
        texts=share.texts,
        chance=float(by_label @ by_truth),
        commonest=float(by_truth.max(initial=0.0)),
    )


def _shares(values: Ints, plane: Plane) -> np.ndarray:
    """The share of each class among ``values``, of which those below 0 are of no class."""
    classes = len(plane.names)
    counts = np.bincount(values[values >= 0], minlength=classes)
    return np.asarray(counts / max(1, len(values)))


def _by_confidence(plane: Plane) -> TeacherAccuracy | None:
    frame = plane.frame
    texts = _labelled(plane)
    sure = texts & ~frame["confidence"].isna().to_numpy()
    if not sure.any():
        return None
    labels = frame["teacher_label"].to_numpy()[texts]
    return TeacherAccuracy(
        value=float(frame["confidence"].to_numpy()[sure].mean()),
        low=None,
        high=None,
        source="confidence",
        checked=0,
        texts=int(texts.sum()),
        chance=1 / max(1, len(plane.open_classes)),
        commonest=float(_shares(labels, plane).max(initial=0.0)),
    )
