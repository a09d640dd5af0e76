"""What people note on the text that is open: read, written, and taken back by who wrote it."""

from __future__ import annotations

import streamlit as st

from llkd.errors import LLKDError
from llkd.store.people.history import LONGEST_NOTE, Note
from ui.curate.state import CARD, FILTERS, TABLE, rerun
from ui.curate.walk import Source
from ui.shell.authorship import author
from ui.shell.errors import show_error
from ui.shell.wording import plain, when

_FAILED, _TURN = "_curate_note_failed", "_curate_note_turn"


def of_text(source: Source, row: int) -> None:
    """A popover with the notes on this text and a field for another."""
    notes = source.store.history.notes(source.project.id, [row]).get(row, [])
    with st.popover(
        f"Notes ({len(notes)})" if notes else "Note",
        icon=":material/sticky_note_2:",
        key=f"curate_notes_{row}",
    ):
        for note in notes:
            _note(source, note)
        failed = st.session_state.pop(_FAILED, None)
        if failed:
            show_error(failed)
        # Another field after each note, so that it starts empty.
        key = f"curate_note_{row}_{st.session_state.get(_TURN, 0)}"
        st.text_area(
            "Note on this text",
            key=key,
            max_chars=LONGEST_NOTE,
            height=100,
            placeholder="For colleagues and for later. It decides nothing.",
        )
        st.button(
            "Add the note",
            icon=":material/add:",
            key=f"curate_note_add_{row}",
            on_click=_add,
            args=(source, row, key),
        )


def _note(source: Source, note: Note) -> None:
    me = author()
    with st.container(border=True):
        st.text(note.text)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{plain(note.who)}, {when(note.created)}")
            if note.who == me.who and note.batch.startswith(me.own):
                st.button(
                    "Take back",
                    type="tertiary",
                    icon=":material/undo:",
                    key=f"curate_note_back_{note.batch}_{note.row}",
                    on_click=_take_back,
                    args=(source, note),
                )


def _add(source: Source, row: int, key: str) -> None:
    me = author()
    typed = str(st.session_state.get(key) or "")
    try:
        source.store.history.add_note(source.project.id, [row], typed, me.who, me.new_batch())
        st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
    except LLKDError as error:
        st.session_state[_FAILED] = str(error)
    rerun(CARD, TABLE, FILTERS)


def _take_back(source: Source, note: Note) -> None:
    me = author()
    try:
        source.store.history.undo_own(source.project.id, note.batch, me.who, me.own)
    except LLKDError as error:  # another tab was quicker
        st.session_state[_FAILED] = str(error)
    rerun(CARD, TABLE, FILTERS)
