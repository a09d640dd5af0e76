"""The texts behind the plane, a page at a time, and what a person does to them."""

from __future__ import annotations

import zlib

import numpy as np
import streamlit as st

from llkd import curation
from llkd.store import Project, Store
from ui.curate import actions, controls, filtering, rows, url_list
from ui.curate.plane import unmark
from ui.curate.reading import listing, opening
from ui.curate.rows import Listing
from ui.curate.state import (
    CARD,
    FILTERS,
    PICKED,
    TABLE,
    CurateState,
    Picked,
    picked,
    region,
    rerun,
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


def _pages(scene: CurateState, wanted: Listing, listed: np.ndarray) -> None:
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
        shown = rows.rows_table(scene, here)
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
            wanted.view,
            lambda header: _sort_by(header, scene.project),
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


def _sort_by(header: str, project: Project) -> None:
    """Sort the whole list by a column, the other way round if it is so already."""
    now = filtering.in_use(project)
    order = rows.HEADERS.get(header, "row")
    down = order == now.order and not now.descending
    filtering.use(project, now.changed(order=order, descending=down))
    rerun(FILTERS, TABLE, CARD)


def _sorted(project: Project) -> None:
    """From a callback: sort the whole list as the two widgets say."""
    now = filtering.in_use(project)
    order, down = st.session_state["curate_order"], st.session_state["curate_down"]
    filtering.use(project, now.changed(order=order, descending=down))
    rerun(FILTERS, TABLE, CARD)


def _filters(scene: CurateState) -> None:
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
    view = scene.text_view
    for key, value in (("curate_order", view.order), ("curate_down", view.descending)):
        if st.session_state.get(key) != value:
            st.session_state[key] = value
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Sort by",
            list(rows.ORDER_TITLES),
            format_func=rows.ORDER_TITLES.__getitem__,
            key="curate_order",
            on_change=_sorted,
            args=(scene.project,),
            width=210,
        )
        st.toggle("Highest first", key="curate_down", on_change=_sorted, args=(scene.project,))


def _titled(picked_list: Picked) -> str:
    """The title of what was picked, which may hold names of classes, as the label of a choice."""
    return plain(picked_list.title[:1].upper() + picked_list.title[1:])
