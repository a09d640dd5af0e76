"""The desks of several people: blind second labels, and disputes that are settled.

Each stands in place of the page: what a teacher says is nowhere on it.
"""

from __future__ import annotations

import streamlit as st

from llkd.errors import LLKDError
from llkd.store import Project, Store
from ui.curate.state import rerun
from ui.people import answering, opening, reads
from ui.people.answering import Sitting
from ui.people.opening import Desk
from ui.review_card import Report, read_report, review_card
from ui.shell import authorship
from ui.shell.authorship import Author
from ui.shell.errors import defer_errors, show_errors
from ui.shell.login import LOCAL_USER
from ui.shell.wording import count, counted, plain

CARD = "people-card"
_FAILED, _NAMELESS = "_people_press_failed", "people_blind_names"


def desk(store: Store, project: Project) -> bool:
    """Draw the desk that is open, in place of all else; False where none is."""
    here = opening.state(project)
    if here is None:
        return False
    try:
        title, words = _head(store, project, here)
    except LLKDError:
        opening.close(project)  # an address of a sample that is not there
        return False
    opening.open_desk(project, here)
    with st.container(horizontal=True, vertical_alignment="center", key="people_head"):
        st.markdown(f"**{plain(title)}** {plain(words)}", width="stretch")
        st.button(
            "Back to the plane",
            icon=":material/arrow_back:",
            key="people_close",
            on_click=_close,
            args=(project,),
            help="What you said is stored. Go on whenever you open it again.",
        )
    me = authorship.author()
    if me.who == LOCAL_USER:
        _who()
        return True
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"You answer as **{plain(me.who)}**.", width="content")
        if here.kind == "settle":
            st.toggle(
                "Hide names",
                key=_NAMELESS,
                persist_state="session",
                help="Shows what was said and not by whom.",
            )
    _card(store, project, here)
    return True


def _head(store: Store, project: Project, here: Desk) -> tuple[str, str]:
    if here.kind == "settle":
        return (
            "Disputed texts.",
            "People labelled these differently. Your key decides, and none of "
            "these leaves the text out; every label stays in the history.",
        )
    sample = store.label_samples.get(project.id, here.sample or 0)
    return (
        "Blind second labels.",
        f"{counted(len(sample.rows), 'text')} drawn at random from "
        f"{count(sample.design.population)} that people labelled. You see neither their labels nor "
        "the teacher's.",
    )


def _close(project: Project) -> None:
    opening.close(project)
    answering.end_sitting(project)


def _who() -> None:
    """A second label without a name would be nobody's."""
    with st.form("people_who_form", border=True):
        st.markdown("**Who answers now?** What you say is signed with your name.")
        name = st.text_input("Your name", max_chars=60, key="people_desk_name")
        if st.form_submit_button("Begin", type="primary"):
            with show_errors():
                authorship.sign_as(name)
                st.rerun()


@st.fragment(key=CARD)
def _card(store: Store, project: Project, here: Desk) -> None:
    """The card alone is drawn again at a press."""
    # A place of its own: a message that comes or goes does not move the card to another one, where
    # the browser would make it anew.
    with st.container(), show_errors():
        pass
    with show_errors():
        me = authorship.author()
        seat = _seat(store, project, here, me)
        if not len(seat.rows):
            _nothing(here)
            return
        key = answering.key_of(seat)
        report = read_report(st.session_state.get(key))
        if not st.session_state.pop(_FAILED, False):
            _apply(store, project, seat, report)
        last = review_card(
            answering.card_data(store, project, seat, report),
            key=key,
            on_report=lambda new_report: _apply(store, project, seat, new_report),
            on_rest=lambda: rerun(CARD),
        )
        # In a session that has just begun the browser's word is known only now.
        if any(press not in report.presses for press in last.presses):
            _apply(store, project, seat, last)
            st.rerun(scope="fragment")
        if len(seat.mine) >= len(seat.rows):
            _finished(store, project, here)


def _seat(store: Store, project: Project, here: Desk, me: Author) -> Sitting:
    nameless = bool(st.session_state.get(_NAMELESS)) and here.kind == "settle"
    return answering.sitting(store, project, here, me, nameless)


def _nothing(here: Desk) -> None:
    if here.kind == "settle":
        st.success("Nothing is disputed.", icon=":material/check:")
    else:
        st.info(
            "You gave all of these texts their first label, so you cannot be their second person.",
            icon=":material/info:",
        )


def _finished(store: Store, project: Project, here: Desk) -> None:
    if here.kind == "settle":
        st.success("All of these are settled.", icon=":material/check:")
        return
    sample = store.label_samples.get(project.id, here.sample or 0)
    found_agreement = reads.agreement(store, project, sample)
    st.success(plain(found_agreement.sentence), icon=":material/check:")


@defer_errors
def _apply(store: Store, project: Project, seat: Sitting, report: Report) -> None:
    """Store what was pressed; what fails stays with the browser, which sends it again."""
    st.session_state[_FAILED] = True
    answering.apply(store, project, seat, report)
    st.session_state[_FAILED] = False
