"""The texts of a certified set: frozen by an audit, as long as their labels are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from llkd.config.selection_rule import CertifiedRule, StandaloneRule
from llkd.curation.evaluation_rows import key_indices
from llkd.curation.plane import Plane
from llkd.errors import LLKDError, NotFound, UserError
from llkd.selection.signals import Ints
from llkd.store import Audit, Store


def audit_of(store: Store, project_id: int, rule: CertifiedRule) -> Audit:
    """The audit that a rule names. Raises NotFound where it, or that set of it, is not there."""
    audit = store.audits.get(project_id, rule.audit)
    if rule.set >= len(audit.chain):
        raise NotFound(
            f"Audit {audit.id} has {len(audit.chain)} nested sets, so there is no set {rule.set}."
        )
    return audit


def set_rows(store: Store, audit: Audit, place: int) -> Ints:
    """The rows of the set at a place of the chain, ascending, as they were frozen."""
    population = store.audits.population(audit)
    return np.sort(population.row[population.level <= place])


def frozen_rows(store: Store, project_id: int, rule: StandaloneRule) -> Ints | None:
    """The rows of a certified set whatever today's labels are; None for any other rule."""
    if not isinstance(rule, CertifiedRule):
        return None
    return set_rows(store, audit_of(store, project_id, rule), rule.set)


def lost_audit(
    store: Store, project_id: int, rule: StandaloneRule, certificate: Mapping[str, Any] | None
) -> list[str]:
    """Why the texts that a manifest's ``certificate`` names are not there; nothing if they are."""
    if not isinstance(rule, CertifiedRule):
        return []
    try:
        now = store.audits.population(audit_of(store, project_id, rule)).sha256
    except LLKDError as error:
        return [str(error)]
    same = now == (certificate or {}).get("population_sha256", now)
    return [] if same else [f"Audit {rule.audit} draws from other texts."]


def certified_rows(store: Store, plane: Plane, rule: CertifiedRule) -> Ints:
    """The rows of a certified set, ascending.

    Raises UserError where the teacher's labels on the plane are not those that were audited:
    another calibration, another labelling run, or answers that came since.
    """
    audit = audit_of(store, plane.project.id, rule)
    if changed_labels(store, audit, plane, rule.set).any():
        raise UserError(changed_sentence(audit, plane, rule.set, store))
    return set_rows(store, audit, rule.set)


def changed_labels(store: Store, audit: Audit, plane: Plane, place: int) -> np.ndarray:
    """Which texts of a set have another teacher label on the plane than when they were frozen.

    A mask over the set's texts in the order of drawing.
    """
    population = store.audits.population(audit)
    inside = population.level <= place
    rows, frozen = population.row[inside], population.label[inside]
    frame = plane.frame
    at = np.minimum(np.searchsorted(frame["row"].to_numpy(), rows), max(0, len(frame) - 1))
    there = frame["row"].to_numpy()[at] == rows if len(frame) else np.zeros(len(rows), bool)
    now = frame["teacher_label"].to_numpy()[at]
    then = key_indices(pd.Series(frozen), plane.classes)
    return np.asarray(~there | (now != then) | (then < 0))


def changed_sentence(audit: Audit, plane: Plane, place: int, store: Store) -> str:
    """Why the certificate does not speak of the labels on the plane, and how to go on."""
    changed = int(changed_labels(store, audit, plane, place).sum())
    if plane.labeling_run.id != audit.labeling_run:
        why = (
            f"they are of labelling run {plane.labeling_run.id}, and run {audit.labeling_run} was "
            "audited. Put that run in use again"
        )
    elif plane.calibration != audit.calibration:
        why = (
            f"the calibration is {plane.calibration!r}, and {audit.calibration!r} was audited. Set "
            "that one again"
        )
    else:
        why = (
            "its scores or what the calibration rests on are others since. Export as before from "
            "an earlier manifest"
        )
    return (
        f"Audit {audit.id} does not speak of today's labels: {changed:,} of "
        f"{audit.chain[place].size:,} teacher labels are others, because {why}, or start another "
        "audit."
    )
