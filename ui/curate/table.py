"""The texts behind the plane, a page at a time, and what a person does to them."""

from __future__ import annotations

import zlib

import numpy as np
import streamlit as st

from llkd import curation
from llkd.store import Project, Store
from ui.curate import actions, controls, rows, url_list
from ui.curate.plane import unmark
from ui.curate.reading import listing, opening
from ui.curate.rows import Filter
from ui.curate.state import (
    CARD,
    PICKED,
    TABLE,
    CurateState,
    Picked,
    picked,
    region,
    rerun,
    set_later,
)
from ui.shell.errors import show_errors
from ui.shell.wording import count, plain


@st.fragment(key=TABLE)
def table(store: Store, project: Project) -> None:
    """The texts behind the plane, a page at a time, with what a person may do to them."""
    with show_errors():
        scene = CurateState(store, project)
        st.header("Texts", anchor=False)
        controls.counts(scene)
        with st.container():
            url_list.lost(scene.project)
        _filters(scene)
        wanted = listing.wanted(scene)
        url_list.write(scene.project, wanted.picked if wanted.shown == PICKED else None)
        _pages(scene, wanted, listing.listed(scene, wanted))


def _pages(scene: CurateState, wanted: Filter, listed: np.ndarray) -> None:
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
        st.info("No matches.", icon=":material/search_off:")
    ticked: list[int] = []
    if len(here):
        # Above the table: the tools that it shows at its upper edge cover no button then.
        st.caption(f"Rows {count(start + 1)} to {count(start + len(here))} of {count(len(listed))}")
        shown = rows.rows_table(scene.plane, here, scene.texts, scene.view, scene.gate)
        numbers = scene.plane.frame["row"].to_numpy()[here]
        before = curation.said_before(scene.store, scene.project, numbers)
        if before:
            shown.insert(1, "Said before", [before.get(int(row), "") for row in numbers])
        # A single text that was returned to is ticked, and stands whole in the card.
        at_first = [int(back[0]) - start] if len(back) == 1 else []
        if at_first:
            opening.ask(scene.project, int(numbers[at_first[0]]))
        ticked = rows.show_rows(
            shown,
            here,
            scene.people,
            at_first,
            wanted,
            lambda header: _sort_by(header, wanted),
            lambda places: _read(scene.project, numbers[places]),
        )
        if len(ticked) == 1:
            # The card beside the plane may be out of sight here.
            with st.container(border=True):
                st.text(scene.text_of(here[ticked[0]]))
        if pages > 1:
            st.pagination(pages, key=turner, persist_state="session")
    with above:
        stamp = rows.digest(listed, repr((scene.key, scene.people)))
        actions.actions(scene, listed, here[ticked], stamp)


def _read(project: Project, numbers: np.ndarray) -> None:
    """From a callback: a row that is ticked alone opens in the card."""
    if len(numbers) == 1:
        opening.ask(project, int(numbers[0]))
        rerun(CARD, TABLE)


def _narrowed() -> None:
    """From a callback: the list is another now."""
    rerun(TABLE, CARD)


def _sort_by(header: str, wanted: Filter) -> None:
    """Sort the whole list by a column, the other way round if it is so already."""
    order = rows.HEADERS.get(header, rows.IN_ORDER)
    set_later("curate_order", order)
    set_later("curate_down", order == wanted.order and not wanted.descending)
    rerun(TABLE, CARD)


def _filters(scene: CurateState) -> None:
    names = scene.plane.names
    marked = region(scene.project)
    picked_list = picked(scene.project)
    listing.settle(scene)
    # In two lines, so that a choice more, or a button, moves nothing of the second.
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Show",
            listing.choices(scene),
            format_func=lambda option: (
                _titled(picked_list)
                if picked_list and option == PICKED
                else "Marked on the map"
                if marked and marked.drawn_on and option == rows.MARKED
                else option
            ),
            key="curate_shown",
            on_change=_narrowed,
            required=True,
            persist_state="session",
        )
        if marked or picked_list:
            st.button(
                "Clear lasso" if marked else "Clear list",
                icon=":material/deselect:",
                on_click=unmark,
                args=(scene.project,),
                key="curate_unmark",
            )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Label",
            range(-1, len(names)),
            format_func=lambda k: "any label" if k < 0 else names[k],
            key="curate_label",
            on_change=_narrowed,
            persist_state="session",
            width=150,
        )
        st.text_input(
            "Words in the text",
            key="curate_words",
            on_change=_narrowed,
            persist_state="session",
            icon=":material/search:",
            width=200,
        )
        st.selectbox(
            "Sort by",
            list(rows.ORDERS),
            key="curate_order",
            on_change=_narrowed,
            persist_state="session",
            width=180,
        )
        st.toggle("Highest first", key="curate_down", persist_state="session", on_change=_narrowed)


def _titled(picked_list: Picked) -> str:
    """The title of what was picked, which may hold names of classes, as the label of a choice."""
    return plain(picked_list.title[:1].upper() + picked_list.title[1:])
