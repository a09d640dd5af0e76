"""The texts behind the plane, a page at a time, and what a person does to them."""

from __future__ import annotations

import zlib

import numpy as np
import streamlit as st

from llkd.store import Project, Store
from ui.curate import actions, controls, listed_again, meaning, replay, review, rows, saved
from ui.curate.plane import unmark
from ui.curate.rows import Filter
from ui.curate.scene import (
    PICKED,
    TABLE,
    Picked,
    Scene,
    draw_again,
    picked,
    region,
    set_later,
    set_now,
)
from ui.errors import told
from ui.wording import count, plain


@st.fragment(key=TABLE)
def table(store: Store, project: Project) -> None:
    """The texts behind the plane, a page at a time, with what a person may do to them."""
    with told():
        scene = Scene(store, project)
        st.header("Texts", anchor=False)
        controls.counts(scene)
        with st.container():
            listed_again.lost(scene.project)
        wanted = _filters(scene)
        listed_again.write(scene.project, wanted.picked if wanted.shown == PICKED else None)
        found = _listed(scene, wanted)
        if review.switch():
            review.one_by_one(scene, wanted, found)
        else:
            _pages(scene, wanted, found)
            review.unsent(scene)
        saved.next_train(scene)


def _pages(scene: Scene, wanted: Filter, listed: np.ndarray) -> None:
    """A page of the list, its ticks, and what is done with them."""
    turner = f"curate_page_{zlib.crc32(repr((wanted, scene.view)).encode())}"
    back = actions.returned_to(scene, listed)
    if len(back):
        st.session_state[turner] = int(back[0]) // rows.PAGE_ROWS + 1
    pages = rows.pages(len(listed))
    start = (min(st.session_state.get(turner, 1), pages) - 1) * rows.PAGE_ROWS
    here = listed[start : start + rows.PAGE_ROWS]
    above = st.container()
    if not len(listed):
        st.info("No text is like that.", icon=":material/search_off:")
    ticked: list[int] = []
    if len(here):
        # Above the table: the tools that it shows at its upper edge cover no button then.
        st.caption(f"Rows {count(start + 1)} to {count(start + len(here))} of {count(len(listed))}")
        shown = rows.rows_table(scene.plane, here, scene.texts, scene.view)
        # A single text that was returned to is ticked, so that it stands whole below.
        at_first = [int(back[0]) - start] if len(back) == 1 else []
        ticked = rows.show_rows(
            shown, here, scene.people, at_first, wanted, lambda header: _sort_by(header, wanted)
        )
        if pages > 1:
            st.pagination(pages, key=turner, persist_state="session")
    with above:
        stamp = rows.digest(listed, repr((scene.key, scene.people)))
        actions.actions(scene, listed, here[ticked], stamp)
    if len(ticked) == 1:
        with st.container(border=True):
            st.caption("The whole text")
            st.text(scene.text_of(here[ticked[0]]))
            row = int(scene.plane.frame["row"].iloc[here[ticked[0]]])
            meaning.like_this(scene, row)
            replay.of_text(scene, row)


def _sort_by(header: str, wanted: Filter) -> None:
    """Sort the whole list by a column, the other way round if it is so already."""
    order = rows.HEADERS.get(header, rows.IN_ORDER)
    set_later("curate_order", order)
    set_later("curate_down", order == wanted.order and not wanted.descending)
    draw_again(TABLE)


def _filters(scene: Scene) -> Filter:
    names = scene.plane.names
    marked = region(scene.project)
    chosen = picked(scene.project)
    shown = [rows.KEPT, rows.NOT_KEPT, rows.ALL]
    shown += [rows.FLAGGED] if scene.plane.frame["flagged"].any() else []
    shown += [rows.MARKED] if marked else []
    shown += [PICKED] if chosen else []
    for key in ("curate_shown", "curate_label", "curate_words", "curate_order", "curate_down"):
        set_now(key)
    if st.session_state.get("curate_shown") not in shown:
        st.session_state["curate_shown"] = rows.KEPT
    # In two lines, so that a choice more, or a button, moves nothing of the second.
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
    with st.container(horizontal=True, vertical_alignment="bottom"):
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
        found = rows.listed(scene.plane, scene.packed, scene.kept, scene.texts, wanted, scene.view)
        kept = (stamp, found)
        st.session_state["_curate_listed"] = kept
    return np.asarray(kept[1])
