"""Which blind audit speaks of the labels of a project: the one with the most answers that count."""

from __future__ import annotations

from llkd.evaluation.audits.evidence import evidence_of
from llkd.evaluation.kept_quality import AuditSample
from llkd.store import Project, Store


def most_answered_audit(store: Store, project: Project) -> AuditSample | None:
    """The audit with the most answers that count, as its answers stand now; None without one."""
    samples = []
    for listed_audit in store.audits.all(project.id):
        audit = store.audits.get(project.id, listed_audit.id)
        population = store.audits.population(audit)
        answers = [entry.key for entry in evidence_of(store, audit).answers]
        samples.append(AuditSample(population.row, answers, population.confidence))
    return max(samples, key=lambda sample: len(sample.answers), default=None)
