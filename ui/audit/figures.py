"""What is known of an audit: as it stands, or, while it is answered, as of some answers ago."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd.evaluation import audits
from llkd.evaluation.audits import AuditStatus
from llkd.store import Audit, Project, Store
from ui.shell import reads

STEP = 5
"""Figures on the desk follow after so many answers: none says whether the last was right."""


def on_desk(store: Store, audit: Audit, *, follow: bool = False) -> AuditStatus:
    """What the desk shows: as of its last look; with ``follow`` it looks again after a step."""
    key = _key(audit)
    held: tuple[int, int, AuditStatus] | None = st.session_state.get(key)
    if held is not None and not follow:
        return held[2]
    standing = store.audits.answers(audit)
    final = sum(entry.final for entry in standing)
    number = len(standing) - final
    if held is None or held[1] != final or abs(number - held[0]) >= STEP:
        held = (number, final, audits.audit_status(store, audit, check_labels=False))
        st.session_state[key] = held
    return held[2]


def forget(audit: Audit) -> None:
    """Look anew: the desk is left, or something was certified."""
    st.session_state.pop(_key(audit), None)


def now(store: Store, project: Project, audit: Audit) -> AuditStatus:
    """What an audit says now, computed once for all sessions until something of it changes."""
    run = store.labeling_runs.get(audit.labeling_run)
    key = (
        reads.home_of(store),
        audit.id,
        store.audits.version(project.id),
        store.decisions.version(project.id),
        reads.labels_version(store, run),
        reads.calibration_key(store, run, audit.calibration),
    )
    return _now(key, store, audit)


@st.cache_resource(show_spinner=False, max_entries=32)
def _now(key: tuple[Any, ...], _store: Store, _audit: Audit) -> AuditStatus:
    return audits.audit_status(_store, _audit)


def _key(audit: Audit) -> str:
    return f"_audit_figures_{audit.id}"
