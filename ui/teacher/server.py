"""A server as the teacher: its address, its key, and how it is asked for answers and confidence."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from llkd.config import TeacherConfig
from ui.teacher.prompt_editor import Field
from ui.wording import plain

KEY_VARIABLE = "OPENAI_API_KEY"
_CONFIDENCES = {
    "auto": (
        "What the server can do",
        "Log-probabilities where the server gives them, else agreement among several answers.",
    ),
    "logprob": (
        "Log-probabilities",
        "Measured by the model itself in one call: the best there is, where the server has it.",
    ),
    "self_consistency": (
        "Agreement of several answers",
        "Each text is asked about several times; the share that agrees is the confidence. "
        "It costs that many answers.",
    ),
    "verbalized": (
        "Stated by the teacher",
        "The teacher writes how sure it is: one call, but models tend to overstate it.",
    ),
    "none": ("None", "One answer and no confidence: the cheapest, but nothing can be sorted out."),
}


def key_known() -> bool:
    """Whether a key for servers is set; one in the app's secrets is put into the environment."""
    st.secrets.load_if_toml_exists()  # reading them is what puts them there
    return bool(os.environ.get(KEY_VARIABLE))


def server_fields(field: Field, start: TeacherConfig, name: str) -> dict[str, Any]:
    """Address and model of the server; says whether a key is set and where the texts go."""
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
    if key_known():
        st.caption(
            f":material/key: A key was found in the environment or the app's secrets "
            f"({KEY_VARIABLE})."
        )
    else:
        st.caption(
            f":material/key_off: No key is set. If the server needs one, put {KEY_VARIABLE} into "
            "the environment or the app's secrets file and start the app again; it is never typed "
            "here."
        )
    host = _host(url)
    if host not in {"127.0.0.1", "localhost", "::1", ""}:
        st.warning(
            f"Every text of this project will be sent to {plain(host)}.",
            icon=":material/cloud_upload:",
        )
    return {"teacher": f"api:{model.strip()}", "base_url": url.strip() or None}


def _host(url: str) -> str:
    try:
        return urlsplit(url.strip()).hostname or ""
    except ValueError:
        return ""


def answer_fields(field: Field, start: TeacherConfig) -> dict[str, Any]:
    """How the server is asked: confidence, waiting, trying again."""
    values: dict[str, Any] = {
        "confidence": st.selectbox(
            "Where the confidence comes from",
            list(_CONFIDENCES),
            list(_CONFIDENCES).index(start.confidence),
            format_func=lambda one: _CONFIDENCES[one][0],
            key=field("confidence"),
            persist_state="session",
        )
    }
    st.caption(_CONFIDENCES[values["confidence"]][1])
    if values["confidence"] in {"auto", "self_consistency"}:
        values["samples"] = st.number_input(
            "Answers per text where the server gives no probabilities",
            1,
            50,
            start.samples,
            help="The share of answers that agree is then the confidence.",
            key=field("samples"),
            persist_state="session",
        )
    values["max_text_tokens"] = longest_text(field, start)
    values["concurrency"] = st.number_input(
        "Requests at the same time",
        1,
        64,
        start.concurrency,
        key=field("concurrency"),
        persist_state="session",
    )
    left, right = st.columns(2)
    values["timeout"] = left.number_input(
        "Seconds to wait for an answer",
        1.0,
        3600.0,
        start.timeout,
        format="%g",
        key=field("timeout"),
        persist_state="session",
    )
    values["retries"] = right.number_input(
        "Further tries of a call that failed",
        0,
        20,
        start.retries,
        help="After pauses that double, and never sooner than the server asks for.",
        key=field("retries"),
        persist_state="session",
    )
    return values


def longest_text(field: Field, start: TeacherConfig) -> int:
    """How much of a long text the teacher reads."""
    return st.number_input(
        "Longest text, in tokens (about 4 letters each); of longer ones the middle is cut",
        8,
        8192,
        start.max_text_tokens,
        key=field("tokens"),
        persist_state="session",
    )
