"""The desk: one audit while it is answered, its card on the left, what is known on the right.

The teacher's labels are nowhere on it. The figures follow in steps of five answers, so that none
of them says whether the last answer was the teacher's.
"""

from __future__ import annotations

import streamlit as st

from llkd.store import Audit, Project, Store
from ui.audit import answering, figures, opening, outcome, words
from ui.audit.answering import Kind, Sitting
from ui.curate.state import rerun
from ui.review_card import Report, read_report, review_card
from ui.shell.authorship import Author, signs_by_typing
from ui.shell.errors import defer_errors, show_errors
from ui.shell.wording import plain

CARD, STATUS = "audit-card", "audit-status"
_FAILED = "_audit_press_failed"


def draw_desk(store: Store, project: Project, audit: Audit) -> None:
    """An audit with its card, or first the question who sits here."""
    with st.container(horizontal=True, vertical_alignment="center", key="audit_head"):
        st.markdown(f"**{plain(words.title(audit))}.** {words.population(audit)}", width="stretch")
        st.button(
            "Back to the plane",
            icon=":material/arrow_back:",
            key="audit_close",
            on_click=_close,
            args=(project, audit),
            help="The audit goes on where you left it whenever you open it again.",
        )
    me = opening.signer(audit)
    if me is None:
        _who(store, audit)
        return
    kind = _kind(project, audit, me)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _card(store, project, audit.id, kind)
    with right:
        _status(store, project, audit.id)


def _close(project: Project, audit: Audit) -> None:
    opening.close(project)
    answering.end_sitting(project)
    figures.forget(audit)


def _who(store: Store, audit: Audit) -> None:
    """Two people answer the same texts: who is this?"""
    before = sorted({entry.who for entry in store.audits.answers(audit) if not entry.final})
    with st.form("audit_who", border=True):
        st.markdown(
            "**Who answers now?** Two people label the same texts in the same order, and neither "
            "sees the other's answers."
        )
        if before:
            st.text(f"Has answered: {', '.join(before)}")
        name = st.text_input("Your name", max_chars=opening.LONGEST_NAME, key="audit_name")
        if st.form_submit_button("Begin", type="primary") and name.strip():
            opening.sign_as(audit, name)
            st.rerun()


def _kind(project: Project, audit: Audit, me: Author) -> Kind:
    """Whether texts are labelled, or what two people disagree on is settled."""
    if audit.people == 1:
        return "label"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"You answer as **{plain(me.who)}**.", width="content")
        if signs_by_typing():
            st.button("Somebody else", key="audit_other", on_click=_another, args=(project, audit))
        choice = st.segmented_control(
            "What to do",
            ["label", "settle"],
            default="label",
            required=True,
            format_func={"label": "Label texts", "settle": "Settle differences"}.__getitem__,
            key=f"audit_kind_{audit.id}",
            persist_state="session",
            label_visibility="collapsed",
        )
    return "settle" if choice == "settle" else "label"


def _another(project: Project, audit: Audit) -> None:
    opening.sign_as(audit, None)
    answering.end_sitting(project)


@st.fragment(key=CARD)
def _card(store: Store, project: Project, number: int, kind: Kind) -> None:
    """The card alone is drawn again at a press; the figures follow at the next rest."""
    # A place of its own: a message that comes or goes does not move the card to another one, where
    # the browser would make it anew.
    with st.container(), show_errors():
        pass
    with show_errors():
        audit = store.audits.get(project.id, number)
        me = opening.signer(audit)
        if me is None:
            return
        here = answering.sitting(store, project, audit, me, kind)
        if kind == "settle" and not len(here.rows):
            st.success("Nothing is left to settle.", icon=":material/check:")
            return
        key = answering.key_of(audit, kind)
        report = read_report(st.session_state.get(key))
        if not st.session_state.pop(_FAILED, False):
            _apply(store, project, here, report)
        last = review_card(
            answering.card_data(store, project, here, report, _goal(store, audit, kind)),
            key=key,
            on_report=lambda new_report: _apply(store, project, here, new_report),
            on_rest=lambda: rerun(STATUS, CARD),
        )
        # In a session that has just begun the browser's word is known only now.
        if any(press not in report.presses for press in last.presses):
            _apply(store, project, here, last)
            st.rerun(scope="fragment")


@defer_errors
def _apply(store: Store, project: Project, here: Sitting, report: Report) -> None:
    """Store what was pressed; what fails stays with the browser, which sends it again."""
    st.session_state[_FAILED] = True
    answering.apply(store, project, here, report)
    st.session_state[_FAILED] = False


@st.fragment(key=STATUS)
def _status(store: Store, project: Project, number: int) -> None:
    with show_errors():
        audit = store.audits.get(project.id, number)
        status = figures.on_desk(store, audit, follow=True)
        with st.container(border=True, key="audit_status"):
            outcome.show(store, project, status, on_desk=True)


def _goal(store: Store, audit: Audit, kind: Kind) -> words.Goal | None:
    return words.goal(figures.on_desk(store, audit)) if kind == "label" else None
