"""Choosing a teacher: widgets in, :class:`TeacherConfig` out, a dry run and its estimate."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from llkd import commands, jobs
from llkd.config import TeacherConfig, build
from llkd.store import Project, Store
from ui import jobs_view, uploads
from ui.errors import show_error, told
from ui.teacher.dry_run import show_dry_run
from ui.wording import TERMS, counted, plain

KEY_VARIABLE = "OPENAI_API_KEY"
EMBEDDED, LOCAL, SERVER, FILE = "embedded", "local", "api", "file"
_KINDS = {
    EMBEDDED: (
        "The embedded model",
        "SmolLM2-135M, on this machine: small, private and free, but slow and often wrong. "
        "Calibration and selection are there for that.",
    ),
    LOCAL: (
        "Another model on this machine",
        "A folder or a hub id of a causal language model: larger is slower and more often right.",
    ),
    SERVER: (
        "A server",
        "Any OpenAI-compatible server, on this machine or elsewhere. It is sent every text.",
    ),
    FILE: ("Labels from a file", "Labels that another tool or model has made already."),
}
_WANTED = {
    LOCAL: "Name the folder or hub id of the model.",
    SERVER: "Name the model that the server offers.",
    FILE: "Choose the file with the labels.",
}
_SCORES = {
    "sum": "sum of its words' log-probabilities",
    "mean": "mean of its words' log-probabilities (fair to long names)",
    "first_token": "first word piece only (fastest)",
}
_PRECISIONS = {"auto": "chosen by the machine", "bf16": "16 bit (faster)", "fp32": "32 bit"}


def teacher_form(store: Store, project: Project, start: TeacherConfig) -> TeacherConfig | str:
    """The widgets that choose a teacher, beginning at ``start``.

    Returns the settings, or a sentence on what is still to be filled in. Raises ConfigError.
    """
    kind, _, name = start.teacher.partition(":")

    def field(what: str) -> str:
        return f"teacher_{what}_{project.id}"

    chosen = st.radio(
        "Who labels the texts?",
        list(_KINDS),
        index=list(_KINDS).index(kind),
        format_func=lambda k: _KINDS[k][0],
        captions=[caption for _, caption in _KINDS.values()],
        key=field("kind"),
        persist_state="session",
    )
    values: dict[str, Any] = {"teacher": EMBEDDED}
    if chosen == LOCAL:
        shown = st.text_input(
            "Folder or hub id",
            name if kind == LOCAL else "",
            placeholder="/models/qwen or organisation/model",
            key=field("local"),
            persist_state="session",
        )
        values["teacher"] = f"{LOCAL}:{shown.strip()}"
    elif chosen == SERVER:
        values |= _server(field, start, name if kind == SERVER else "")
    elif chosen == FILE:
        values["teacher"] = f"{FILE}:{_labels_file(store, project, name, kind, field)}"
    if chosen != FILE:
        with st.expander("The question and how answers are scored", icon=":material/tune:"):
            values |= _details(field, start, chosen)
    kind, _, name = str(values["teacher"]).partition(":")
    return build(TeacherConfig, values) if kind == EMBEDDED or name else _WANTED[kind]


def _server(field: Any, start: TeacherConfig, name: str) -> dict[str, Any]:
    left, right = st.columns(2)
    url = left.text_input(
        "Base URL",
        start.base_url or "http://127.0.0.1:8000/v1",
        key=field("url"),
        persist_state="session",
    )
    model = right.text_input(
        "Model",
        name,
        placeholder="the model's name on that server",
        key=field("model"),
        persist_state="session",
    )
    if os.environ.get(KEY_VARIABLE):
        st.caption(f":material/key: A key was found in the environment ({KEY_VARIABLE}).")
    else:
        st.caption(
            f":material/key_off: No key is set. If the server needs one, put it into the "
            f"environment variable {KEY_VARIABLE} and start the app again; it is never typed here."
        )
    host = _host(url)
    if host not in {"127.0.0.1", "localhost", "::1", ""}:
        st.warning(
            f"Every text of this project will be sent to {plain(host)}.",
            icon=":material/cloud_upload:",
        )
    return {"teacher": f"{SERVER}:{model.strip()}", "base_url": url.strip() or None}


def _host(url: str) -> str:
    try:
        return urlsplit(url.strip()).hostname or ""
    except ValueError:
        return ""


def _labels_file(store: Store, project: Project, name: str, kind: str, field: Any) -> str:
    st.caption(
        "A CSV, TSV, JSON Lines or Parquet file with a column `text`, by which labels are matched, "
        "and a column `label`; with a column `confidence` from 0 to 1 if it is known, or, instead, "
        "one column of probabilities for each class."
    )
    uploaded = st.file_uploader("File with labels", key=field("upload"))
    kept = f"_teacher_file_{project.id}"
    if uploaded is not None:
        path = uploads.keep_for_project(store, project, uploaded)
        st.session_state[kept] = (str(path), uploaded.name)
    path, shown = st.session_state.get(kept, (name if kind == FILE else "", name))
    if path:
        st.text(f"In use: {shown}")
    return str(path)


def _details(field: Any, start: TeacherConfig, kind: str) -> dict[str, Any]:
    values: dict[str, Any] = {
        "instruction": st.text_area(
            "Instruction",
            start.instruction,
            help="What the teacher is told before the classes and the text.",
            key=field("instruction"),
            persist_state="session",
        ),
        "max_text_tokens": st.number_input(
            "Longest text, in tokens (about 4 letters each); the rest is cut off",
            8,
            8192,
            start.max_text_tokens,
            key=field("tokens"),
            persist_state="session",
        ),
    }
    if kind == SERVER:
        left, right = st.columns(2)
        values["concurrency"] = left.number_input(
            "Requests at the same time",
            1,
            64,
            start.concurrency,
            key=field("concurrency"),
            persist_state="session",
        )
        values["samples"] = right.number_input(
            "Answers per text where the server gives no probabilities",
            1,
            50,
            start.samples,
            help="The share of answers that agree is then the confidence.",
            key=field("samples"),
            persist_state="session",
        )
        return values
    left, right = st.columns(2)
    values["verbaliser_score"] = left.selectbox(
        "Score of a class",
        list(_SCORES),
        list(_SCORES).index(start.verbaliser_score),
        format_func=lambda rule: _SCORES[rule],
        help=TERMS["verbaliser"] + " Its score is how likely the teacher finds those words.",
        key=field("score"),
        persist_state="session",
    )
    values["precision"] = right.selectbox(
        "Number format",
        list(_PRECISIONS),
        list(_PRECISIONS).index(start.precision),
        format_func=lambda one: _PRECISIONS[one],
        key=field("precision"),
        persist_state="session",
    )
    return values


def start_labelling(store: Store, project: Project, config: TeacherConfig, **more: Any) -> None:
    """Start the job that labels what is not labelled yet."""
    jobs.start(
        store,
        commands.label(project.name, config, **more),
        kind="label",
        title=f"Label {project.name}",
        project_id=project.id,
    )
    st.rerun()


def form_actions(
    store: Store, project: Project, config: TeacherConfig | str, *, primary: bool
) -> None:
    """Dry run and start, and what the last dry run with these very settings said."""
    with st.container(horizontal=True, vertical_alignment="center"):
        kind: Any = "primary" if primary else "secondary"
        begin = st.button("Start labelling", type=kind, icon=":material/play_arrow:")
        tried = st.button("Try it on five texts", icon=":material/science:")
        st.caption(f"{counted(project.rows, 'text')}, each asked about once.")
    if isinstance(config, str):
        if begin or tried:
            show_error(config)
        return
    dry = commands.label(project.name, config, dry_run=True)
    if begin or tried:
        with told():
            if begin:
                start_labelling(store, project, config)
            title = f"Dry run of {project.name}"
            jobs.start(store, dry, kind="dry-run", title=title, project_id=project.id)
            st.rerun()
    last = jobs_view.latest_job(store, project.id, ("dry-run",))
    if last is None or last.arguments != dry:
        return
    if last.result is None:
        jobs_view.watch(store, last, key="dry")
    else:
        show_dry_run(last, project, config)
