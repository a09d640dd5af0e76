"""Choosing a teacher and how it is asked: widgets in, :class:`TeacherConfig` out."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llkd.config import TeacherConfig, build
from llkd.errors import ConfigError
from llkd.store import Project, Store
from ui import uploads
from ui.errors import show_error
from ui.teacher.five import five_rows
from ui.teacher.prompt_editor import Field, preview, prompt_fields
from ui.teacher.server import answer_fields, longest_text, server_fields
from ui.wording import TERMS

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
_PRECISIONS = {
    "auto": "chosen by the machine",
    "bf16": "16 bit, bfloat (faster)",
    "fp16": "16 bit, half (faster on some graphics cards)",
    "fp32": "32 bit",
}


_FILLED = (
    *("kind", "local", "model", "url", "instruction", "question", "lead", "examples"),
    *("example_count", "example_source", "confidence", "samples", "tokens", "concurrency"),
    *("timeout", "retries", "score", "precision"),
)


def teacher_form(
    store: Store,
    project: Project,
    start: TeacherConfig,
    rows: list[int] | None = None,
    *,
    side: str = "",
) -> tuple[TeacherConfig | str, list[int]]:
    """The widgets that choose a teacher, beginning at ``start``.

    Returns the settings, or a sentence on what is still to be filled in or put right, and the
    rows of the texts to try them on: those given, else picked here. A second form has a ``side``.
    """
    kind, _, name = start.teacher.partition(":")

    def field(what: str) -> str:
        return f"teacher_{what}_{project.id}{side}"

    chosen = st.radio(
        "Who labels the texts?",
        list(_KINDS),
        index=list(_KINDS).index(kind),
        format_func=lambda k: _KINDS[k][0],
        captions=None if side else [caption for _, caption in _KINDS.values()],
        horizontal=bool(side),
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
        values |= server_fields(store, field, start, name if kind == SERVER else "")
    elif chosen == FILE:
        values["teacher"] = f"{FILE}:{_labels_file(store, project, name, kind, field)}"
        return _built(values), rows or []
    question = st.expander(
        "The question",
        icon=":material/edit:",
        key=field("question_box"),
        on_change="rerun",
    )
    with question:
        # Side by side where there is room, so that one sees what typing changes.
        editor, beside = st.columns(2, gap="medium")
        with editor:
            values |= prompt_fields(store, project, field, start, local=chosen != SERVER)
        with beside:
            picked = rows if rows is not None else five_rows(store, project)
    with st.expander("How answers are asked for and scored", icon=":material/tune:"):
        values |= answer_fields(field, start) if chosen == SERVER else _details(field, start)
    config = _built(values)
    if question.open:
        with beside:
            # What is asked does not hang on who is asked: it shows before a model is named.
            shown_for = config if isinstance(config, TeacherConfig) else _unnamed(values)
            if shown_for is not None:
                preview(store, project, shown_for, picked, field)
    return config, picked


def fill_in(project: Project, config: TeacherConfig) -> None:
    """Put these settings into the form; to be called before its widgets are drawn (a callback)."""
    kind, _, name = config.teacher.partition(":")
    values = config.model_dump() | {"kind": kind}
    values |= {"url": config.base_url, "tokens": config.max_text_tokens}
    values |= {"score": config.verbaliser_score}
    values |= {LOCAL: name if kind == LOCAL else None, "model": name if kind == SERVER else None}
    for what in _FILLED:
        if values[what] is not None:
            st.session_state[f"teacher_{what}_{project.id}"] = values[what]
    if kind == FILE:
        st.session_state[f"_teacher_file_{project.id}"] = (name, name)


def _built(values: dict[str, Any]) -> TeacherConfig | str:
    kind, _, name = str(values["teacher"]).partition(":")
    if kind != EMBEDDED and not name:
        return _WANTED[kind]
    try:
        return build(TeacherConfig, values)
    except ConfigError as error:
        show_error(str(error))
        return str(error)


def shown_already(problem: str) -> bool:
    """Whether the form itself shows this problem; what is merely not filled in yet it does not."""
    return problem not in _WANTED.values()


def _unnamed(values: dict[str, Any]) -> TeacherConfig | None:
    kind, _, name = str(values["teacher"]).partition(":")
    if name:
        return None  # something else is wrong, and has been said
    try:
        return build(TeacherConfig, values | {"teacher": f"{kind}:model"})
    except ConfigError:
        return None


def _labels_file(store: Store, project: Project, name: str, kind: str, field: Field) -> str:
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


def _details(field: Field, start: TeacherConfig) -> dict[str, Any]:
    values: dict[str, Any] = {"max_text_tokens": longest_text(field, start)}
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
