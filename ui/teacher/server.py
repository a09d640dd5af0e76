"""A server as the teacher: its address, its key, and how it is asked for answers and confidence."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from llkd.config import TeacherConfig
from llkd.config.addresses import clean_base_url, host_and_port, is_loopback
from llkd.config.server_key import HOSTS_VARIABLE, KEY_VARIABLE, named_hosts, server_key
from llkd.errors import ConfigError
from llkd.store import Store
from llkd.store.key_hosts import KeyHosts
from ui.teacher.prompt_editor import Field
from ui.wording import plain

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
    return bool(os.environ.get(KEY_VARIABLE, "").strip())


def server_fields(store: Store, field: Field, start: TeacherConfig, name: str) -> dict[str, Any]:
    """Address and model of the server; says whether a key is set and where key and texts go."""
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
    try:
        address = clean_base_url(url)
    except ValueError:
        address = ""  # the form says what is wrong with it
    _key_words(store, address)
    host = _host(address)
    if host and not is_loopback(host):
        plainly = " over plain http, which others on the way can read" if _is_plain(address) else ""
        st.warning(
            f"Every text of this project will be sent to {plain(host)}{plainly}.",
            icon=":material/cloud_upload:",
        )
    return {"teacher": f"api:{model.strip()}", "base_url": url.strip() or None}


def _key_words(store: Store, address: str) -> None:
    """Whether there is a key, to whom it goes, and how to give one."""
    if not key_known():
        st.caption(
            ":material/key_off: No key is set, which a server of your own seldom needs. To give "
            f"one: stop the app, type `export {KEY_VARIABLE}=your-key` in the terminal (or write "
            f'`{KEY_VARIABLE} = "your-key"` into `.streamlit/secrets.toml`), and start the app '
            "again; it is never typed here."
        )
        return
    try:
        key = server_key()
        place = host_and_port(address)
    except ConfigError as error:
        st.warning(plain(str(error)), icon=":material/key_off:")
        return
    except ValueError:
        place = ""
    found = (
        f":material/key: A key was found in the environment or the app's secrets ({KEY_VARIABLE})."
    )
    if not place or key is None:
        st.caption(found)
        return
    hosts = KeyHosts(store.home.root)
    refusal = hosts.refusal(key, address)
    if refusal is not None:
        st.warning(f"{plain(refusal)}.", icon=":material/key_off:")
    elif named_hosts() is None and hosts.first(key) is None:
        st.caption(
            f"{found} With the first question it goes to {plain(place)}, and from then on to no "
            f"other server unless `{HOSTS_VARIABLE}` names it."
        )
    else:
        st.caption(f"{found} It goes to {plain(place)}.")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_plain(url: str) -> bool:
    return url.startswith("http:")


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
