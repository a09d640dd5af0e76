"""How right what is kept is, computed once for each selection and shared by pages and sessions."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from llkd import curation
from llkd.config.selection_rule import StandaloneRule, ThresholdRule
from llkd.curation import Plane
from llkd.evaluation.audits.samples import most_answered_audit
from llkd.evaluation.kept_quality import AuditSample, KeptQuality, Line, kept_quality
from llkd.store import Project, Store
from ui.curate import view
from ui.curate.reading.gates import Gate
from ui.curate.state import CurateState
from ui.shell import reads


def of_scene(
    scene: CurateState, rule: ThresholdRule | None = None, gate: Gate | None = None
) -> KeptQuality:
    """Of what the page keeps now, or would keep by another rule of the same signals and a gate."""
    if rule is None:
        rule, gate = scene.view, scene.gate
    return _of_thresholds_now(
        scene.store, scene.project, scene.plane, scene.key, scene.people, rule, gate
    )


def of_rule(store: Store, project: Project, rule: StandaloneRule) -> tuple[KeptQuality, int]:
    """Of what any rule keeps by now, and how many texts that are."""
    plane, mask, rule, run = view.applied(store, project, rule)
    if not isinstance(rule, ThresholdRule):
        return kept_quality(plane, mask), int(mask.sum())
    source: dict[str, Any] = {"calibration": rule.calibration, "run": run, "epoch": rule.epoch}
    key = reads.plane_key(store, project, **source)
    people = store.decisions.version(project.id)
    return _of_thresholds_now(store, project, plane, key, people, rule), int(mask.sum())


def _of_thresholds_now(
    store: Store,
    project: Project,
    plane: Plane,
    key: tuple[Any, ...],
    people: str,
    rule: ThresholdRule,
    gate: Gate | None = None,
) -> KeptQuality:
    audit = most_answered_audit(store, project)
    answers = None if audit is None else tuple(audit.answers)
    return _of_thresholds(key, people, repr((rule, answers, gate)), plane, rule, audit, gate)


@st.cache_resource(show_spinner=False, max_entries=64)
def _of_thresholds(
    key: tuple[Any, ...],
    people: str,
    written: str,
    _plane: Plane,
    _rule: ThresholdRule,
    _audit: AuditSample | None,
    _gate: Gate | None,
) -> KeptQuality:
    teacher, student = _rule.teacher_threshold, _rule.student_threshold
    without: dict[Line, np.ndarray] = {}
    if student:
        without["uncertainty"] = curation.passing_rows(_plane, teacher, 0.0)
    if teacher:
        without["confidence"] = curation.passing_rows(_plane, 0.0, student)
    passing = curation.passing_rows(_plane, teacher, student)
    kept_rows = curation.rows_kept_by(_plane, _rule)
    if _gate is not None:
        human = _plane.frame["human_label"].to_numpy() >= 0
        kept_rows = kept_rows & (_gate.rows | human)
        passing = passing & _gate.rows
        without = {line: rows & _gate.rows for line, rows in without.items()}
    return kept_quality(_plane, kept_rows, passing, without, _audit)
