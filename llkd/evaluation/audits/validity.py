"""What breaks a certificate: other answers, edits that nobody checked, other teacher labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llkd import curation
from llkd.config import ClassKey
from llkd.curation import Plane
from llkd.evaluation.audits.evidence import AuditEvidence, same_class
from llkd.evaluation.audits.wording import share, texts
from llkd.selection.signals import Ints
from llkd.store import Audit, CertificateRecord, Project, Store


@dataclass(frozen=True)
class Edits:
    """What people did to the texts of a set besides auditing them: rows, ascending.

    ``relabelled`` have another label than the teacher's and than the audit's answer.
    """

    relabelled: Ints
    excluded: Ints


def edits_of(
    store: Store, audit: Audit, evidence: AuditEvidence, place: int, at: float | None = None
) -> Edits:
    """The edits of the texts of the set at ``place`` that the audit itself did not make.

    Those of now, or of the moment ``at``.
    """
    population = store.audits.population(audit)
    decisions = store.decisions.current(audit.project_id, at)
    inside = population.level <= place
    label = dict(zip(population.row[inside].tolist(), population.label[inside], strict=True))
    decisions = decisions[decisions.index.isin(list(label))]
    same = same_class(store, audit.project_id)
    relabelled, excluded = [], []
    for row, key, out in zip(
        decisions.index.tolist(), decisions["human_key"], decisions["excluded"], strict=True
    ):
        if out:
            excluded.append(row)
        elif isinstance(key, str):
            answer = evidence.settled.get(row)
            known = [label[row], *([] if answer is None else [answer])]
            if same(ClassKey(key)) not in [same(ClassKey(str(entry))) for entry in known]:
                relabelled.append(row)
    return Edits(np.sort(np.array(relabelled, np.int64)), np.sort(np.array(excluded, np.int64)))


def split_reason(store: Store, audit: Audit, place: int) -> str | None:
    """Why a class that was split breaks a promise; None where no text of the set carries one."""
    label_set = store.projects.by_id(audit.project_id).label_set
    split = [] if label_set is None else label_set.split_classes
    if not split:
        return None
    population = store.audits.population(audit)
    label = population.label[population.level <= place]
    for old in split:
        count = int(np.isin(label, [old.identity, *old.also]).sum())
        if count:
            return (
                f"The class {old.name!r} was split, and {texts(count, 'label')} of these "
                f"{len(label):,} {'is' if count == 1 else 'are'} {old.name!r}: nobody has said "
                "which of its parts each is of. Undo the split, or start another audit."
            )
    return None


def edit_reason(audit: Audit, place: int, target: float, edits: Edits) -> str | None:
    """Why edits break a promise, and what is left of it; None where there are none."""
    count = len(edits.relabelled)
    if not count:
        return None
    size = audit.chain[place].size
    left = kept_promise(size, target, count, 0)
    return (
        f"{texts(count, 'label')} of these {size:,} {'was' if count == 1 else 'were'} changed by "
        "people outside the audit, which nobody has checked. What is left: with "
        f"{'it' if count == 1 else 'all of them'} counted as wrong, at least {share(left)} are "
        f"right. Undo {'that change' if count == 1 else 'these changes'}, or start another audit."
    )


def kept_promise(size: int, target: float, relabelled: int, excluded: int) -> float:
    """The share right that is left after edits, rounded down to a whole percent.

    Of ``size`` labels at most (1 - target) are wrong; every changed one may be wrong now, and every
    excluded one may have been right.
    """
    wrong = int(np.floor((1 - target) * size + 1e-9)) + relabelled
    rest = size - excluded
    return max(0.0, np.floor(100 * (1 - wrong / rest) + 1e-9) / 100) if rest > 0 else 0.0


def broken(
    store: Store,
    audit: Audit,
    record: CertificateRecord,
    evidence: AuditEvidence,
    plane: Plane | None = None,
    at: float | None = None,
) -> str | None:
    """Why a certificate does not hold now, in a sentence; None where it holds.

    Teacher labels are compared with those on the ``plane``, where one is given; people's edits are
    those of now, or of the moment ``at``.
    """
    document = record.document
    if document.population_sha256 != audit.settings.population_sha256:
        return "The texts that were drawn from are not those of this audit."
    if len(evidence.answers) < document.labels:
        missing = document.labels - len(evidence.answers)
        return (
            f"{texts(missing, 'answer')} that it rests on {'was' if missing == 1 else 'were'} "
            "taken back. Answer these texts again, and certify anew."
        )
    if evidence.sha256(document.labels) != document.labels_sha256:
        return "Answers that it rests on are others now. Certify anew."
    reason = split_reason(store, audit, document.set)
    if reason is not None:
        return reason
    edits = edits_of(store, audit, evidence, document.set, at)
    reason = edit_reason(audit, document.set, document.target, edits)
    if reason is None and plane is not None:
        reason = label_reason(store, audit, plane, document.set, document.target)
    return reason


def label_reason(
    store: Store, audit: Audit, plane: Plane, place: int, target: float | None = None
) -> str | None:
    """Why the audit does not speak of the labels on a plane; None where it does.

    Where classes were merged since, what is left of the promise of ``target`` is said.
    """
    changed = int(curation.changed_labels(store, audit, plane, place).sum())
    if not changed:
        return None
    same = plane.labeling_run.id == audit.labeling_run and plane.calibration == audit.calibration
    merges = [moment for moment, _ in store.classes.before_merges(audit.project_id)]
    if not same or target is None or all(moment <= audit.created for moment in merges):
        return curation.changed_sentence(audit, plane, place, store)
    size = audit.chain[place].size
    return (
        f"Classes were merged since, and {texts(changed, 'label')} of these {size:,} "
        f"{'is' if changed == 1 else 'are'} the merged class now: together its parts outweigh what "
        f"was audited. What is left: with {'it' if changed == 1 else 'all of them'} counted as "
        f"wrong, at least {share(kept_promise(size, target, changed, 0))} are right. Undo the "
        "merge, or start another audit."
    )


def todays_plane(store: Store, project: Project, audit: Audit) -> Plane:
    """The labels that are in use today, on a plane without the student's signals."""
    run = next((run for run in store.runs.all(project.id) if run.id == audit.rule.run), None)
    return curation.load_plane(store, project, run=run, need=False)
