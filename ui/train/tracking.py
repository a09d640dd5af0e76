"""Whether a tracking server is told of the runs that this page starts."""

from __future__ import annotations

import os
from typing import Any

import streamlit as st

from llkd.config.tracking import KIND, VARIABLE, shown_uri
from llkd.installation import lacking
from ui.shell.wording import plain

_ADDRESS, _ON, _STUDENT = "train_tracking_server", "train_tracking", "train_tracking_student"


def tracking_fields() -> None:
    """A switch, the server's address, and whether the student's files go along."""
    wanted = st.toggle(
        "Track the runs in MLflow",
        key=_ON,
        persist_state="session",
        help="When a run has ended, a job of its own tells the server its settings, metrics by "
        "epoch, report and model card. Training waits for nothing, and what cannot be sent stays "
        "and can be resumed.",
    )
    if not wanted:
        return
    missing = lacking("mlflow", "Tracking runs in MLflow")
    if missing:
        st.caption(f":material/warning: {plain(missing)}")
    named = os.environ.get(VARIABLE, "").strip()
    st.text_input(
        "Tracking server",
        key=_ADDRESS,
        persist_state="session",
        placeholder=shown_uri(named) if named else "http://127.0.0.1:5000",
        width=400,
        help="Its address without user name and password: MLflow reads those from "
        "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD where the app was started.",
    )
    st.toggle("With the student's files", key=_STUDENT, persist_state="session")


def tracking() -> dict[str, Any]:
    """What the form says, as requests take it; empty where the runs are not tracked."""
    if not st.session_state.get(_ON):
        return {}
    address = str(st.session_state.get(_ADDRESS) or "").strip()
    return {
        "track": f"{KIND}:{address}" if address else KIND,
        "track_student": bool(st.session_state.get(_STUDENT)),
    }
