"""Selections kept under a name: save, load, delete, compare, export, train on."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from llkd.errors import LLKDError
from ui.curate.compare import compare
from ui.curate.scene import PLANE, Scene, draw_again, look_through, redraw
from ui.errors import show_error, told_later
from ui.export_view import FROM_SAVED
from ui.page import go_to
from ui.view import View
from ui.wording import counted, plain


def selections(scene: Scene) -> None:
    """Save what is looked at under a name; load and delete what was saved."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Name of this selection",
            key=_name_key(),
            max_chars=100,
            persist_state="session",
            placeholder="for example: first cut",
            width="stretch",
        )
        st.button(
            "Save selection",
            type="primary" if scene.need_known else "secondary",
            icon=":material/bookmark_add:",
            key="curate_save",
            on_click=_save,
            args=(scene,),
        )
        if st.button(
            "Train on what is kept",
            icon=":material/model_training:",
            key="curate_train_kept",
            disabled=not scene.counts["kept"],
            help="Saves it, under the name typed here or the time, and opens Train with it chosen.",
        ):
            _train_on_kept(scene)
    said = st.session_state.pop("_curate_saved", None)
    if said is not None:
        good, message = said
        st.success(plain(message), icon=":material/check:") if good else show_error(message)
    saved = scene.store.people.selections(scene.project.id)
    if saved:
        _saved(scene, saved)


def _name_key() -> str:
    """Another field after each save, so that it starts empty."""
    return f"curate_name_{st.session_state.get('_curate_name_turn', 0)}"


def _save(scene: Scene) -> None:
    name = st.session_state.get(_name_key(), "").strip()
    try:
        _keep(scene, name)
        st.session_state["_curate_saved"] = (True, f"Saved as {name!r}.")
        st.session_state["_curate_name_turn"] = st.session_state.get("_curate_name_turn", 0) + 1
    except LLKDError as error:
        st.session_state["_curate_saved"] = (False, str(error))
    draw_again(PLANE)


def _train_on_kept(scene: Scene) -> None:
    name = st.session_state.get(_name_key(), "").strip()
    name = name or time.strftime("kept on %d %B, %H:%M:%S").replace(" 0", " ")
    try:
        _keep(scene, name)
    except LLKDError as error:
        show_error(str(error))
        return
    st.session_state["_curate_name_turn"] = st.session_state.get("_curate_name_turn", 0) + 1
    _leave("Train", train_strategy="saved", train_saved_rows=name)


def _keep(scene: Scene, name: str) -> None:
    seen = scene.view.to_json(scene.plane.calibration)
    scene.store.people.save_selection(scene.project.id, name, seen, scene.counts)


def _saved(scene: Scene, saved: list[dict[str, Any]]) -> None:
    by_name = {one["name"]: one for one in saved}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            f"Saved selections ({len(saved)})",
            list(by_name),
            format_func=lambda n: f"{n} ({counted(by_name[n]['counts']['kept'], 'text')})",
            key="curate_saved",
            width="stretch",
        )
        st.button("Load", key="curate_load", on_click=_load, args=(scene, by_name.get(name)))
        st.button(
            "Delete",
            key="curate_delete",
            icon=":material/delete:",
            on_click=_delete,
            args=(scene, name),
        )
        if st.button("Export it", key="curate_export_saved", icon=":material/output:"):
            _leave("Export", export_what=FROM_SAVED, export_saved=name)
        if st.button("Train on it", key="curate_train_saved", icon=":material/model_training:"):
            _leave("Train", train_strategy="saved", train_saved_rows=name)
    if len(saved) > 1 and st.toggle(
        "Compare two saved selections", key="curate_compare", persist_state="session"
    ):
        compare(scene, by_name)


def _leave(step: str, **drafts: str | None) -> None:
    """Go to another page with these of its widgets set."""
    for name, value in drafts.items():
        st.session_state[name] = value
    go_to(step)


def _load(scene: Scene, chosen: dict[str, Any] | None) -> None:
    if chosen is not None:
        look_through(scene.project, View.from_json(chosen["view"], scene.plane.names))
    redraw()


@told_later
def _delete(scene: Scene, name: str | None) -> None:
    if name is not None:
        scene.store.people.delete_selection(scene.project.id, name)
        st.session_state["_curate_saved"] = (True, f"Deleted {name!r}.")
    draw_again(PLANE)
