"""Blind audits: people label texts drawn at random, and what may be promised of the labels.

Torch-free: pages, command line and library share it.
"""

from llkd.evaluation.audits.answering import (
    SOMEBODY,
    Disagreement,
    adjudicate,
    answer,
    answer_all,
    disagreements,
    next_rows,
    undo_answer,
)
from llkd.evaluation.audits.certificates import (
    NotCertified,
    certificate_for,
    certify_audit,
    newest_certificate,
    saved_selection,
)
from llkd.evaluation.audits.facts import certificate_facts
from llkd.evaluation.audits.population import start_audit
from llkd.evaluation.audits.status import (
    AuditStatus,
    ClassCounts,
    StandingCertificate,
    audit_status,
)

__all__ = [
    "SOMEBODY",
    "AuditStatus",
    "ClassCounts",
    "Disagreement",
    "NotCertified",
    "StandingCertificate",
    "adjudicate",
    "answer",
    "answer_all",
    "audit_status",
    "certificate_facts",
    "certificate_for",
    "certify_audit",
    "disagreements",
    "newest_certificate",
    "next_rows",
    "saved_selection",
    "start_audit",
    "undo_answer",
]
