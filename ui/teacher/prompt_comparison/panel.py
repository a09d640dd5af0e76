"""Several ways to ask, on the same rows, with what each is worth and costs."""

from __future__ import annotations

import streamlit as st

from llkd.config import TeacherConfig
from llkd.store import Project, Store
from ui.shell import job_cards
from ui.teacher.prompt_comparison import form, results


def compare_prompts(store: Store, project: Project, config: TeacherConfig) -> None:
    """Choose what to try, start it, watch it, read what came out and put the best to use."""
    last = job_cards.latest_job(store, project.id, (form.KIND,))
    if last is not None and last.live:
        st.caption("The ways of asking are being compared; how far it is stands above.")
        return
    if last is not None and last.result is None:
        job_cards.job_card(store, last, key="bake")
    elif last is not None and last.result is not None:
        results.show(store, project, last.result)
        st.space("small")
    form.form(store, project, config, primary=last is None)
