"""An audit in sentences: what may be promised, what is not known yet, and how to go on."""

from __future__ import annotations

from llkd.evaluation.certificate import Certificate, worth_of_audit_labels
from llkd.evaluation.certificate.certify import USEFUL_SHARE
from llkd.store import Audit

LEAST_TO_FORECAST = 10
NEXT_LABELS = (25, 50, 100)


def share(value: float) -> str:
    """A share from 0 to 1 as it was set: 95 %, 97.5 %."""
    return f"{round(100 * value, 4):g} %"


def texts(number: int, kind: str = "text") -> str:
    """A number of texts or labels."""
    return f"{number:,} {kind}{'' if number == 1 else 's'}"


def promise(target: float, size: int, confidence_level: float, labels: int) -> str:
    """The sentence of a certificate, without what may be said against it."""
    these = "this 1 label is" if size == 1 else f"these {size:,} labels are"
    return (
        f"At least {share(target)} of {these} right ({share(confidence_level)} confidence), after "
        f"{texts(labels, 'audited text')}."
    )


def which_texts(audit: Audit, place: int) -> str:
    """Which texts the labels of a set are of."""
    line = audit.chain[place].threshold
    if line is None:
        return f"all {texts(audit.size)} that the audit draws from"
    size = audit.chain[place].size
    return f"the {texts(size)} of confidence {line:.4g} or more, of {audit.size:,}"


def outcome(audit: Audit, certificate: Certificate, answered: int) -> str:
    """What the answers given so far promise, in one sentence."""
    level, target = audit.confidence_level, share(certificate.target)
    if certificate.certified is not None:
        size = certificate.sets[certificate.certified].size
        return promise(certificate.target, size, level, answered)
    if not answered:
        return (
            f"Nothing is known yet: of the {texts(audit.size)} of audit {audit.id} nobody has "
            "labelled any."
        )
    now = f"nothing can be promised after {texts(answered, 'audited text')}"
    if certificate.best_target is not None and certificate.best_set is not None:
        size = certificate.sets[certificate.best_set].size
        now = (
            f"at least {share(certificate.best_target)} of {size:,} labels are right "
            f"({share(level)} confidence), after {texts(answered, 'audited text')}"
        )
    if certificate.reachable is False:
        return f"{target} is not reachable with {_useful(certificate)}: {now}."
    return f"{target} is not certified yet: {now}."


def _useful(certificate: Certificate) -> str:
    """Of what "not reachable" is said: the sets of a size that is of use, no others."""
    widest = certificate.sets[-1].size
    useful = sum(entry.size >= USEFUL_SHARE * widest for entry in certificate.sets)
    if useful == 1:
        return f"all {widest:,} texts"
    return "at least a fifth of these texts, the surest first"


def next_step(audit: Audit, certificate: Certificate, waiting: int, open_pairs: int) -> str:
    """What to do next, in one sentence."""
    if open_pairs:
        return f"Settle {texts(open_pairs)} that two people answered differently."
    if waiting and audit.people == 1:
        return (
            f"{texts(waiting, 'answer')} do not count yet: a text drawn before them has no answer."
        )
    if certificate.certified == len(certificate.sets) - 1:
        return "All texts that it draws from are certified."
    if not audit.open:
        return "The audit is closed."
    if certificate.certified is not None:
        return "Certify it, or label more: a larger set may pass."
    if certificate.reachable is False:
        if certificate.best_target is None:
            return "Keep fewer texts, or make the labels better, and audit again."
        return (
            "Certify what can be promised, keep fewer texts, or make the labels better and audit "
            "again."
        )
    if certificate.labels_to_go is None:
        return "Label more texts; whether it can be certified is not known yet."
    return (
        f"About {texts(certificate.labels_to_go, 'more label')} to a certificate, if they go on "
        "like this."
    )


def worth(audit: Audit, certificate: Certificate) -> str:
    """What the next labels are expected to bring of all texts; empty where it is not to be told.

    A forecast: it says what answers like those so far would do to the widest set, with its part of
    the error.
    """
    widest, level = certificate.sets[-1], audit.confidence_level
    more = sorted({min(part, widest.size - widest.audited) for part in NEXT_LABELS})
    if certificate.certified is not None or widest.audited < LEAST_TO_FORECAST or not more[0]:
        return ""
    forecast = worth_of_audit_labels(
        widest.size,
        widest.audited,
        widest.wrong,
        more,
        confidence_level=level,
        error_part=certificate.weights[-1],
        target=certificate.target,
    )
    parts = [
        f"{part.labels:,} more bring \u00b1 {100 * part.half_width:.0f} points and a promise of "
        f"about {share(round(part.lower, 2))} of all"
        for part in forecast
    ]
    return f"If answers go on like this, {'; '.join(parts)}."
