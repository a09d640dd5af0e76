"""Selections kept under a name: save, load, delete, compare, export, train on."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from llkd.errors import LLKDError
from ui.curate.compare import compare
from ui.curate.scene import PLANE, Scene, draw_again, look_through, redraw, set_later, set_now
from ui.errors import show_error, told_later
from ui.export_view import FROM_SAVED
from ui.page import go_to, next_step
from ui.view import View
from ui.wording import count, counted, plain

_PICKED = "curate_saved"


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


def next_train(scene: Scene) -> None:
    """On to Train, with what is kept or without it; what is not carried along is said."""
    kept, rows = scene.counts["kept"], scene.counts["rows"]
    if not kept or kept == rows:
        next_step("Train", "Next: train a student", primary=False)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            f"Next: train on these {counted(kept, 'text')}",
            icon=":material/arrow_forward:",
            key="curate_train_these",
            help="Saves what is kept, unless it is saved already, and opens Train with it chosen.",
        ):
            name = _saved_as(scene)
            if name is not None:
                _leave("Train", train_strategy="saved", train_saved_rows=name)
            _train_on_kept(scene)
        next_step("Train", "Next: train a student", primary=False)
        st.caption(
            "*Train a student* chooses texts by the strategy picked there: it does not take "
            f"{'this text' if kept == 1 else f'these {count(kept)} texts'} along.",
            width="stretch",
        )


def _saved_as(scene: Scene) -> str | None:
    """The name under which just this is saved already."""
    seen = scene.view.to_json(scene.plane.calibration)
    same = (
        one["name"]
        for one in scene.store.people.selections(scene.project.id)
        if one["view"] == seen and one["counts"] == scene.counts
    )
    return next(same, None)


def _name_key() -> str:
    """Another field after each save, so that it starts empty."""
    return f"curate_name_{st.session_state.get('_curate_name_turn', 0)}"


def _save(scene: Scene) -> None:
    name = st.session_state.get(_name_key(), "").strip()
    try:
        _keep(scene, name)
        set_later(_PICKED, name)
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
    set_later(_PICKED, name)
    _leave("Train", train_strategy="saved", train_saved_rows=name)


def _keep(scene: Scene, name: str) -> None:
    seen = scene.view.to_json(scene.plane.calibration)
    scene.store.people.save_selection(scene.project.id, name, seen, scene.counts)


def _saved(scene: Scene, saved: list[dict[str, Any]]) -> None:
    by_name = {one["name"]: one for one in saved}
    set_now(_PICKED)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            f"Saved selections ({len(saved)})",
            list(by_name),
            format_func=lambda n: f"{n} ({counted(by_name[n]['counts']['kept'], 'text')})",
            key=_PICKED,
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
        look_through(scene.project, View.from_json(chosen["view"], scene.plane.classes))
    redraw()


@told_later
def _delete(scene: Scene, name: str | None) -> None:
    if name is not None:
        scene.store.people.delete_selection(scene.project.id, name)
        st.session_state["_curate_saved"] = (True, f"Deleted {name!r}.")
    draw_again(PLANE)
