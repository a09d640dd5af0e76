"""The bake-off: several ways to ask, on the same rows, with what each is worth and costs."""

from __future__ import annotations

import streamlit as st

from llkd.config import TeacherConfig
from llkd.store import Project, Store
from ui import jobs_view
from ui.teacher import tries, winners


def bake_off(store: Store, project: Project, config: TeacherConfig) -> None:
    """Choose what to try, start it, watch it, read what came out and put the best to use."""
    last = jobs_view.latest_job(store, project.id, (tries.KIND,))
    if last is not None and last.live:
        jobs_view.watch(store, last, key="bake", unit="answers")
        return
    if last is not None and last.result is None:
        jobs_view.job_card(store, last, key="bake")
    elif last is not None and last.result is not None:
        winners.show(store, project, last.result)
        st.space("small")
    tries.form(store, project, config, primary=last is None)
