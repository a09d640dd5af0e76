"""A server as the teacher: its address, its model, and its key."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from llkd.config import TeacherConfig
from llkd.config.addresses import clean_base_url, is_loopback
from llkd.installation import lacking
from llkd.store import Store
from llkd.teachers.kind import TeacherKind
from ui.shell.wording import plain
from ui.teacher.setup.question import Field
from ui.teacher.setup.server_key import key_fields


def server_fields(
    store: Store, field: Field, start: TeacherConfig, kind: TeacherKind, name: str
) -> dict[str, Any]:
    """Address and model of the server; says whether a key is set and where key and texts go."""
    sentence = lacking("api", "A teacher behind a server")
    if sentence is not None:
        st.warning(plain(sentence), icon=":material/extension_off:")
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
    key_fields(store, address, field)
    host = _host(address)
    if host and not is_loopback(host):
        plainly = " over plain http, which others on the way can read" if _is_plain(address) else ""
        st.warning(
            f"Every text of this project will be sent to {plain(host)}{plainly}.",
            icon=":material/cloud_upload:",
        )
    return {"teacher": f"{kind.name}:{model.strip()}", "base_url": url.strip() or None}


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_plain(url: str) -> bool:
    return url.startswith("http:")
