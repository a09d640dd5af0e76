"""Classify a whole file with a trained student: upload, a job, the table to download."""

from __future__ import annotations

import time
from pathlib import Path

import streamlit as st

from llkd import jobs
from llkd.config import build
from llkd.datasets import File, Source, start_reader
from llkd.jobs.requests import PredictFileRequest
from llkd.store import Job, Project, Run, Store
from ui.data import drafts, preview, readings
from ui.shell import job_cards, uploads
from ui.shell.downloads import download
from ui.shell.errors import show_error, show_errors
from ui.shell.unbroken import press_once
from ui.shell.wording import count, counted, plain, share, size

KIND = "classify"
_ENDINGS = {".csv": "CSV", ".jsonl": "JSON lines", ".parquet": "Parquet"}


def classify_file(store: Store, project: Project, run: Run) -> None:
    """A file, a button, the job, and what came of the latest one."""
    start_reader()  # it is ready when a file has been chosen
    st.header("Classify a file", anchor=False)
    st.caption(f"Every row gets a label of {plain(run.name)} and the probability of each class.")
    with show_errors():
        _form(store, project, run)
    latest = job_cards.latest_job(store, project.id, (KIND,))
    if latest is None:
        return
    with show_errors():
        if latest.state != "finished":
            job_cards.watch(store, latest, key="classify")
        elif latest.result is not None:
            _result(store, latest)


def _form(store: Store, project: Project, run: Run) -> None:
    draft = _file(store, project)
    if draft is None:
        return
    tables = readings.inspected(draft)
    if len(tables) != 1:
        show_error(
            f"{draft.name} holds {len(tables)} tables. Choose a file with one, so that it is clear "
            "which rows are meant."
        )
        return
    source = tables[0]
    path = draft.files[0].path
    column, ending = _choices(source, Path(path).parent.name)
    busy = job_cards.live_job(store, project.id, (KIND,)) is not None
    pressed = press_once(
        f"Classify {counted(source.rows, 'row')}",
        icon=":material/label:",
        key="classify_go",
        disabled=busy,
        help="A file is being classified already." if busy else None,
    )
    if not pressed:
        return
    if column is None:
        show_error("It is not clear which column holds the texts. Choose one.")
        return
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = f"{Path(uploads.harmless(draft.name)).stem}-predictions{ending}"
    out = job_cards.free_folder(store, f"{project.id}-predictions-{stamp}") / name
    request = build(
        PredictFileRequest,
        project=project.name,
        run=run.id,
        file=str(path),
        out=str(out),
        text_column=column,
    )
    jobs.start(store, request, title=f"Classify {draft.name} by {run.name}")
    st.rerun()


def _file(store: Store, project: Project) -> drafts.Draft | None:
    """The uploaded file: kept with the project, for its job may be resumed later."""
    uploaded = st.file_uploader(
        "A file of texts", key=f"classify_upload_{project.id}", help=f"{drafts.FORMATS}."
    )
    state_key = f"_classify_file_{project.id}"
    if uploaded is not None:
        path = uploads.keep_for_project(store, project, uploaded)
        st.session_state[state_key] = drafts.Draft(
            (File(str(path), uploaded.name),), uploaded.name, True
        )
    draft: drafts.Draft | None = st.session_state.get(state_key)
    if draft is None or not Path(draft.files[0].path).is_file():
        return None
    if uploaded is None:
        st.text(f"In use: {draft.name}")
    return draft


def _choices(source: Source, key: str) -> tuple[str | None, str]:
    """The column of the texts and the ending of the table."""
    first, second = st.columns(2)
    with first:
        column = preview.column_choice(
            "Column of the texts",
            source,
            source.text_column,
            f"classify_column_{key}",
            "What the student reads.",
        )
    with second:
        ending = st.segmented_control(
            "Write it as",
            list(_ENDINGS),
            default=".csv",
            required=True,
            format_func=_ENDINGS.__getitem__,
            key="classify_ending",
            persist_state="session",
        )
    return column, ending or ".csv"


def _result(store: Store, job: Job) -> None:
    """How many texts of each class, and the table."""
    result = job.result or {}
    path = Path(str(result.get("out", "")))
    with st.container(border=True, key=f"classify_result_{job.id}"):
        st.text(job.title)
        parts = [f"**{counted(int(result['classified']), 'text')}** classified"]
        if result["blank"]:
            parts.append(f"{counted(int(result['blank']), 'row')} without a text")
        parts.append(f"mean confidence {result['mean_confidence']:.3f}")
        st.markdown(" · ".join(parts) + ".")
        st.dataframe(
            {
                "Class": list(result["per_class"]),
                "Texts": [count(n) for n in result["per_class"].values()],
                "Share": [share(n / result["classified"]) for n in result["per_class"].values()],
            },
            hide_index=True,
            alt="How many texts were given each class",
        )
        preview.show_warnings(result["warnings"])
        note = f" ({size(path.stat().st_size)})" if path.is_file() else ""
        download(store, path, f"classify_download_{job.id}", note)
