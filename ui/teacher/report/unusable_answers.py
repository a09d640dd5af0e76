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
from llkd.store import LabelingRun, Project, Store
from llkd.teachers.registry import kind_of
from ui.people.contradictions import told_after
from ui.shell import reads
from ui.shell.authorship import author
from ui.shell.errors import defer_errors, show_errors
from ui.shell.unbroken import press_once
from ui.shell.wording import TERMS, count, counted, plain, shortened
from ui.teacher.report import quality_reads, usage
from ui.teacher.setup.plan import plan_of, start_labelling

PAGE_ROWS = 50
TO_DECIDE, EVERY = "To decide", "All"
_ANSWER_SHOWN = 500


def unusable_answers(store: Store, project: Project, labeling_run: LabelingRun) -> None:
    """The texts that got no usable answer, to be decided or asked again; nothing where none."""
    unusable = quality_reads.unanswered(store, labeling_run)
    if not len(unusable):
        return
    decided = store.decisions.current(project.id).reindex(unusable.index)
    # Labelled or excluded by a person: such a text needs no answer any more.
    label = decided["human_label"].astype(object).where(decided["human_label"].notna(), "")
    label = label.mask(decided["excluded"].eq(True), "excluded")
    table = unusable.assign(decided=label)
    undecided = int((table["decided"] == "").sum())
    still = f"**{count(undecided)}** still to be decided" if undecided else "all decided"
    with st.container(border=True):
        st.markdown("## Texts without a usable answer", help=TERMS["usable answer"])
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"{counted(len(unusable), 'text')} got no usable answer; {still}. Their "
                "words are kept for you to decide.",
                width="stretch",
            )
            # What is looked up says the same again.
            if undecided and _asks_itself(labeling_run):
                _ask_again(store, project, labeling_run)
        with st.expander(
            "Read and decide", icon=":material/rule:", key=f"review_{labeling_run.id}"
        ):
            _decide(store, project, labeling_run, table)


def _asks_itself(labeling_run: LabelingRun) -> bool:
    """Whether asking again could give another answer: a file and a committee ask nobody."""
    kind = kind_of(labeling_run.config)
    return not kind.lookup and not kind.pools


def _ask_again(store: Store, project: Project, labeling_run: LabelingRun) -> None:
    if not press_once(
        "Ask these again",
        icon=":material/replay:",
        key=f"review_again_{labeling_run.id}",
        help="The same question once more; on a paid server it costs again.",
    ):
        return
    labelled = reads.labelled_rows(store, labeling_run)
    # Only what was asked before; and within the budget of the pass, which counts every attempt.
    limit = labelled if labelled < project.rows else None
    before = usage.job_of(store, project, labeling_run)
    plan = replace(plan_of(store, before), limit=limit)
    with show_errors():
        more: dict[str, Any] = {"calibration": labeling_run.calibration, "ask_again": True}
        start_labelling(store, project, labeling_run.config, plan, **more)


def _decide(store: Store, project: Project, labeling_run: LabelingRun, table: pd.DataFrame) -> None:
    which = st.segmented_control(
        "Show",
        [TO_DECIDE, EVERY],
        default=TO_DECIDE,
        required=True,
        key=f"review_shown_{labeling_run.id}",
        label_visibility="collapsed",
    )
    listed = table[table["decided"] == ""] if which == TO_DECIDE else table
    pages = max(1, -(-len(listed) // PAGE_ROWS))
    turner = f"review_page_{labeling_run.id}_{which}_{pages}"
    start = PAGE_ROWS * (min(st.session_state.get(turner, 1), pages) - 1)
    here = listed.iloc[start : start + PAGE_ROWS]
    ticked = _rows(store, project, here) if len(here) else []
    if pages > 1:
        st.pagination(pages, key=turner, persist_state="session")
    rows = here.index.to_numpy()[ticked]
    _actions(store, project, labeling_run, rows)
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
        key=f"review_rows_{stamp}_{store.decisions.version(project.id)}",
        placeholder="\u2013",
        alt="Texts without a usable answer, and what the teacher said",
    )
    return [place for place in event.selection.rows if place < len(shown)]


def _actions(store: Store, project: Project, labeling_run: LabelingRun, rows: np.ndarray) -> None:
    off = not len(rows)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        open_to_people = project.label_set or labeling_run.classes
        name = st.selectbox(
            "Right class",
            open_to_people.names,
            key=f"review_class_{labeling_run.id}",
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
    message = st.session_state.pop("_review_said", None)
    if message:
        st.caption(f":green[:material/check:] {plain(message)}")
    elif off:
        st.caption("Tick the texts that you want to decide on.")


@defer_errors
def _record(
    store: Store, project: Project, rows: np.ndarray, action: str, label: Label | None
) -> None:
    key = None if label is None else label.identity
    me = author()
    batch = store.decisions.decide(
        project.id, rows.tolist(), action, who=me.who, batch=me.new_batch(), key=key
    )
    st.session_state.setdefault(_mine(project), []).append(batch)
    against = told_after(store, project, batch, action, None if label is None else label.name)
    outcome = "excluded" if label is None else f"labelled as {label.name!r}"
    st.session_state["_review_said"] = f"{counted(len(rows), 'text')} {outcome}." + (
        f" {against}" if against else ""
    )


@defer_errors
def _undo(store: Store, project: Project) -> None:
    """Take back this session's last decision made here."""
    back = store.decisions.undo(project.id, st.session_state[_mine(project)].pop())
    st.session_state["_review_said"] = f"Undone for {counted(back, 'text')}: they are as before."


def _mine(project: Project) -> str:
    return f"_review_batches_{project.id}"
