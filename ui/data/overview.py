"""A project's data as it stands: how much there is, where it came from, its first texts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from llkd import jobs
from llkd.datasets.checks.repeats import NearDuplicates
from llkd.datasets.near_search import NEAR_LATER
from llkd.errors import UserError
from llkd.jobs.requests import NearDuplicatesRequest
from llkd.store import Project, Store
from ui.data import adding, class_drafts, managing, preview
from ui.data.creation import show_kept
from ui.data.measures import show_near
from ui.shell import job_cards, reads
from ui.shell.errors import show_errors
from ui.shell.page import choose_project, make_new_project
from ui.shell.text_notices import data_notice
from ui.shell.unbroken import press_once
from ui.shell.wording import TERMS, count, counted, plain, when

FIRST = 100
_DELETING = "_data_deleting"
_GOLD = ["gold", "split"]


def overview(store: Store, project: Project) -> bool:
    """Numbers, the next step, where the texts came from and what was dropped.

    Says whether the next step was asked for: edits of the classes below come first.
    """
    report: dict[str, Any] = project.report
    held_out = project.total("held_out")
    with st.grid(4, min_column_width=140, border=True):
        st.metric("Texts", count(project.rows))
        st.metric("Pool", count(project.rows - held_out), help=TERMS["pool"])
        st.metric("Held out", count(held_out), help=TERMS["hold-out"])
        st.metric("With gold", count(project.total("gold")), help=TERMS["gold"])
    dropped = {str(why): int(n) for why, n in report.get("dropped", {}).items() if n}
    lost = sum(dropped.values())
    st.caption(
        f"From {plain(project.source)}, brought in on {when(project.created)}; "
        f"{counted(lost, 'row') if lost else 'no row'} dropped."
    )
    with show_errors():
        data_notice(store, project)
    adding.show_additions(store, project)
    managing.archived_notice(store, project)
    with st.container(horizontal=True):
        onward = project.label_set is not None and _onward(store, project)
        adding.add_button(project)
        st.button("New project", icon=":material/add:", on_click=make_new_project)
        managing.menu(store, project)
        _delete(store, project)
    managing.outcome(store, project)
    preview.show_warnings(report.get("warnings", []))
    near = report.get("near_duplicates")
    show_near(NearDuplicates(**near) if near else None, gone="near_duplicate" in dropped)
    if report.get(NEAR_LATER):
        _near_later(store, project)
    if lost:
        with st.expander(
            f"Why {counted(lost, 'row')} were dropped",
            icon=":material/filter_alt:",
            key="dropped_box",
        ):
            kept_count = int(report.get("kept", project.stages[0]))
            show_kept(int(report.get("rows", 0)), kept_count, dropped, int(report.get("gold", 0)))
    return onward


def _near_later(store: Store, project: Project) -> None:
    """That near-duplicates are being looked for, or how to have them looked for."""
    if job_cards.live_job(store, project.id, ("near-duplicates",)) is not None:
        st.caption("Near-duplicates are looked for in the background: `llkd jobs` shows how far.")
        return
    st.caption("Near-duplicates are not counted yet.")
    if press_once("Look for near-duplicates", icon=":material/search:", key="near_look"):
        jobs.start(store, NearDuplicatesRequest(project=project.name))
        st.rerun()


def _onward(store: Store, project: Project) -> bool:
    label = "Next: label with a teacher"
    if job_cards.live_job(store, project.id, ("label",)) is not None:
        label = "Next: watch the labels come"
    elif class_drafts.unfinished(project):
        label = "Next: save the classes, label with a teacher"
    return st.button(label, type="primary", icon=":material/arrow_forward:", key="next_Teacher")


def first_texts(store: Store, project: Project) -> None:
    """The first texts, as they were read."""
    st.header("Texts", anchor=False)
    # Column sets that other pages read as well: they are kept once.
    parts = [reads.texts(store, project, columns) for columns in (["id"], ["text"], _GOLD)]
    shown = pd.concat([part.head(FIRST) for part in parts], axis=1)
    if parts[-1]["gold"].notna().any():
        shown["split"] = shown["split"].map({"pool": "pool", "eval": "held out"})
        shown["gold"] = reads.gold_names(project, shown["gold"])
    else:
        shown = shown.drop(columns=_GOLD)
    st.caption(f"The first {count(len(shown))} of {count(project.rows)}.")
    st.dataframe(
        shown,
        hide_index=True,
        height=360 if len(shown) > 9 else "content",
        column_config={"text": st.column_config.TextColumn(width="large")},
        alt="The first texts of the project",
    )


def _delete(store: Store, project: Project) -> None:
    st.button(
        "Delete \u2026",
        icon=":material/delete:",
        type="tertiary",
        on_click=_ask,
        args=(project.id,),
    )
    if st.session_state.get(_DELETING) == project.id:
        _confirm(store, project)


def _ask(project_id: int | None = None) -> None:
    """Open the question whether to delete this project, or (None) close it."""
    st.session_state[_DELETING] = project_id


@st.dialog("Delete this project?", on_dismiss=_ask)
def _confirm(store: Store, project: Project) -> None:
    st.text(project.name)
    st.markdown(
        f"Its {counted(project.rows, 'text')}, teacher labels, corrections and runs are removed "
        "for good. Exports in their own folders stay."
    )
    with st.container(horizontal=True):
        sure = st.button("Delete for good", icon=":material/delete:")
        if st.button("Keep it", on_click=_ask):
            st.rerun()
    if sure:
        with show_errors():
            if any(job.project_id == project.id for job in jobs.live_jobs(store)):
                raise UserError("A job of this project is still running. Stop it first.")
            store.projects.delete(project.id)
            _ask()
            choose_project(None)
            st.rerun()
