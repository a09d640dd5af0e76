"""What the page says of an audit: how far it is, what may be promised, what comes next."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llkd.evaluation.audits import AuditStatus
from llkd.evaluation.certificate import Certificate
from llkd.store import Audit, Project
from ui.shell.wording import count, counted

POINTS = 5
MOST_CLASSES = 12
_NORMAL = 1.96


@dataclass(frozen=True)
class Goal:
    """To how many answered texts it is worth going on, and in words what they bring."""

    of: int
    words: str


def percent(value: float) -> str:
    """A share from 0 to 1 in per cent, with a decimal only where it has one: 95 %, 97.5 %."""
    return f"{100 * value:.1f}".removesuffix(".0") + "\u00a0%"


def goal(status: AuditStatus) -> Goal:
    """The next thing that labels bring: the certificate where it can come, and the interval."""
    certificate, answered = status.certificate, status.answered
    more = labels_for_points(status)
    points = f"; about {count(more)} more for \u00b1 {POINTS} points" if more else ""
    target = percent(certificate.target)
    if certificate.certified is not None:
        return Goal(answered, f"answered; {target} is certified")
    to_go = certificate.labels_to_go
    if to_go:
        return Goal(answered + to_go, f"for a certificate of {target}{points}")
    return Goal(answered + more, f"answered{points}")


def labels_for_points(status: AuditStatus) -> int:
    """About how many labels more until the interval is within so many points; 0 where it is.

    By the normal approximation at the share that is right so far (Agresti and Coull's, which knows
    a little doubt also where nothing was wrong), corrected for the texts there are.
    """
    n, size = status.answered, status.audit.size
    right = (n - status.wrong + 2) / (n + 4)
    wanted = right * (1 - right) * (_NORMAL / (POINTS / 100)) ** 2
    return max(0, math.ceil(wanted / (1 + (wanted - 1) / size)) - n)


def population(audit: Audit) -> str:
    """What an audit draws from and may certify, in a sentence; all fixed when it began."""
    texts = counted(audit.size, "text")
    drawn_from = f"Drawn at random from the {texts} kept when the audit began"
    if len(audit.chain) == 1:
        return f"{drawn_from}; a certificate speaks of all of them."
    sizes = [count(part.size) for part in audit.chain]
    fewer = sizes[0] if len(sizes) == 2 else f"{sizes[-2]} to {sizes[0]}"
    return (
        f"{drawn_from}. A certificate may speak of all of them or of the surest {fewer}: "
        f"{len(sizes)} nested sets, fixed before the first answer."
    )


def so_far(status: AuditStatus) -> str:
    """Wrong answers so far, and the share right that they let expect; empty before the first."""
    if not status.answered:
        return ""
    sentence = f"{count(status.wrong)} wrong in {count(status.answered)}"
    about = status.precision
    if about is None:
        return f"{sentence}."
    if about.checked == status.audit.size:
        return f"{sentence}, which are all: {percent(round(about.value, 3))} are right."
    low, high = percent(round(about.low, 2)), percent(round(about.high, 2))
    return (
        f"{sentence}: about {percent(round(about.value, 2))} of all {count(status.audit.size)} are "
        f"right ({low} to {high})."
    )


def by_class(project: Project, status: AuditStatus) -> str:
    """Wrong labels by the class that the teacher gave, most first."""
    label_set = project.label_set
    names = (
        {} if label_set is None else {k: label_set.names[p] for k, p in label_set.places.items()}
    )
    counts = sorted(status.per_class.items(), key=lambda part: -part[1].wrong)
    parts = [
        f"{names.get(key, key)} {count(part.wrong)} of {count(part.audited)}"
        for key, part in counts[:MOST_CLASSES]
    ]
    return "Wrong, by the teacher's label: " + " \u00b7 ".join(parts)


def lesser(certificate: Certificate) -> tuple[float, int] | None:
    """The best target that may be promised now, below the one that is wanted, and of how many."""
    best, place = certificate.best_target, certificate.best_set
    if certificate.certified is not None or best is None or place is None or best < 0.5:
        return None
    return best, certificate.sets[place].size


def title(audit: Audit) -> str:
    """An audit in a list: its number and what it is about."""
    people = " by two people" if audit.people == 2 else ""
    return f"Audit {audit.id}: {counted(audit.size, 'text')}{people}"
