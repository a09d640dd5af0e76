"""The filters of Curate as chips: what is filtered by, each removed at a click, and how to add."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import streamlit as st

from llkd import curation
from llkd.config import build
from llkd.config.text_filters import FILTER_KINDS, Range, TextFilters
from llkd.config.text_view import EVERY_TEXT, LONGEST_WORDS, TextView
from llkd.errors import LLKDError
from llkd.store import Project, Store
from ui.curate import filtering, meaning, panes, saved_views
from ui.curate.state import CARD, FILTERS, PLANE, TABLE, CurateState, rerun
from ui.shell.errors import show_error, show_errors
from ui.shell.wording import count, counted, plain

_KIND, _WORDS, _MEANING = "curate_filter_kind", "curate_words", "curate_meaning"
_REFUSED = "_curate_filter_refused"
MOST_PILLS = 6
_SHARES = ("confidence", "uncertainty")


@st.fragment(key=FILTERS)
def bar(store: Store, project: Project) -> None:
    """Search, filters as chips and saved views; plane, table and card follow."""
    with show_errors():
        scene = CurateState(store, project)
        filtering.show_in_address(scene.text_view)
        with st.container(horizontal=True, vertical_alignment="bottom", key="curate_filter_bar"):
            panes.switch(project)
            _search(scene)
            _meaning(scene)
            with st.popover("Filter", icon=":material/filter_alt:", key="curate_filter_add"):
                _adding(scene)
            saved_views.menu(scene)
        _chips(scene)
        meaning.missing(scene.store, scene.project, scene.text_view.meaning)


def _search(scene: CurateState) -> None:
    _hold(_WORDS, scene.text_view.words)
    st.text_input(
        "Words in the texts",
        key=_WORDS,
        on_change=_searched,
        args=(scene.project,),
        icon=":material/search:",
        max_chars=LONGEST_WORDS,
        placeholder='Words: late bus "ticket office" -refund',
        label_visibility="collapsed",  # so that plane and card stand on a laptop's screen
        width=300,
    )


def _searched(project: Project) -> None:
    words = str(st.session_state[_WORDS] or "")
    change(project, filtering.in_use(project).changed(words=words))


def _meaning(scene: CurateState) -> None:
    _hold(_MEANING, scene.text_view.meaning)
    st.text_input(
        "Meaning",
        key=_MEANING,
        on_change=_search_by_meaning,
        args=(scene.project,),
        icon=":material/lightbulb:",
        max_chars=LONGEST_WORDS,
        placeholder="Meaning: waited too long",
        label_visibility="collapsed",
        width=230,
    )


def _search_by_meaning(project: Project) -> None:
    typed = str(st.session_state[_MEANING] or "")
    now = filtering.in_use(project)
    order = "meaning" if typed.strip() else _without_meaning(now)
    change(project, now.changed(meaning=typed, order=order, descending=False))


def change(project: Project, view: TextView) -> None:
    """From a callback: look at the texts so, and draw again what shows them."""
    filtering.use(project, view)
    rerun(FILTERS, TABLE, CARD, PLANE)


def _chips(scene: CurateState) -> None:
    """What is filtered by; nothing where every text passes."""
    view = scene.text_view
    if not view.narrows:
        return
    with st.container(
        horizontal=True, vertical_alignment="center", key="curate_chips", gap="small"
    ):
        if view.words.strip():
            _chip("words", f"Words: {view.words}", scene, view.changed(words=""))
        if view.meaning.strip():
            without = view.changed(meaning="", order=_without_meaning(view))
            _chip("meaning", f"Meaning: {view.meaning}", scene, without)
        for each in view.filters.filters:
            for value in each.values:
                _chip(
                    f"{each.kind} {value}",
                    curation.value_words(scene.project, scene.plane.classes, each.kind, value),
                    scene,
                    view.changed(filters=view.filters.without(each.kind, value)),
                )
        st.button(
            "Clear all",
            key="curate_clear_filters",
            type="tertiary",
            on_click=change,
            args=(scene.project, EVERY_TEXT.changed(order=_without_meaning(view))),
        )
        passing, all_rows = int(scene.passing.sum()), len(scene.passing)
        st.caption(f"{count(passing)} of {counted(all_rows, 'text')}", width="content")


def _without_meaning(view: TextView) -> Any:  # noqa: ANN401 (an order)
    return "row" if view.order == "meaning" else view.order


def _chip(name: str, words: str, scene: CurateState, without: TextView) -> None:
    shown = words if len(words) <= 80 else words[:79] + "\u2026"
    st.button(
        plain(shown),
        # A click that was meant for another chip finds no button of its name any more.
        key=f"curate_chip_{zlib.crc32(name.encode('utf-8', 'surrogatepass')):08x}",
        icon=":material/close:",
        help="Remove this filter",
        on_click=change,
        args=(scene.project, without),
    )


def _adding(scene: CurateState) -> None:
    """Which kind, and its values; what is chosen holds at once."""
    kinds = [kind for kind in FILTER_KINDS if _is_offered(scene, kind)]
    kind = st.selectbox(
        "Filter by",
        kinds,
        format_func=lambda name: FILTER_KINDS[name].title,
        key=_KIND,
        persist_state="session",
    )
    refused = st.session_state.pop(_REFUSED, None)
    if refused:
        show_error(refused)
    if kind in ("confidence", "uncertainty", "disagreement", "length"):
        _range_fields(scene, kind)
    else:
        _choices(scene, kind)
    st.caption(
        "**Words**: all must occur, in any order and whatever their case. Quotes hold a phrase "
        "together; a minus before a word leaves out the texts that have it. **Meaning** lists the "
        f"{curation.NEAREST} texts nearest to what you type, in whatever words they say it, of "
        "those that the filters let through: by the untrained student's embeddings."
    )


def _is_offered(scene: CurateState, kind: str) -> bool:
    """Whether a filter of that kind tells any texts of the pool apart."""
    frame = scene.plane.frame
    match kind:
        case "split":
            return False  # Curate shows the pool
        case "student" | "uncertainty":
            return scene.need_known
        case "gold":
            return bool((frame["gold"] >= 0).any())
        case "disagreement":
            return bool(frame["disagreement"].notna().any())
        case "refined":
            return scene.plane.refinement is not None
        case "added":
            return bool(scene.project.additions)
    return True


def _choices(scene: CurateState, kind: str) -> None:
    held = scene.text_view.filters.values(kind)
    options = list(dict.fromkeys((*_options(scene, kind), *held)))
    key = f"curate_filter_{kind}"
    _hold(key, list(held))

    def words(value: Any) -> str:  # noqa: ANN401 (of any kind)
        phrase = curation.value_words(scene.project, scene.plane.classes, kind, value)
        return phrase.removeprefix("Label: ") if kind == "label" else phrase

    if len(options) <= MOST_PILLS:
        st.pills(
            FILTER_KINDS[kind].title,
            options,
            selection_mode="multi",
            format_func=lambda value: plain(words(value)),
            key=key,
            on_change=_choose_values,
            args=(scene.project, kind, key),
            label_visibility="collapsed",
        )
    else:
        st.multiselect(
            FILTER_KINDS[kind].title,
            options,
            format_func=words,
            key=key,
            on_change=_choose_values,
            args=(scene.project, kind, key),
            label_visibility="collapsed",
        )


def _options(scene: CurateState, kind: str) -> list[Any]:
    plane = scene.plane
    if kind == "label":
        return list(plane.keys)
    if kind == "by":
        return sorted(set(curation.authors(scene.store, plane).tolist()), key=_people_last)
    if kind == "added":
        return list(range(len(scene.project.additions) + 1))
    return list(FILTER_KINDS[kind].options)


def _people_last(value: str) -> tuple[bool, str]:
    return value.startswith("@"), value.casefold()


def _choose_values(project: Project, kind: str, key: str) -> None:
    view = filtering.in_use(project)
    _try(project, lambda: view.filters.with_values(kind, st.session_state[key] or ()))


def _range_fields(scene: CurateState, kind: str) -> None:
    """Two numbers, of which one may be left empty."""
    share = kind in _SHARES
    step: Any = 5.0 if share else 0.05 if kind == "disagreement" else 10
    most: Any = 100.0 if share else None
    least: Any = 0.0 if share or kind == "disagreement" else 0
    unit = " (%)" if share else ""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for side, usual in (("low", _usual_low(scene, kind)), ("high", None)):
            st.number_input(
                ("At least" if side == "low" else "At most") + unit,
                min_value=least,
                max_value=most,
                value=usual,
                step=step,
                key=f"curate_filter_{kind}_{side}",
                width=130,
            )
        st.button(
            "Add",
            key=f"curate_filter_{kind}_add",
            icon=":material/add:",
            on_click=_add_range,
            args=(scene.project, kind),
        )


def _usual_low(scene: CurateState, kind: str) -> Any:  # noqa: ANN401 (what number_input takes)
    """Of disagreement, where the fifth begins on which members differ most."""
    if kind != "disagreement":
        return None
    values = scene.plane.frame["disagreement"].to_numpy(np.float64)
    return round(float(np.nanquantile(values, 0.8)), 3)


def _add_range(project: Project, kind: str) -> None:
    scale = 0.01 if kind in _SHARES else 1.0
    low, high = (
        None if value is None else round(scale * value, 6)
        for value in (st.session_state.get(f"curate_filter_{kind}_{s}") for s in ("low", "high"))
    )
    view = filtering.in_use(project)
    _try(project, lambda: view.filters.with_value(kind, build(Range, low=low, high=high)))


def _try(project: Project, change_filters: Any) -> None:  # noqa: ANN401 (a function of no arguments)
    view = filtering.in_use(project)
    try:
        filters: TextFilters = change_filters()
    except LLKDError as error:
        st.session_state[_REFUSED] = str(error)
        rerun(FILTERS)
    change(project, view.changed(filters=filters))


def _hold(key: str, value: Any) -> None:  # noqa: ANN401 (what any widget holds)
    """To be called before the widget is drawn: it shows what is in use."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
