"""A certificate as it is given: what is promised is stored with all that it rests on."""

from __future__ import annotations

from typing import Any

from llkd import curation
from llkd.config.selection_rule import CertifiedRule
from llkd.errors import NotFound, UserError
from llkd.evaluation.audits import validity, wording
from llkd.evaluation.audits.evidence import AuditEvidence, evidence_of
from llkd.evaluation.audits.status import certificate_of, kappa_of
from llkd.evaluation.certificate import Certificate
from llkd.store import Audit, CertificateRecord, Project, Store
from llkd.store.audits import CertificateDocument


class NotCertified(UserError):
    """Nothing can be promised of today's labels; the message says why, and how to go on."""


def certify_audit(
    store: Store,
    audit: Audit,
    *,
    target: float | None = None,
    confidence_level: float | None = None,
) -> CertificateRecord:
    """Store what the audit promises, and save its texts as a selection, by which they are taken.

    ``target`` may be less than the audit's own: of all its promises, which hold together, the
    widest set that reaches it is taken. Raises NotCertified where nothing is promised so far, or
    edits or other labels are in the way; UserError where more is asked for than was fixed before
    the first answer.
    """
    wanted = audit.target if target is None else target
    _check(audit, wanted, confidence_level)
    evidence = evidence_of(store, audit)
    certificate = certificate_of(audit, evidence)
    place = _set_for(certificate, wanted)
    if place is None:
        outcome = wording.outcome(audit, certificate, len(evidence.answers))
        advice = wording.next_step(audit, certificate, evidence.waiting, 0)
        raise NotCertified(f"{outcome} {advice}")
    edits = validity.edits_of(store, audit, evidence, place)
    reason = validity.split_reason(store, audit, place)
    reason = reason or validity.edit_reason(audit, place, wanted, edits)
    if reason is not None:
        raise NotCertified(reason)
    project = store.projects.by_id(audit.project_id)
    plane = validity.todays_plane(store, project, audit)
    reason = validity.label_reason(store, audit, plane, place, wanted)
    if reason is not None:
        raise NotCertified(reason)
    document = document_of(store, audit, evidence, certificate, place, wanted)
    record = store.audits.certify(audit, document)
    saved_selection(store, project, record)
    detail = {"audit": audit.id, "certificate": record.id, "promise": document.promise}
    store.events.record(project.id, "certificate", detail)
    return record


def saved_selection(store: Store, project: Project, record: CertificateRecord) -> str:
    """The name of the saved selection of a certificate's texts; it is saved where it is not there.

    Raises UserError where today's labels are not those that were certified.
    """
    document = record.document
    rule = CertifiedRule(audit=document.audit, set=document.set)
    known = {entry.name: entry.rule for entry in store.selections.all(project.id)}
    same = [name for name, other in known.items() if other == rule]
    if same:
        return same[0]
    name = f"certified {wording.share(document.target)} (audit {document.audit})"
    if name in known:
        name = f"{name}, {document.size:,} texts"
    texts = curation.apply_rule(store, project, rule)
    store.selections.save(project.id, name, rule, curation.summary(texts.plane, texts.mask))
    return name


def newest_certificate(
    store: Store, project: Project, number: int | None = None
) -> CertificateRecord:
    """The newest certificate of an audit, or of all audits. Raises NotFound where there is none."""
    audits = (
        store.audits.all(project.id) if number is None else [store.audits.get(project.id, number)]
    )
    records = [record for audit in audits for record in store.audits.certificates(audit)]
    if not records:
        what = "Nothing of this project" if number is None else f"Nothing by audit {number}"
        raise NotFound(
            f"{what} is certified yet. Certify with: llkd certify "
            f"{curation.quoted(project.name)}" + ("" if number is None else f" --audit {number}")
        )
    return max(records, key=lambda record: record.id)


def certificate_for(
    store: Store, project: Project, rule: CertifiedRule
) -> CertificateRecord | None:
    """The strongest certificate of exactly that set; None where it has none."""
    audit = curation.audit_of(store, project.id, rule)
    records = [r for r in store.audits.certificates(audit) if r.document.set == rule.set]
    return max(
        records,
        key=lambda r: (r.document.target, r.document.confidence_level, r.id),
        default=None,
    )


def _check(audit: Audit, target: float, confidence_level: float | None) -> None:
    if not 0.0 < target <= audit.target:
        raise UserError(
            f"Audit {audit.id} was begun to promise {wording.share(audit.target)} at most; "
            f"{wording.share(target)} was not asked for before its first answer. Start another "
            "audit with that target."
        )
    if confidence_level is not None and confidence_level != audit.confidence_level:
        raise UserError(
            f"Audit {audit.id} was begun for {wording.share(audit.confidence_level)} confidence. "
            f"Start another audit for {wording.share(confidence_level)}."
        )


def _set_for(certificate: Certificate, target: float) -> int | None:
    """The widest set of which that much is promised."""
    places = [
        place
        for place, entry in enumerate(certificate.sets)
        if entry.size and entry.lower >= target - 1e-12
    ]
    return max(places, default=None)


def document_of(
    store: Store,
    audit: Audit,
    evidence: AuditEvidence,
    certificate: Certificate,
    place: int,
    target: float,
) -> CertificateDocument:
    """What is stored of the promise that ``target`` of the set at ``place`` are right."""
    entry, settings, n = certificate.sets[place], audit.settings, len(evidence.answers)
    kappa = kappa_of(evidence) if audit.people > 1 else None
    values: dict[str, Any] = {
        name: getattr(settings, name)
        for name in (
            "chain",
            "starts",
            "order_sha256",
            "population_sha256",
            "rule",
            "calibration",
            "labeling_run",
        )
    }
    # Also those that began after it and side by side with it: who begins several may be waiting for
    # the first that passes.
    others = sum(other.id != audit.id for other in store.audits.all(audit.project_id))
    return CertificateDocument(
        **values,
        audit=audit.id,
        set=place,
        size=entry.size,
        target=target,
        audit_target=audit.target,
        confidence_level=audit.confidence_level,
        labels=n,
        labels_in_set=entry.audited,
        wrong_in_set=entry.wrong,
        cannot_tell=evidence.cannot_tell,
        p_value=entry.p_value,
        promise=wording.promise(target, entry.size, audit.confidence_level, n),
        people=tuple(
            sorted({answer.who for answer in evidence.answers} | set(evidence.answered_by))
        ),
        two_people=audit.people > 1,
        kappa=None if kappa is None else kappa.kappa,
        taken_back=evidence.taken_back,
        earlier_audits=max(others, settings.earlier_audits),
        seed=audit.seed,
        labels_sha256=evidence.sha256(n),
        teacher_fingerprint=store.labeling_runs.get(audit.labeling_run).fingerprint,
    )
