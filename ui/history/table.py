"""Every act on texts and classes, filtered, a page at a time; and undo by its author."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import streamlit as st

from llkd import exporting
from llkd.curation.decision_history import (
    CLASSES,
    HistoryFilter,
    history_entries,
    history_table,
)
from llkd.store import Project, Store
from llkd.store.people.acts import UNDO, Act
from llkd.store.people.standing import NOTE, SECOND
from ui.shell import reads
from ui.shell.authorship import author
from ui.shell.errors import defer_errors, show_errors
from ui.shell.wording import count, counted, plain, when

PAGE_ROWS = 100
MOST_DOWNLOADED = 200_000
"""More lines are written by the command line."""
_ANY = "anything"
ACTIONS_SHOWN = {
    None: _ANY,
    "label": "labels",
    "unlabel": "labels taken away",
    "exclude": "exclusions",
    "include": "inclusions",
    "flag": "flags",
    "unflag": "flags taken away",
    NOTE: "notes",
    UNDO: "undos",
    CLASSES: "changes of the classes",
}
_MESSAGE = "_history_message"


def history(store: Store, project: Project) -> None:
    """The filters, the table, what can be taken back, and the files."""
    with show_errors():
        wanted = _filters(store, project)
        entries = _entries(
            reads.home_of(store), project.id, _version(store, project), wanted, store, project
        )
        message = st.session_state.pop(_MESSAGE, None)
        if message:
            st.success(plain(message), icon=":material/check:")
        if not entries:
            st.info("Nobody has decided anything of that kind yet.", icon=":material/search_off:")
            return
        _page(store, project, entries, wanted)
        _downloads(store, project, entries)


def _version(store: Store, project: Project) -> str:
    classes = reads.classes_version(project.label_set)
    return f"{store.decisions.version(project.id)} {classes}"


@st.cache_resource(show_spinner="Reading the history …", max_entries=4)
def _entries(
    home: str,
    project_id: int,
    version: str,
    wanted: HistoryFilter,
    _store: Store,
    _project: Project,
) -> list[Any]:
    return history_entries(_store, _project, wanted)


def _filters(store: Store, project: Project) -> HistoryFilter:
    people = store.history.people(project.id)
    label_set = project.label_set
    names: dict[str | None, str] = {None: "any class"}
    if label_set is not None:
        names |= dict(zip(label_set.keys, label_set.names, strict=True))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        who = st.selectbox(
            "Who",
            [None, *people],
            format_func=lambda name: "anybody" if name is None else name,
            key="history_who",
            width=200,
        )
        label = st.selectbox(
            "Class", list(names), format_func=names.__getitem__, key="history_class", width=200
        )
        action = st.selectbox(
            "What",
            list(ACTIONS_SHOWN),
            format_func=ACTIONS_SHOWN.__getitem__,
            key="history_action",
            width=220,
        )
        since = st.date_input("From", value=None, key="history_since", width=150)
        until = st.date_input("Until", value=None, key="history_until", width=150)
    return HistoryFilter(
        who=who, label=label, action=action, since=_begin(since), until=_begin(until, 1)
    )


def _begin(day: Any, later: int = 0) -> float | None:  # noqa: ANN401 (what date_input returns)
    """When a day (or the one after it) begins by the server's clock."""
    if not isinstance(day, date):
        return None
    begin = datetime(day.year, day.month, day.day) + timedelta(days=later)
    return begin.timestamp()


def _page(store: Store, project: Project, entries: list[Any], wanted: HistoryFilter) -> None:
    pages = max(1, -(-len(entries) // PAGE_ROWS))
    turner = f"history_page_{hash(wanted)}"
    first = (min(st.session_state.get(turner, 1), pages) - 1) * PAGE_ROWS
    here = entries[first : first + PAGE_ROWS]
    last = first + len(here)
    st.caption(f"{count(first + 1)} to {count(last)} of {counted(len(entries), 'act')}")
    table = history_table(store, project, here, reads.texts(store, project, ["id", "text"]))
    table["when"] = [when(entry.created) for entry in here]
    table["text"] = table["text"].str.slice(0, 300)
    shown = table.drop(columns=["row", "batch", "id"])
    stamp = f"{_version(store, project)} {first}"
    event: Any = st.dataframe(
        shown.rename(columns=str.capitalize),
        hide_index=True,
        key=f"history_rows_{hash((wanted, stamp))}",
        on_select="rerun",
        selection_mode="single-row",
        column_config={"Text": st.column_config.TextColumn(width="large")},
        placeholder="–",
        alt="Who decided what, newest first: when, who, what, the text, before and after",
    )
    ticked = [here[place] for place in event["selection"]["rows"] if place < len(here)]
    _undo(store, project, ticked[0] if ticked else None)
    if pages > 1:
        st.pagination(pages, key=turner)


def _undo(store: Store, project: Project, entry: Any) -> None:  # noqa: ANN401 (of either kind)
    """A button that takes back what was ticked, or why it cannot be."""
    me = author()
    reason = "Tick one of your acts to take it back."
    if isinstance(entry, Act):
        own = entry.who == me.who and entry.batch.startswith(me.own)
        if entry.action == UNDO or entry.state == "undone":
            reason = "This was taken back already."
        elif not own:
            reason = "Only what you did yourself can be taken back here."
        elif entry.manner == SECOND:
            reason = "A second label is taken back where it was given: in its sample."
        elif entry.state == "overwritten":
            reason = "Somebody has decided otherwise since: this holds no more."
        else:
            reason = ""
    elif entry is not None:
        reason = "Changes of the classes are taken back on Data."
    batch = entry.batch if isinstance(entry, Act) else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Take it back",
            icon=":material/undo:",
            # A click that was meant for another act finds no button of its name any more.
            key=f"history_undo_{batch}",
            disabled=bool(reason),
            help="One undo takes back all that was done by that click, on however many texts.",
            on_click=_take_back,
            args=(store, project, batch),
        )
        if reason:
            st.caption(plain(reason))


@defer_errors
def _take_back(store: Store, project: Project, batch: str) -> None:
    me = author()
    texts = store.history.undo_own(project.id, batch, me.who, me.own)
    st.session_state[_MESSAGE] = f"Taken back on {counted(texts, 'text')}."


def _downloads(store: Store, project: Project, entries: list[Any]) -> None:
    if len(entries) > MOST_DOWNLOADED:
        st.caption(f"To write all of it: llkd history {plain(project.name)} --out history.csv")
        return

    def csv() -> bytes:
        table = exporting.safe_frame(history_table(store, project, entries))
        return table.to_csv(index=False).encode("utf-8-sig")

    def jsonl() -> bytes:
        table = history_table(store, project, entries)
        lines: str = table.to_json(orient="records", lines=True, force_ascii=False)
        return lines.encode()

    with st.container(horizontal=True):
        for ending, data in (("csv", csv), ("jsonl", jsonl)):
            st.download_button(
                f"Download {ending.upper()}",
                data=data,
                file_name=f"history.{ending}",
                mime="application/octet-stream",
                icon=":material/download:",
                on_click="ignore",
                key=f"history_{ending}",
            )
