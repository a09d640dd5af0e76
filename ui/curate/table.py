"""The texts behind the plane, a page at a time, and what a person does to them."""

from __future__ import annotations

import zlib

import numpy as np
import streamlit as st

from llkd.store import Project, Store
from ui.curate import controls, listed_again, meaning, replay, review, rows
from ui.curate.plane import unmark
from ui.curate.rows import Filter
from ui.curate.scene import PICKED, TABLE, Picked, Scene, decide, picked, redraw, region, undo
from ui.errors import told, told_later
from ui.wording import count, counted, plain


@st.fragment(key=TABLE)
def table(store: Store, project: Project) -> None:
    """The texts behind the plane, a page at a time, with what a person may do to them."""
    with told():
        scene = Scene(store, project)
        st.header("Texts", anchor=False)
        controls.counts(scene)
        listed_again.lost(scene.project)
        wanted = _filters(scene)
        listed_again.write(scene.project, wanted.picked if wanted.shown == PICKED else None)
        found = _listed(scene, wanted)
        texts = scene.texts
        if review.switch():
            review.one_by_one(scene, wanted, found)
            return
        turner = f"curate_page_{zlib.crc32(repr((wanted, scene.view)).encode())}"
        number = min(st.session_state.get(turner, 1), rows.pages(len(found)))
        start = (number - 1) * rows.PAGE_ROWS
        here = found[start : start + rows.PAGE_ROWS]
        actions = st.container()
        if not len(found):
            st.info("No text is like that.", icon=":material/search_off:")
        ticked: list[int] = []
        if len(here):
            shown = rows.rows_table(scene.plane, here, texts, scene.view)
            ticked = rows.show_rows(shown, here, scene.people)
            with st.container(horizontal=True, vertical_alignment="center"):
                first = f"{count(start + 1)} to {count(start + len(here))}"
                st.caption(f"Rows {first} of {count(len(found))}", width="stretch")
                st.pagination(rows.pages(len(found)), key=turner, persist_state="session")
        with actions:
            _actions(scene, found, here[ticked])
        if len(ticked) == 1:
            with st.container(border=True):
                st.caption("The whole text")
                st.text(scene.text_of(here[ticked[0]]))
                row = int(scene.plane.frame["row"].iloc[here[ticked[0]]])
                meaning.like_this(scene, row)
                replay.of_text(scene, row)


def _filters(scene: Scene) -> Filter:
    names = scene.plane.names
    marked = region(scene.project)
    chosen = picked(scene.project)
    shown = [rows.KEPT, rows.NOT_KEPT, rows.ALL]
    shown += [rows.FLAGGED] if scene.plane.frame["flagged"].any() else []
    shown += [rows.MARKED] if marked else []
    shown += [PICKED] if chosen else []
    if st.session_state.get("curate_shown") not in shown:
        st.session_state["curate_shown"] = rows.KEPT
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.segmented_control(
            "Show",
            shown,
            format_func=lambda one: _titled(chosen) if chosen and one == PICKED else one,
            key="curate_shown",
            required=True,
            persist_state="session",
        )
        if marked or chosen:
            st.button(
                "Clear the marking" if marked else "Clear the list",
                icon=":material/deselect:",
                on_click=unmark,
                args=(scene.project,),
                key="curate_unmark",
            )
        label = st.selectbox(
            "Label",
            range(-1, len(names)),
            format_func=lambda k: "any label" if k < 0 else names[k],
            key="curate_label",
            persist_state="session",
            width=150,
        )
        words = st.text_input(
            "Words in the text",
            key="curate_words",
            persist_state="session",
            icon=":material/search:",
            width=200,
        )
        order = st.selectbox(
            "Sort by",
            list(rows.ORDERS),
            key="curate_order",
            persist_state="session",
            width=180,
        )
        down = st.toggle("Highest first", key="curate_down", persist_state="session")
    return Filter(
        str(which or rows.KEPT),
        None if label < 0 else label,
        words,
        str(order),
        down,
        marked,
        chosen,
    )


def _titled(chosen: Picked) -> str:
    """The title of what was picked, which may hold names of classes, as the label of a choice."""
    return plain(chosen.title[:1].upper() + chosen.title[1:])


def _listed(scene: Scene, wanted: Filter) -> np.ndarray:
    """The rows that are listed; turning a page or ticking a row does not look for them again."""
    stamp = (scene.key, scene.people, scene.view, wanted)
    kept = st.session_state.get("_curate_listed")
    if kept is None or kept[0] != stamp:
        found = rows.listed(scene.plane, scene.packed, scene.kept, scene.texts, wanted)
        kept = (stamp, found)
        st.session_state["_curate_listed"] = kept
    return np.asarray(kept[1])


def _actions(scene: Scene, found: np.ndarray, ticked: np.ndarray) -> None:
    said = st.session_state.pop("_curate_did", None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        many = st.toggle(
            f"All {counted(len(found), 'row')} of this list",
            key="curate_many",
            help="Off: what you do concerns the ticked rows. On: every row that the list holds.",
        )
        chosen = found if many else ticked
        too_many = len(chosen) > rows.MOST_AT_ONCE
        off = not len(chosen) or too_many
        new = st.selectbox(
            "Label to give",
            scene.plane.names,
            key="curate_new_label",
            persist_state="session",
            width=150,
        )
        numbers = scene.plane.frame["row"].to_numpy()[chosen] if not off else np.empty(0, int)
        for action, label, icon in (
            ("label", "Set label", ":material/label:"),
            ("exclude", "Exclude", ":material/block:"),
            ("include", "Include again", ":material/undo:"),
            ("flag", "Flag", ":material/flag:"),
            ("unflag", "Unflag", ":material/outlined_flag:"),
        ):
            st.button(
                label,
                icon=icon,
                key=f"curate_do_{action}",
                disabled=off,
                on_click=_decide,
                args=(scene, numbers, action, new if action == "label" else None),
            )
        st.button(
            "Undo last", icon=":material/history:", key="curate_undo", on_click=_undo, args=(scene,)
        )
        if len(ticked) and not many:
            st.caption(f"{counted(len(ticked), 'row')} ticked")
    if too_many:
        st.caption(
            f"At most {count(rows.MOST_AT_ONCE)} rows can be changed at once: narrow the list down."
        )
    if said:
        st.caption(f":green[:material/check:] {plain(said)}")


@told_later
def _decide(scene: Scene, numbers: np.ndarray, action: str, label: str | None) -> None:
    decide(scene, numbers.tolist(), action, label)
    done = {
        "label": f"labelled as {label!r}",
        "exclude": "excluded",
        "include": "included again",
        "flag": "flagged",
        "unflag": "no longer flagged",
    }
    st.session_state["_curate_did"] = f"{counted(len(numbers), 'text')} {done[action]}."
    st.session_state["curate_many"] = False
    redraw()


@told_later
def _undo(scene: Scene) -> None:
    back = undo(scene)
    told_of = f"Taken back for {counted(back, 'text')}." if back else "There is nothing to undo."
    st.session_state["_curate_did"] = told_of
    redraw()
