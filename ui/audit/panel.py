"""The audit on Curate: the one button that begins it, what earlier ones say, and the desk."""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np
import streamlit as st

from llkd.config.selection_rule import ThresholdRule
from llkd.evaluation import audits
from llkd.store import Audit, Project, Store
from ui.audit import figures, opening, outcome, words
from ui.audit.desk import draw_desk
from ui.curate.state import AUDIT, CurateState, rerun_page
from ui.shell.authorship import author
from ui.shell.errors import defer_errors, show_errors
from ui.shell.wording import count, counted, plain, when

Of = Literal["kept", "pool"]
TARGET, LEVEL = 95.0, 95.0
DOUBLE_CLICK = 2.0
"""Seconds within which a second audit is the second press of a double click."""
is_open = opening.is_open


def desk(store: Store, project: Project) -> bool:
    """Draw the audit that is open, in place of all else; False where none is.

    An audit is blind, and plane and table show what the teacher says.
    """
    audit = opening.on_desk(store, project)
    if audit is not None:
        draw_desk(store, project, audit)
    return audit is not None


@st.fragment(key=AUDIT)
def panel(store: Store, project: Project) -> None:
    """Begin an audit of what the page keeps, or see what the earlier ones say."""
    with show_errors():
        scene = CurateState(store, project)
        with st.container(border=True, key="audit_panel"):
            known = store.audits.all(project.id)
            newest = next((a for a in known if a.open), known[0] if known else None)
            if newest is not None:
                _newest(scene, newest)
            with st.container(horizontal=True, vertical_alignment="center"):
                if newest is not None:
                    _resume_button(scene, newest)
                _start(scene, first=newest is None)
                if len(known) > 1:
                    _earlier(scene, known)


@defer_errors
def begin(store: Store, project: Project, of: Of = "kept") -> None:
    """From a callback: begin an audit of what the page keeps, or of the whole pool, and open it."""
    second = _begun_just_now(store, project)
    if second is not None:
        opening.open_audit(project, second)
        rerun_page()
        return
    scene = CurateState(store, project)
    rule = scene.rule
    if of == "pool":
        rule = ThresholdRule(
            calibration=scene.plane.calibration, run=scene.view.run, epoch=scene.view.epoch
        )
    audit = audits.start_audit(
        store,
        project,
        rule,
        who=author().who,
        target=_option("audit_target", TARGET) / 100,
        confidence_level=_option("audit_level", LEVEL) / 100,
        people=2 if st.session_state.get("audit_two") else 1,
    )
    opening.open_audit(project, audit)
    rerun_page()


def _begun_just_now(store: Store, project: Project) -> Audit | None:
    """The audit that the first press of a double click began: two would share what may be wrong."""
    newest = next(iter(store.audits.all(project.id)), None)
    if newest is None or not newest.open or newest.who != author().who:
        return None
    unanswered = not audits.audit_status(store, newest).answered
    return newest if unanswered and time.time() - newest.created < DOUBLE_CLICK else None


def _option(key: str, usual: float) -> float:
    value = st.session_state.get(key, usual)
    return float(value) if isinstance(value, int | float) else usual


def _newest(scene: CurateState, audit: Audit) -> None:
    """What the newest audit says, of its own texts."""
    outcome.show(scene.store, scene.project, figures.now(scene.store, scene.project, audit))
    if _another_set(scene, audit):
        st.caption(
            f"What you keep now ({counted(scene.counts['kept'], 'text')}) is another set than the "
            f"{count(audit.size)} texts of audit {count(audit.id)}: a certificate goes on speaking "
            "of those, as they were when it began."
        )


def _resume_button(scene: CurateState, audit: Audit) -> None:
    st.button(
        f"Go on with audit {count(audit.id)}",
        icon=":material/quiz:",
        key=f"audit_resume_{audit.id}",
        on_click=_resume,
        args=(scene.store, scene.project, audit),
    )


def _another_set(scene: CurateState, audit: Audit) -> bool:
    """Whether the page keeps other texts than the audit drew from, people's own apart."""
    frame = scene.plane.frame
    mine = scene.kept_mask & (frame["teacher_label"].to_numpy() >= 0)
    rows = frame["row"].to_numpy()
    population = np.isin(rows, scene.store.audits.order(audit))
    return bool((population & ~mine & ~frame["excluded"].to_numpy()).any()) or bool(
        (mine & ~population & (frame["human_label"].to_numpy() < 0)).any()
    )


def _start(scene: CurateState, *, first: bool) -> None:
    number = scene.counts["kept"]
    st.button(
        "Audit what I keep",
        icon=":material/fact_check:",
        key="audit_begin",
        disabled=not number,
        on_click=begin,
        args=(scene.store, scene.project),
        help="Shows you texts at random from those you keep, without the teacher's label. What you "
        "answer says how many of its labels are right, and can certify them.",
    )
    with st.popover("Options", icon=":material/tune:", key="audit_options_box"):
        for label, key, usual, meaning in (
            ("Labels to be right, %", "audit_target", TARGET, "What is to be promised."),
            ("Confidence, %", "audit_level", LEVEL, "How sure the promise is."),
        ):
            settings: dict[str, Any] = {"step": 0.5, "format": "%g", "persist_state": "session"}
            st.number_input(plain(label), 50.0, 99.9, usual, key=key, help=meaning, **settings)
        st.toggle(
            "Two people label each text",
            key="audit_two",
            persist_state="session",
            help="The same texts in the same order, each blind to the other. What they disagree on "
            "is settled afterwards, and the certificate rests on that.",
        )
    if first:
        st.markdown(
            "Label texts at random, without seeing the teacher's label, until "
            f"{words.percent(_option('audit_target', TARGET) / 100)} can be promised or cannot.",
            width="stretch",
        )


def _earlier(scene: CurateState, known: list[Audit]) -> None:
    with st.popover(f"All audits ({len(known)})", icon=":material/history:", key="audits_box"):
        for audit in known:
            state = "" if audit.open else ", closed"
            by = f"begun {when(audit.created)} by {audit.who}{state}"
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(plain(f"{words.title(audit)}, {by}."), width="stretch")
                st.button(
                    "Open",
                    key=f"audit_open_{audit.id}",
                    on_click=_resume,
                    args=(scene.store, scene.project, audit),
                )


@defer_errors
def _resume(store: Store, project: Project, audit: Audit) -> None:
    if not audit.open:
        store.audits.set_open(audit, True)
    opening.open_audit(project, audit)
    rerun_page()
