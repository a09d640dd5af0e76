"""Texts without a usable answer: what the teacher said, and what a person makes of it.

Raw answers are hostile: they stand only in a table and in code blocks.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from llkd.config import Label
from llkd.store import Labelling, Project, Store
from ui import reads
from ui.authorship import author
from ui.errors import told, told_later
from ui.teacher import bill
from ui.teacher.plan import Plan, plan_of, start_labelling
from ui.wording import TERMS, count, counted, plain, shortened

PAGE_ROWS = 50
TO_DECIDE, EVERY = "To decide", "All"
_ANSWER_SHOWN = 500


def review(store: Store, project: Project, labelling: Labelling) -> None:
    """The texts that got no usable answer, to be decided or asked again; nothing where none."""
    found = reads.unanswered(store, labelling)
    if not len(found):
        return
    decided = store.people.decisions(project.id).reindex(found.index)
    # Labelled or excluded by a person: such a text needs no answer any more.
    label = decided["human_label"].astype(object).where(decided["human_label"].notna(), "")
    label = label.mask(decided["excluded"].eq(True), "excluded")
    table = found.assign(decided=label)
    left = int((table["decided"] == "").sum())
    still = f"**{count(left)}** still to be decided" if left else "all of them decided by now"
    with st.container(border=True):
        st.markdown("## Texts without a usable answer", help=TERMS["usable answer"])
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"{counted(len(found), 'text')} got no usable answer; {still}. What the teacher "
                "said is kept, and never turned into a label by itself.",
                width="stretch",
            )
            # A file says the same again.
            if left and not labelling.config.teacher.startswith("file:"):
                _ask_again(store, project, labelling)
        with st.expander("Read and decide", icon=":material/rule:", key=f"review_{labelling.id}"):
            _decide(store, project, labelling, table)


def _ask_again(store: Store, project: Project, labelling: Labelling) -> None:
    if not st.button(
        "Ask these again",
        icon=":material/replay:",
        key=f"review_again_{labelling.id}",
        help="The same question once more; on a paid server it costs again.",
    ):
        return
    done = reads.labelled_rows(store, labelling)
    # Only what was asked before; and within the budget of the pass, which counts every attempt.
    limit = done if done < project.rows else None
    before = bill.job_of(store, project, labelling)
    plan = replace(Plan() if before is None else plan_of(before.arguments), limit=limit)
    with told():
        more: dict[str, Any] = {"calibration": labelling.calibration, "ask_again": True}
        start_labelling(store, project, labelling.config, plan, **more)


def _decide(store: Store, project: Project, labelling: Labelling, table: pd.DataFrame) -> None:
    which = st.segmented_control(
        "Show",
        [TO_DECIDE, EVERY],
        default=TO_DECIDE,
        required=True,
        key=f"review_shown_{labelling.id}",
        label_visibility="collapsed",
    )
    wanted = table[table["decided"] == ""] if which == TO_DECIDE else table
    pages = max(1, -(-len(wanted) // PAGE_ROWS))
    turner = f"review_page_{labelling.id}_{which}_{pages}"
    start = PAGE_ROWS * (min(st.session_state.get(turner, 1), pages) - 1)
    here = wanted.iloc[start : start + PAGE_ROWS]
    ticked = _rows(store, project, here) if len(here) else []
    if pages > 1:
        st.pagination(pages, key=turner, persist_state="session")
    rows = here.index.to_numpy()[ticked]
    _actions(store, project, labelling, rows)
    if len(rows) == 1:
        texts = reads.texts(store, project, ["text"])["text"]
        st.caption("The whole text, and the teacher's own words:")
        st.code(str(texts.iloc[rows[0]]), language=None, wrap_lines=True)
        st.code(here["raw"].iloc[ticked[0]] or " ", language=None, wrap_lines=True)


def _rows(store: Store, project: Project, here: pd.DataFrame) -> list[int]:
    """Draw these rows; returns the places that are ticked, which belong to just these rows."""
    texts = reads.texts(store, project, ["text"])["text"]
    shown = pd.DataFrame(
        {
            "text": [shortened(str(texts.iloc[row]), 300) for row in here.index],
            "answer": [shortened(raw, _ANSWER_SHOWN) for raw in here["raw"]],
            "decided": here["decided"].to_numpy(),
        }
    )
    stamp = zlib.crc32(here.index.to_numpy(dtype=np.int64).tobytes())
    event: Any = st.dataframe(
        shown,
        hide_index=True,
        height=min(420, 38 + 35 * len(shown)),
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "text": st.column_config.TextColumn(width="medium"),
            "answer": st.column_config.TextColumn("what the teacher said", width="medium"),
            "decided": st.column_config.TextColumn("you decided", width=110),
        },
        key=f"review_rows_{stamp}_{store.people.version(project.id)}",
        placeholder="\u2013",
        alt="Texts without a usable answer, and what the teacher said",
    )
    return [place for place in event.selection.rows if place < len(shown)]


def _actions(store: Store, project: Project, labelling: Labelling, rows: np.ndarray) -> None:
    off = not len(rows)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        open_to_people = project.label_set or labelling.classes
        name = st.selectbox(
            "Right class",
            open_to_people.names,
            key=f"review_class_{labelling.id}",
            width=180,
        )
        for action, label, icon in (
            ("label", "Set label of", ":material/label:"),
            ("exclude", "Exclude", ":material/block:"),
        ):
            st.button(
                label.removesuffix(" of") if off else f"{label} {count(len(rows))}",
                icon=icon,
                disabled=off,
                # A click that was meant for another count finds no button of its name any more.
                key=f"review_do_{action}_{zlib.crc32(rows.astype(np.int64).tobytes())}",
                on_click=_record,
                args=(
                    store,
                    project,
                    rows,
                    action,
                    open_to_people.find(name) if action == "label" and name else None,
                ),
            )
        if st.session_state.get(_mine(project)):
            st.button(
                "Undo last",
                icon=":material/history:",
                key="review_undo",
                on_click=_undo,
                args=(store, project),
            )
    said = st.session_state.pop("_review_said", None)
    if said:
        st.caption(f":green[:material/check:] {plain(said)}")
    elif off:
        st.caption("Tick the texts that you want to decide on.")


@told_later
def _record(
    store: Store, project: Project, rows: np.ndarray, action: str, label: Label | None
) -> None:
    key = None if label is None else label.identity
    me = author()
    batch = store.people.decide(
        project.id, rows.tolist(), action, who=me.who, batch=me.new_batch(), key=key
    )
    st.session_state.setdefault(_mine(project), []).append(batch)
    done = "excluded" if label is None else f"labelled as {label.name!r}"
    st.session_state["_review_said"] = f"{counted(len(rows), 'text')} {done}."


@told_later
def _undo(store: Store, project: Project) -> None:
    """Take back this session's last decision made here."""
    back = store.people.undo(project.id, st.session_state[_mine(project)].pop())
    st.session_state["_review_said"] = f"Undone for {counted(back, 'text')}: they are as before."


def _mine(project: Project) -> str:
    return f"_review_batches_{project.id}"
