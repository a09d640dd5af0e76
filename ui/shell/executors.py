"""Where a job's work is done: this machine or a Ray cluster, where Ray is installed."""

from __future__ import annotations

import streamlit as st

from llkd.config import ON_THIS_MACHINE, ExecutorConfig, build
from llkd.config.executor import PROCESS, RAY
from llkd.installation import lacking

_PLACES = {PROCESS: "This machine", RAY: "Ray cluster"}


def executor_fields(prefix: str) -> None:
    """The choice, and the cluster's address and workers; nothing where Ray is not installed."""
    if lacking("ray", "Work on a Ray cluster") is not None:
        return
    place = st.segmented_control(
        "Where it runs",
        list(_PLACES),
        format_func=_PLACES.__getitem__,
        default=PROCESS,
        required=True,
        key=f"{prefix}_on",
        persist_state="session",
        help="A cluster spreads the work over workers on several machines; stopping, resuming and "
        "what is stored stay as they are.",
    )
    if place != RAY:
        return
    first, second, third, fourth = st.columns([3, 1, 1, 1])
    first.text_input(
        "Address of the cluster",
        key=f"{prefix}_address",
        persist_state="session",
        placeholder="one that runs here, or a new one",
        help="ray://HOST:10001 from outside, HOST:6379 where this machine is a node, auto for one "
        "that runs here. Left empty, that one is used, or one is started for this job.",
    )
    second.number_input(
        "Workers",
        1,
        None,
        None,
        step=1,
        placeholder="all that fit",
        key=f"{prefix}_workers",
        persist_state="session",
    )
    third.number_input(
        "CPUs each", 0.1, None, 1.0, step=1.0, key=f"{prefix}_cpus", persist_state="session"
    )
    fourth.number_input(
        "GPUs each",
        0.0,
        None,
        None,
        step=1.0,
        placeholder="as usual",
        key=f"{prefix}_gpus",
        persist_state="session",
        help="Left empty, each teacher has one where the cluster has any.",
    )


def chosen_executor(prefix: str) -> ExecutorConfig:
    """What the fields say. Raises ConfigError for an address that is none."""
    state = st.session_state
    if state.get(f"{prefix}_on") != RAY:
        return ON_THIS_MACHINE
    return build(
        ExecutorConfig,
        on=str(state.get(f"{prefix}_address") or "").strip() or RAY,
        cluster_workers=state.get(f"{prefix}_workers"),
        worker_cpus=state.get(f"{prefix}_cpus") or 1.0,
        worker_gpus=state.get(f"{prefix}_gpus"),
    )
