"""Views saved under a name: filters, words and order, to be shown, renamed or deleted."""

from __future__ import annotations

import streamlit as st

from llkd.errors import LLKDError
from llkd.store import Project, SavedView, Store
from ui.curate import filtering
from ui.curate.state import CARD, FILTERS, PLANE, TABLE, CurateState, rerun
from ui.shell.errors import show_error
from ui.shell.wording import plain

_NAME, _SHOWN_VIEW, _OUTCOME = "curate_view_name", "curate_view", "_curate_view_outcome"


def menu(scene: CurateState) -> None:
    """A popover with the views there are, and what can be done with them."""
    saved = scene.store.text_views.all(scene.project.id)
    with st.popover(
        f"Views ({len(saved)})" if saved else "Views",
        icon=":material/bookmarks:",
        key="curate_views",
    ):
        _outcome()
        if saved:
            _choose(scene, saved)
        st.text_input(
            "Name",
            key=_name_key(),
            max_chars=100,
            placeholder="for example: unsure and long",
        )
        st.button(
            "Save this view",
            icon=":material/bookmark_add:",
            key="curate_view_save",
            help="The filters, the words and the order of the list that are in use now.",
            on_click=_save,
            args=(scene.store, scene.project),
        )


def _choose(scene: CurateState, saved: list[SavedView]) -> None:
    by_name = {view.name: view for view in saved}
    if st.session_state.get(_SHOWN_VIEW) not in by_name:
        st.session_state[_SHOWN_VIEW] = saved[0].name
    name = st.selectbox("Saved views", list(by_name), key=_SHOWN_VIEW)
    with st.container(horizontal=True):
        st.button(
            "Show",
            icon=":material/visibility:",
            key="curate_view_show",
            type="primary",
            on_click=_show,
            args=(scene.project, by_name[name]),
        )
        st.button(
            "Rename",
            icon=":material/edit:",
            key="curate_view_rename",
            help="To what stands under Name.",
            on_click=_rename,
            args=(scene.store, scene.project, name),
        )
        st.button(
            "Delete",
            icon=":material/delete:",
            key="curate_view_delete",
            on_click=_delete,
            args=(scene.store, scene.project, name),
        )


def _show(project: Project, saved: SavedView) -> None:
    filtering.use(project, saved.view)
    rerun(FILTERS, TABLE, CARD, PLANE)


def _save(store: Store, project: Project) -> None:
    name = str(st.session_state.get(_name_key()) or "")
    try:
        saved = store.text_views.save(project.id, name, filtering.in_use(project))
    except LLKDError as error:
        _say(False, str(error))
        rerun(FILTERS)
    _say(True, f"Saved as {saved.name!r}.")
    st.session_state[_SHOWN_VIEW] = saved.name
    _empty_name()
    rerun(FILTERS)


def _rename(store: Store, project: Project, name: str) -> None:
    new_name = str(st.session_state.get(_name_key()) or "")
    try:
        saved = store.text_views.rename(project.id, name, new_name)
    except LLKDError as error:
        _say(False, str(error))
        rerun(FILTERS)
    _say(True, f"{name!r} is called {saved.name!r} now.")
    st.session_state[_SHOWN_VIEW] = saved.name
    _empty_name()
    rerun(FILTERS)


def _delete(store: Store, project: Project, name: str) -> None:
    try:
        store.text_views.delete(project.id, name)
        _say(True, f"Deleted {name!r}.")
    except LLKDError as error:  # another browser was quicker
        _say(False, str(error))
    rerun(FILTERS)


def _say(good: bool, message: str) -> None:
    st.session_state[_OUTCOME] = good, message


def _outcome() -> None:
    good, message = st.session_state.pop(_OUTCOME, (True, ""))
    if message:
        st.success(plain(message), icon=":material/check:") if good else show_error(message)


def _name_key() -> str:
    """Another field after each save, so that it starts empty."""
    return f"{_NAME}_{st.session_state.get('_curate_view_turn', 0)}"


def _empty_name() -> None:
    st.session_state["_curate_view_turn"] = st.session_state.get("_curate_view_turn", 0) + 1
