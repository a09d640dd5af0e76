"""When a student may answer by itself: the labels that say so, and the certificate they give."""

from llkd.evaluation.answering.certificate import (
    AnswerCertificate,
    NotCertain,
    StudentAnswers,
    certify_answers,
)
from llkd.evaluation.answering.labels import CertifyingLabels, certifying_labels

__all__ = [
    "AnswerCertificate",
    "CertifyingLabels",
    "NotCertain",
    "StudentAnswers",
    "certify_answers",
    "certifying_labels",
]
