"""What a person says of a run: its name, a note, a pin; and taking it away."""

from __future__ import annotations

import streamlit as st

from llkd import jobs
from llkd.selection.registry import label_of
from llkd.store import Project, Run, Store
from llkd.store.run_notes import LONGEST_NOTE, LONGEST_TITLE
from ui.shell.errors import show_error, show_errors
from ui.shell.wording import counted, plain, size

_ASKING, _DID = "_results_asking", "_results_did"
DESCRIBE, DELETE = "describe", "delete"


def actions(store: Store, project: Project, run: Run) -> None:
    """Buttons for the chosen run, and its note."""
    st.button(
        "Name and note",
        icon=":material/edit:",
        key="results_describe",
        on_click=_ask,
        args=(DESCRIBE, run.id),
    )
    st.button(
        "Unpin" if run.pinned else "Pin",
        icon=":material/keep_off:" if run.pinned else ":material/keep:",
        key="results_pin",
        help="Pinned runs come first.",
        on_click=_pin,
        args=(store, run),
    )
    st.button(
        "Delete …",
        icon=":material/delete:",
        type="tertiary",
        key="results_delete",
        on_click=_ask,
        args=(DELETE, run.id),
    )
    question = st.session_state.get(_ASKING)
    if question == (DESCRIBE, run.id):
        _describe(store, run)
    elif question == (DELETE, run.id):
        _delete(store, project, run)


def confirm_last() -> None:
    """What was done last, once."""
    did = st.session_state.pop(_DID, None)
    if did:
        st.toast(plain(did), icon=":material/check:")


def consequences(store: Store, project: Project, run: Run) -> list[str]:
    """What goes with a run and what goes on without it, in sentences."""
    files = [path.stat().st_size for path in run.files.all()]
    sentences = [
        f"Its student, its logs and its settings ({counted(len(files), 'file')}, "
        f"{size(sum(files))}) are removed for good. What was exported stays."
    ]
    followers = store.runs.followers(run)
    if followers:
        who = ", ".join(str(follower.id) for follower in followers)
        sentences.append(
            f"Run {who} copied how many texts it took in each step, and will be a control of no "
            "run."
        )
    reports = jobs.reports_on(store, run)
    if reports:
        which = ", ".join(str(job.id) for job in reports)
        sentences.append(
            f"The report of a comparison (job {which}) speaks of it. It stays as it was written."
        )
    views = [s.name for s in store.selections.all(project.id) if s.rule.run == run.id]
    if views:
        which = ", ".join(repr(name) for name in views)
        sentences.append(
            f"The saved selection {which} has its information need from it, and will have it from "
            "the probe."
        )
    return sentences


def _ask(what: str | None = None, run_id: int | None = None) -> None:
    """Open a question about a run, or (None) close it."""
    st.session_state[_ASKING] = None if what is None else (what, run_id)


def _pin(store: Store, run: Run) -> None:
    store.runs.describe(run.id, pinned=not run.pinned)


@st.dialog("Name and note", on_dismiss=_ask)
def _describe(store: Store, run: Run) -> None:
    with st.form("results_describing", border=False):
        title = st.text_input(
            "Name",
            run.title,
            max_chars=LONGEST_TITLE,
            placeholder=label_of(run.config.selection.strategy),
            help="Shown instead of the strategy. Empty takes it back.",
        )
        note = st.text_area("Note", run.note, max_chars=LONGEST_NOTE, height=140)
        save = st.form_submit_button("Save", type="primary", icon=":material/check:")
    if save:
        with show_errors():
            store.runs.describe(run.id, title=title, note=note)
            _ask()
            st.rerun()


@st.dialog("Delete this run?", on_dismiss=_ask)
def _delete(store: Store, project: Project, run: Run) -> None:
    st.text(f"{run.name}, seed {run.config.seed}")
    for sentence in consequences(store, project, run):
        st.markdown(plain(sentence))
    busy = jobs.job_on(store, run)
    if busy is not None:
        show_error(f"Job {busy.id} ({busy.title}) is {busy.state} and needs it. Stop it first.")
    with st.container(horizontal=True):
        sure = st.button(
            "Delete for good",
            icon=":material/delete:",
            key="results_delete_sure",
            disabled=busy is not None,
        )
        if st.button("Keep it", key="results_keep", on_click=_ask):
            st.rerun()
    if sure:
        with show_errors():
            jobs.delete_run(store, run)
            _ask()
            st.session_state[_DID] = f"Deleted {run.name}."
            st.rerun()
