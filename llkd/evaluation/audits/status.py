"""Where an audit stands: what it promises, what it estimates, what is missing, what is broken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llkd import curation
from llkd.config import ClassKey
from llkd.evaluation.audits import validity, wording
from llkd.evaluation.audits.answering import disagreements
from llkd.evaluation.audits.evidence import AuditEvidence, evidence_of, same_class
from llkd.evaluation.certificate import (
    Certificate,
    Kappa,
    PrecisionEstimate,
    certify,
    cohen_kappa,
    kept_precision,
)
from llkd.store import Audit, CertificateRecord, Store


@dataclass(frozen=True)
class ClassCounts:
    """Of the texts that the teacher gave one class: how many are audited, how many are wrong."""

    audited: int
    wrong: int


@dataclass(frozen=True)
class StandingCertificate:
    """A stored certificate, and why it does not hold (any more); None where it holds."""

    record: CertificateRecord
    broken: str | None


@dataclass(frozen=True)
class AuditStatus:
    """Where an audit stands.

    ``answered`` texts count: a beginning of the order of drawing without a gap. ``waiting`` were
    answered beyond it, or by one of two people. ``broken`` says why nothing can be promised of
    today's labels; ``sentence`` is what to say first, ``next_step`` what to do, ``worth`` what the
    next labels may bring. ``precision`` estimates the share right of all that it draws from;
    ``kappa`` is how far two people agree, None where one audits.
    """

    audit: Audit
    answered: int
    waiting: int
    answered_by: dict[str, int]
    wrong: int
    cannot_tell: int
    taken_back: int
    per_class: dict[ClassKey, ClassCounts]
    certificate: Certificate
    disagreements: int
    certificates: tuple[StandingCertificate, ...]
    broken: tuple[str, ...]
    sentence: str
    next_step: str
    worth: str
    precision: PrecisionEstimate | None
    kappa: Kappa | None


def audit_status(store: Store, audit: Audit, *, check_labels: bool = True) -> AuditStatus:
    """Where an audit stands now.

    Without ``check_labels`` today's teacher labels are not compared with the frozen ones, which
    takes reading all scores. Raises StoreError where the frozen texts are damaged.
    """
    evidence = evidence_of(store, audit)
    certificate = certificate_of(audit, evidence)
    project = store.projects.by_id(audit.project_id)
    plane = validity.todays_plane(store, project, audit) if check_labels else None
    standing = tuple(
        StandingCertificate(record, validity.broken(store, audit, record, evidence, plane))
        for record in store.audits.certificates(audit)
    )
    place = certificate.certified
    if place is None:
        place = len(audit.chain) - 1 if certificate.best_set is None else certificate.best_set
    reasons = [validity.split_reason(store, audit, place)]
    if certificate.best_target is not None:
        edits = validity.edits_of(store, audit, evidence, place)
        reasons.append(validity.edit_reason(audit, place, certificate.best_target, edits))
    if plane is not None:
        reasons.append(validity.label_reason(store, audit, plane, place, certificate.best_target))
    broken = tuple(reason for reason in reasons if reason is not None)
    open_pairs = len(disagreements(store, audit)) if audit.people > 1 else 0
    sentence = wording.outcome(audit, certificate, len(evidence.answers))
    if broken:
        sentence = f"Nothing is promised of today's labels. {broken[0]}"
    added = curation.added_since(project, curation.known_to_audit(project, audit))
    sentence = f"{sentence} {added}".strip()
    return AuditStatus(
        audit=audit,
        answered=len(evidence.answers),
        waiting=evidence.waiting,
        answered_by=evidence.answered_by,
        wrong=int((~evidence.right).sum()),
        cannot_tell=evidence.cannot_tell,
        taken_back=evidence.taken_back,
        per_class=_per_class(store, audit, evidence),
        certificate=certificate,
        disagreements=open_pairs,
        certificates=standing,
        broken=broken,
        sentence=sentence,
        next_step=wording.next_step(audit, certificate, evidence.waiting, open_pairs),
        worth=wording.worth(audit, certificate),
        precision=_precision(store, audit, evidence),
        kappa=kappa_of(evidence) if audit.people > 1 else None,
    )


def certificate_of(audit: Audit, evidence: AuditEvidence) -> Certificate:
    """What the answers promise, by the target that was fixed before the first of them."""
    return certify(
        [entry.size for entry in audit.chain],
        evidence.level,
        evidence.right,
        target=audit.target,
        confidence_level=audit.confidence_level,
        starts=audit.settings.starts,
    )


def _precision(store: Store, audit: Audit, evidence: AuditEvidence) -> PrecisionEstimate | None:
    confidence = store.audits.population(audit).confidence
    everything = np.ones(len(confidence), dtype=bool)
    beginning = np.arange(len(evidence.answers))
    return kept_precision(confidence, everything, beginning, evidence.right)


def kappa_of(evidence: AuditEvidence) -> Kappa:
    """Over the texts that both answered; "none of the classes" is an answer like any."""
    numbers: dict[ClassKey | None, int] = {}
    codes = [[numbers.setdefault(key, len(numbers)) for key in pair] for pair in evidence.pairs]
    first, second = (np.array([pair[side] for pair in codes], dtype=np.int64) for side in (0, 1))
    return cohen_kappa(first, second)


def _per_class(store: Store, audit: Audit, evidence: AuditEvidence) -> dict[ClassKey, ClassCounts]:
    n = len(evidence.answers)
    same = same_class(store, audit.project_id)
    frozen = store.audits.population(audit).label[:n].tolist()
    label = np.array([same(ClassKey(str(key))) for key in frozen], dtype=str)
    return {
        ClassKey(key): ClassCounts(
            int((label == key).sum()), int((~evidence.right[label == key]).sum())
        )
        for key in sorted(np.unique(label).tolist())
    }
