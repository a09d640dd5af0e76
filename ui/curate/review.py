"""The reading card beside the plane: one text, whole, and what a person decides of it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from llkd import curation
from llkd.store import Project, Store
from ui.curate import notes, replay, similar, walk
from ui.curate.actions import MESSAGE
from ui.curate.reading import listing, opening
from ui.curate.state import CARD, CurateState, redraw, set_now
from ui.curate.walk import Source, Walk
from ui.review_card import Report, read_report, review_card
from ui.shell.authorship import author
from ui.shell.errors import defer_errors, show_errors
from ui.shell.wording import counted

_FAILED, _STORED = "_curate_press_failed", "_curate_unsent_stored"
_PRESSED = "_curate_pressed_now"


@st.fragment(key=CARD)
def pane(store: Store, project: Project) -> None:
    """The reading card beside the plane; at a press it alone is drawn again."""
    # A place of its own: a message that comes or goes does not move the card to another one, where
    # the browser would make it anew.
    with st.container(), show_errors():
        pass
    with show_errors():
        pressed = st.session_state.pop(_PRESSED, False)
        if _switch():
            under_way = walk.walk_under_way(project) if pressed else None
            card(store, project, under_way or _walk(CurateState(store, project)))
        else:
            st.caption("Click a dot, draw a lasso or tick a row: the whole text opens here.")
            _unsent(CurateState(store, project))


def _switch() -> bool:
    """Whether the texts are to be gone through one by one."""
    set_now(opening.SWITCH)
    return st.toggle(
        "One by one",
        key=opening.SWITCH,
        persist_state="session",
        help="Shows the texts of the list below one at a time. A digit gives the class of that "
        "number, X excludes, N is the next, B the one before, U undoes the last decision.",
    )


def _walk(scene: CurateState) -> Walk:
    """The walk through the list as it is now, at the text that was asked for if one was."""
    wanted = listing.wanted(scene)
    positions = listing.listed(scene, wanted)
    numbers = scene.plane.frame["row"].to_numpy()[positions]
    return walk.walk_of(scene, wanted, positions, opening.asked_place(scene.project, numbers))


def card(
    store: Store, project: Project, under_way: Walk, *, redraw: Callable[[], None] = redraw
) -> None:
    """The text where a person is, and what is decided of it; ``redraw`` shows that elsewhere."""
    source = Source(store, project, under_way.plane)
    me, key = author(), walk.key_of(project)
    report = read_report(st.session_state.get(key))
    if not st.session_state.pop(_FAILED, False):
        _apply(source, under_way, report)
    empty = not len(under_way.rows)
    last = review_card(
        walk.unsent_data(source, me, report)
        if empty
        else walk.card_data(source, under_way, me, report),
        key=key,
        on_report=lambda new_report: _reported(source, under_way, new_report),
        on_rest=redraw,
    )
    # In a session that has just begun the browser's word is known only now.
    if any(press not in report.presses for press in last.presses):
        _apply(source, under_way, last)
        st.rerun(scope="fragment")
    if empty:
        st.info("No matches.", icon=":material/search_off:")
        return
    row = walk.shown_row(under_way)
    if row is not None:
        with st.container(horizontal=True):
            if under_way.plane.labeling_run.id != curation.NO_RUN:
                similar.like_this(source, row)
            notes.of_text(source, row)
        replay.of_text(source, row)


def _unsent(scene: CurateState) -> None:
    """Where no text is open: store what a page that is gone had not sent yet."""
    source = Source(scene.store, scene.project, scene.plane)
    me, key = author(), walk.key_of(scene.project)
    report = read_report(st.session_state.get(key))
    _apply_unsent(source, report)
    last = review_card(
        walk.unsent_data(source, me, report),
        key=key,
        on_report=lambda new_report: _apply_unsent(source, new_report),
        on_rest=redraw,
    )
    if any(press not in report.presses for press in last.presses):
        _apply_unsent(source, last)
    if st.session_state.pop(_STORED, False):
        redraw()


def _reported(source: Source, under_way: Walk, report: Report) -> None:
    st.session_state[_PRESSED] = True
    _apply(source, under_way, report)


@defer_errors
def _apply(source: Source, under_way: Walk, report: Report) -> None:
    """Store what was pressed; what fails stays with the browser, which sends it again."""
    st.session_state[_FAILED] = True
    walk.apply(source, author(), report, under_way)
    st.session_state[_FAILED] = False


@defer_errors
def _apply_unsent(source: Source, report: Report) -> None:
    number = walk.apply(source, author(), report)
    if number:
        message = f"{counted(number, 'decision')} of before the page was loaded again: stored."
        st.session_state[MESSAGE] = message
        st.session_state[_STORED] = True
