"""What a blind audit shows: the certificate, and estimates that are none.

Pure functions of counts and arrays (docs/method.md, section 8).
"""

from llkd.evaluation.certificate.agreement import Kappa, cohen_kappa
from llkd.evaluation.certificate.alpha import Alpha, krippendorff_alpha
from llkd.evaluation.certificate.certify import Certificate, SetEvidence, certify
from llkd.evaluation.certificate.corrections import (
    Corrections,
    doubtful_texts,
    worth_of_corrections,
)
from llkd.evaluation.certificate.precision import (
    PrecisionEstimate,
    exact_interval,
    kept_precision,
)
from llkd.evaluation.certificate.worth import (
    AuditWorth,
    Gain,
    worth_of_audit_labels,
    worth_of_teacher_labels,
)

__all__ = [
    "Alpha",
    "AuditWorth",
    "Certificate",
    "Corrections",
    "Gain",
    "Kappa",
    "PrecisionEstimate",
    "SetEvidence",
    "certify",
    "cohen_kappa",
    "doubtful_texts",
    "exact_interval",
    "kept_precision",
    "krippendorff_alpha",
    "worth_of_audit_labels",
    "worth_of_corrections",
    "worth_of_teacher_labels",
]
