"""More texts for a project that is there: where they are, what is new of them, and the button."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llkd import curation, datasets, jobs
from llkd.datasets import Reading, TextSet
from llkd.datasets.adding import (
    PreparedAddition,
    prepare_addition,
    share_held_out,
    store_addition,
)
from llkd.datasets.inbox import SOURCE, forget_texts, inbox_texts, waiting_texts
from llkd.errors import LLKDError
from llkd.store import Project, Store
from ui.data import drafts, preview
from ui.data.creation import show_kept
from ui.data.new_project import ReadTexts, choose_texts
from ui.shell import reads
from ui.shell.errors import show_errors
from ui.shell.unbroken import press_once, unbroken
from ui.shell.wording import TERMS, count, counted, plain, when

PLACE = "add"
_ADDING = "_data_adding"
_DONE = "_data_added"
_FILES, _INBOX = "Files or pasted texts", "Sent on by the served student"


def is_adding(project: Project) -> bool:
    """Whether the Data page adds texts to this project."""
    return bool(st.session_state.get(_ADDING) == project.id)


def add_button(project: Project) -> None:
    """The button that turns the page to adding texts."""
    st.button(
        "Add texts",
        icon=":material/playlist_add:",
        key="project_add",
        on_click=_turn,
        args=(project.id,),
    )


def _turn(project_id: int | None) -> None:
    st.session_state[_ADDING] = project_id
    st.session_state.pop(_DONE, None)


def add_texts_form(store: Store, project: Project) -> None:
    """All the widgets of an addition; ends by storing it and showing the project."""
    datasets.start_reader()
    st.button("Back to the project", icon=":material/arrow_back:", on_click=_turn, args=(None,))
    st.header("Add texts", anchor=False)
    st.caption(
        f"To {plain(project.name)}, which has {counted(project.rows, 'text')}. Its rows, labels, "
        "runs and audits stay; labelling again asks about the new texts only."
    )
    waiting = waiting_texts(store, project)
    where = _FILES
    if waiting:
        where = st.segmented_control(
            "From",
            [_FILES, _INBOX],
            default=_FILES,
            required=True,
            key="add_from",
            persist_state="session",
        )
    if where == _INBOX:
        with show_errors():
            _from_inbox(store, project, waiting)
        return
    choose_texts(lambda read: _form(store, project, read), PLACE)


def _from_inbox(store: Store, project: Project, waiting: int) -> None:
    forget = st.checkbox(
        f"Empty the inbox of its {counted(waiting, 'text')} afterwards", key="add_forget"
    )
    text_set, numbers = inbox_texts(store, project)
    read = ReadTexts(text_set, Reading(), project.name, SOURCE)
    _form(store, project, read, numbers if forget else None)


def _form(
    store: Store, project: Project, read: ReadTexts, sent_on: Sequence[int] | None = None
) -> None:
    """What will be added, and the button; ``sent_on`` are texts of the inbox to forget then."""
    prepared = prepared_addition(store, project, read.text_set, read.reading)
    report = prepared.report
    st.header("What will be added", anchor=False)
    show_kept(report["rows"], report["kept"], report["dropped"], report["gold"])
    shown = [line for line in report["warnings"] if line not in read.shown]
    preview.show_warnings(shown)
    new = len(prepared.texts)
    if not new:
        st.info(
            "Nothing of it is new: the project has every one of these texts.",
            icon=":material/info:",
        )
        return
    if report["gold"]:
        st.caption(
            f"{TERMS['hold-out']} {count(report['held_out'])} of these texts will be held out: "
            f"of those with gold {100 * share_held_out(project):.0f} %, as in the project, drawn "
            "by their words."
        )
    if press_once(
        f"Add {counted(new, 'text')}",
        type="primary",
        icon=":material/playlist_add:",
        key="add_now",
    ):
        _add(store, project, prepared, read.source, sent_on)


def _add(
    store: Store,
    project: Project,
    prepared: PreparedAddition,
    source: str,
    sent_on: Sequence[int] | None,
) -> None:
    def add() -> None:
        jobs.live_jobs(store)  # those whose process is gone are in nobody's way
        store_addition(store, prepared, source)
        if sent_on is not None:
            forget_texts(store, project, sent_on)
        for what in ("texts", "gold", "hub"):
            drafts.drop_draft(drafts.slot_of(what, PLACE))
        _turn(None)
        st.session_state[_DONE] = len(prepared.texts)

    with show_errors():
        try:
            with st.spinner("Storing the texts \u2026"):
                unbroken(add)
        except LLKDError:
            _prepared.clear()  # compared anew at the next look
            raise
        st.rerun()


def prepared_addition(
    store: Store, project: Project, text_set: TextSet, reading: Reading
) -> PreparedAddition:
    """What would be added; kept while project, texts and settings are the same."""
    key = (reads.home_of(store), project.digest, repr(project.label_set), id(text_set))
    same, prepared = _prepared(key, reading, store, project, text_set)
    return prepared if same is text_set else prepare_addition(store, project, text_set, reading)


@st.cache_resource(show_spinner="Comparing with the texts that are there \u2026", max_entries=2)
def _prepared(
    key: tuple[object, ...],
    reading: Reading,
    _store: Store,
    _project: Project,
    _text_set: TextSet,
) -> tuple[TextSet, PreparedAddition]:
    # The texts are kept with it: as long as they are, no others have their place in memory.
    return _text_set, prepare_addition(_store, _project, _text_set, reading)


def show_additions(store: Store, project: Project) -> None:
    """What was added since the import, and what does not know all texts yet."""
    if not project.additions:
        return
    added = st.session_state.pop(_DONE, None)
    if added:
        st.toast(f"{counted(added, 'text')} added.", icon=":material/playlist_add_check:")
    newest = project.additions[-1]
    more = len(project.additions) - 1
    earlier = f" and {counted(more, 'earlier addition')}" if more else ""
    st.caption(
        f"Added since: {counted(project.rows - project.stages[0], 'text')}, last "
        f"{count(newest.rows)} from {plain(newest.source)} on {when(newest.created)}{earlier}."
    )
    for sentence in curation.coverage(store, project).sentences():
        st.info(plain(sentence), icon=":material/info:")
    warnings = newest.report.get("warnings", [])
    if warnings:
        with st.expander(
            f"{counted(len(warnings), 'remark')} on the texts added last", key="remarks_box"
        ):
            for warning in warnings:
                st.text(plain(warning))
