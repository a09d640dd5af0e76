"""A certificate as exports and cards print it: what it says, what not, what would break it."""

from __future__ import annotations

import time
from typing import Any

from llkd.config.selection_rule import CertifiedRule
from llkd.curation import Plane
from llkd.evaluation.audits import validity, wording
from llkd.evaluation.audits.certificates import certificate_for
from llkd.evaluation.audits.evidence import evidence_of
from llkd.store import Project, Store

SAYS_NOT = (
    "It speaks of the teacher's labels of exactly these texts, not of new texts, and not of what a "
    "student answers. Right is what the people who audited say; a text of which they could not "
    "tell counts as wrong. Nobody watched that they did not look up the teacher's label."
)
WOULD_BREAK = (
    "It would break if people changed labels of these texts outside the audit, if another teacher, "
    "calibration or set of texts took their place, if answers were taken back, or if the audited "
    "texts were not those that were drawn at random."
)


def certificate_facts(
    store: Store,
    project: Project,
    rule: CertifiedRule,
    *,
    at: float | None = None,
    plane: Plane | None = None,
) -> dict[str, Any]:
    """The certificate of a set as a document for manifests and cards.

    Edits are those that people had made at the moment ``at`` (now); the teacher's labels are
    compared with those on the ``plane``, where one is given. ``holds`` says whether it stands;
    ``sentence`` is what may be said, ``broken`` why it may not. ``texts_here`` are those of the set
    that nobody excluded, of which at least ``right_here`` are right.
    """
    record = certificate_for(store, project, rule)
    if record is None:
        reason = f"Audit {rule.audit} has certified nothing of these texts."
        return {"sentence": reason, "holds": False, "broken": reason, "audit": rule.audit}
    audit = store.audits.get(project.id, rule.audit)
    evidence = evidence_of(store, audit)
    document = record.document
    broken = validity.broken(store, audit, record, evidence, plane, at)
    edits = validity.edits_of(store, audit, evidence, document.set, at)
    relabelled, excluded = len(edits.relabelled), len(edits.excluded)
    here = document.size - excluded
    right_here = validity.kept_promise(document.size, document.target, relabelled, excluded)
    sentence = document.promise
    if broken is not None:
        sentence = f"The certificate of audit {audit.id} does not hold. {broken}"
    elif excluded:
        sentence += (
            f" Of the {here:,} that are here, {wording.texts(excluded, 'text')} having been "
            f"excluded since, at least {wording.share(right_here)}."
        )
    values = document.model_dump(mode="json")
    values.pop("promise")
    return {
        "sentence": sentence,
        "holds": broken is None,
        "broken": broken,
        "number": record.id,
        "given": time.strftime("%Y-%m-%d", time.gmtime(record.created)),
        **values,
        "texts_here": here,
        "excluded": excluded,
        "relabelled": relabelled,
        "right_here": right_here,
        "says_not": SAYS_NOT,
        "would_break": WOULD_BREAK,
    }
