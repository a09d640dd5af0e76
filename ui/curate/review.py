"""One by one: the card with a text, and what stands below it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from llkd.store import Project, Store
from ui.authorship import author
from ui.curate import meaning, replay, walk
from ui.curate.actions import MESSAGE
from ui.curate.rows import Filter
from ui.curate.scene import Scene, redraw
from ui.curate.walk import Source, Walk
from ui.errors import told, told_later
from ui.review_card import Report, read_report, review_card
from ui.wording import counted

CARD = "curate-card"
_FAILED, _STORED = "_curate_press_failed", "_curate_unsent_stored"


def switch() -> bool:
    """Whether the texts are to be gone through one by one."""
    return st.toggle(
        "One by one",
        key="curate_one_by_one",
        persist_state="session",
        help="Shows one text of this list at a time. A digit gives it the class of that number, "
        "X excludes it, N is the next, B the one before, U undoes the last decision.",
    )


def one_by_one(scene: Scene, wanted: Filter, listed: np.ndarray) -> None:
    """One text, whole, with what is known of it and a button and a key for each decision."""
    under_way = walk.walk_of(scene, wanted, listed)
    if not len(under_way.rows):
        st.info("No text is like that.", icon=":material/search_off:")
        return
    _card(scene.store, scene.project)


@st.fragment(key=CARD)
def _card(store: Store, project: Project) -> None:
    """The card alone is drawn again at a press; the rest of the page follows at the next rest."""
    # A place of its own: a message that comes or goes does not move the card to another one, where
    # the browser would make it anew.
    with st.container(), told():
        pass
    with told():
        under_way = walk.walk_under_way(project)
        if under_way is None:
            return
        source = Source(store, project, under_way.plane)
        me, key = author(), walk.key_of(project)
        report = read_report(st.session_state.get(key))
        if not st.session_state.pop(_FAILED, False):
            _apply(source, under_way, report)
        last = review_card(
            walk.card_data(source, under_way, me, report),
            key=key,
            on_report=lambda said: _apply(source, under_way, said),
            on_rest=redraw,
        )
        # In a session that has just begun the browser's word is known only now.
        if any(press not in report.presses for press in last.presses):
            _apply(source, under_way, last)
            st.rerun(scope="fragment")
        row = walk.shown_row(under_way)
        if row is not None:
            meaning.like_this(source, row)
            replay.of_text(source, row)


def unsent(scene: Scene) -> None:
    """Where the table is shown: store what a page that is gone had not sent yet."""
    source = Source(scene.store, scene.project, scene.plane)
    me, key = author(), walk.key_of(scene.project)
    report = read_report(st.session_state.get(key))
    _apply_unsent(source, report)
    last = review_card(
        walk.unsent_data(source, me, report),
        key=key,
        on_report=lambda said: _apply_unsent(source, said),
        on_rest=redraw,
    )
    if any(press not in report.presses for press in last.presses):
        _apply_unsent(source, last)
    if st.session_state.pop(_STORED, False):
        redraw()


@told_later
def _apply(source: Source, under_way: Walk, report: Report) -> None:
    """Store what was pressed; what fails stays with the browser, which sends it again."""
    st.session_state[_FAILED] = True
    walk.apply(source, author(), report, under_way)
    st.session_state[_FAILED] = False


@told_later
def _apply_unsent(source: Source, report: Report) -> None:
    number = walk.apply(source, author(), report)
    if number:
        message = f"{counted(number, 'decision')} of before the page was loaded again: stored."
        st.session_state[MESSAGE] = message
        st.session_state[_STORED] = True
