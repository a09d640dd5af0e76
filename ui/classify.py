"""Classify a whole file with a trained student: upload, a job, the table to download."""

from __future__ import annotations

import time
from pathlib import Path

import streamlit as st

from llkd import commands, jobs
from llkd.datasets import File, Source, start_reader
from llkd.store import Job, Project, Run, Store
from ui import jobs_view, uploads
from ui.data import sources
from ui.errors import show_error, told
from ui.wording import count, counted, plain, share, size

KIND = "classify"
MOST_BYTES = 200 * 2**20
"""Larger tables are not passed through the browser: their path is shown."""
_ENDINGS = {".csv": "CSV", ".jsonl": "JSON lines", ".parquet": "Parquet"}


def classify_file(store: Store, project: Project, run: Run) -> None:
    """A file, a button, the job, and what came of the latest one."""
    start_reader()  # it is ready when a file has been chosen
    st.header("Classify a file", anchor=False)
    st.caption(
        f"Every row gets a label of {plain(run.name)}, its confidence and the probability of each "
        "class; repeated texts too."
    )
    with told():
        _form(store, project, run)
    latest = jobs_view.latest_job(store, project.id, (KIND,))
    if latest is None:
        return
    with told():
        if latest.state != "finished":
            jobs_view.watch(store, latest, key="classify")
        elif latest.result is not None:
            _result(store, latest)


def _form(store: Store, project: Project, run: Run) -> None:
    draft = _file(store, project)
    if draft is None:
        return
    found = sources.inspected(draft)
    if len(found) != 1:
        show_error(
            f"{draft.name} holds {len(found)} tables. Choose a file with one, so that it is clear "
            "which rows are meant."
        )
        return
    source = found[0]
    path = draft.files[0].path
    column, ending = _choices(source, Path(path).parent.name)
    busy = jobs_view.live_job(store, project.id, (KIND,)) is not None
    pressed = st.button(
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
    out = jobs_view.free_folder(store, f"{project.id}-predictions-{stamp}") / name
    jobs.start(
        store,
        commands.predict_file(project.name, run.id, path, out=str(out), text_column=column),
        kind=KIND,
        title=f"Classify {draft.name} by {run.name}",
        project_id=project.id,
    )
    st.rerun()


def _file(store: Store, project: Project) -> sources.Draft | None:
    """The uploaded file: kept with the project, for its job may be resumed later."""
    uploaded = st.file_uploader(
        "A file of texts", key=f"classify_upload_{project.id}", help=f"{sources.FORMATS}."
    )
    kept = f"_classify_file_{project.id}"
    if uploaded is not None:
        path = uploads.keep_for_project(store, project, uploaded)
        st.session_state[kept] = sources.Draft(
            (File(str(path), uploaded.name),), uploaded.name, True
        )
    draft: sources.Draft | None = st.session_state.get(kept)
    if draft is None or not Path(draft.files[0].path).is_file():
        return None
    if uploaded is None:
        st.text(f"In use: {draft.name}")
    return draft


def _choices(source: Source, key: str) -> tuple[str | None, str]:
    """The column of the texts and the ending of the table."""
    left, right = st.columns(2)
    with left:
        column = sources.column_choice(
            "Column of the texts",
            source,
            source.text_column,
            f"classify_column_{key}",
            "What the student reads.",
        )
    with right:
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
    found = job.result or {}
    path = Path(str(found.get("out", "")))
    with st.container(border=True, key=f"classify_result_{job.id}"):
        st.text(job.title)
        told_of = [f"**{counted(int(found['classified']), 'text')}** classified"]
        if found["blank"]:
            told_of.append(f"{counted(int(found['blank']), 'row')} without a text")
        told_of.append(f"mean confidence {found['mean_confidence']:.3f}")
        st.markdown(" · ".join(told_of) + ".")
        st.dataframe(
            {
                "Class": list(found["per_class"]),
                "Texts": [count(n) for n in found["per_class"].values()],
                "Share": [share(n / found["classified"]) for n in found["per_class"].values()],
            },
            hide_index=True,
            alt="How many texts were given each class",
        )
        sources.show_warnings(found["warnings"])
        _download(store, job, path)


def _download(store: Store, job: Job, path: Path) -> None:
    if not path.is_file():
        st.markdown(f"{plain(path.name)} is no longer there.")
        return
    ours = path.resolve().is_relative_to(store.home.exports.resolve())
    if not ours or path.stat().st_size > MOST_BYTES:
        st.code(str(path), language=None, wrap_lines=True)
        return
    st.download_button(
        f"Download {plain(path.name)} ({size(path.stat().st_size)})",
        data=path.read_bytes,
        file_name=path.name,
        mime="application/octet-stream",
        icon=":material/download:",
        on_click="ignore",
        key=f"classify_download_{job.id}",
    )
