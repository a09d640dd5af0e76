"""Ask a trained student about a typed text; the asking is a job, so that no model is held here."""

from __future__ import annotations

import streamlit as st

from llkd import charts, jobs
from llkd.config import build
from llkd.errors import NotFound
from llkd.jobs.requests import PredictRequest
from llkd.store import Job, Project, Run, Store
from ui.shell import fragments
from ui.shell.errors import show_error, show_errors
from ui.shell.figures import CHART_CONFIG
from ui.shell.unbroken import press_once
from ui.shell.wording import plain, shortened

LONGEST = 20_000
_JOB = "_tryout_job"


def try_student(store: Store, project: Project, run: Run) -> None:
    """A field, a button, and the answer when it comes."""
    st.header("Try the student", anchor=False)
    text = st.text_area(
        f"A text of your own, for {plain(run.name)}",
        key="tryout_text",
        persist_state="session",
        max_chars=LONGEST,
        height=110,
        placeholder="Type or paste one text.",
    )
    if press_once("Ask the student", type="primary", icon=":material/quickreply:", key="tryout_go"):
        with show_errors():
            if not text.strip():
                show_error("There is no text to ask about yet. Type one.")
            else:
                request = build(PredictRequest, project=project.name, run=run.id, text=text)
                job = jobs.start(store, request, title=f"Ask {run.name}")
                st.session_state[_JOB] = (job.id, run.id, text)
    question = st.session_state.get(_JOB)
    if question is None or question[1] != run.id:
        return
    with show_errors():
        _follow(store, question[0], question[2])


def _follow(store: Store, job_id: int, text: str) -> None:
    try:
        job = jobs.refreshed(store, job_id)
    except NotFound:
        st.session_state.pop(_JOB, None)
        return
    fragments.part(_answer, 0.5 if job.live else None)(store, job, text)


def _answer(store: Store, shown_job: Job, text: str) -> None:
    job = jobs.refreshed(store, shown_job.id)
    if job.live:
        st.caption(":material/hourglass_top: The student is being loaded and asked …")
        return
    if shown_job.live:
        st.rerun()  # the answer is there: no need to look again every half second
    if job.state != "finished" or job.result is None:
        show_error((job.error or "The student gave no answer.").partition("\n")[0])
        return
    st.markdown(f"**{plain(job.result['label'])}** is the student's answer to:")
    st.text(shortened(text, 200))
    st.plotly_chart(
        charts.probabilities(job.result["probabilities"]),
        key=f"tryout_{job.id}",
        config=CHART_CONFIG,
        alt="The student's probability for each class",
    )
