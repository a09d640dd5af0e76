"""Ask a trained student about a typed text; the asking is a job, so that no model is held here."""

from __future__ import annotations

import streamlit as st

from llkd import charts, commands, jobs
from llkd.errors import NotFound
from llkd.store import Job, Project, Run, Store
from ui import timed
from ui.errors import show_error, told
from ui.wording import plain, shortened

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
    if st.button("Ask the student", type="primary", icon=":material/quickreply:", key="tryout_go"):
        with told():
            if not text.strip():
                show_error("There is no text to ask about yet. Type one.")
            else:
                arguments = commands.predict(project.name, run.id, text)
                job = jobs.start(
                    store,
                    arguments,
                    kind="predict",
                    title=f"Ask {run.name}",
                    project_id=project.id,
                    device=None,
                )
                st.session_state[_JOB] = (job.id, run.id, text)
    asked = st.session_state.get(_JOB)
    if asked is None or asked[1] != run.id:
        return
    with told():
        _follow(store, asked[0], asked[2])


def _follow(store: Store, job_id: int, text: str) -> None:
    try:
        job = jobs.refreshed(store, job_id)
    except NotFound:
        st.session_state.pop(_JOB, None)
        return
    timed.part(_answer, 0.5 if job.live else None)(store, job, text)


def _answer(store: Store, asked: Job, text: str) -> None:
    job = jobs.refreshed(store, asked.id)
    if job.live:
        st.caption(":material/hourglass_top: The student is being loaded and asked …")
        return
    if asked.live:
        st.rerun()  # the answer is there: no need to look again every half second
    if job.state != "finished" or job.result is None:
        show_error((job.error or "The student gave no answer.").partition("\n")[0])
        return
    st.markdown(f"**{plain(job.result['label'])}** is the student's answer to:")
    st.text(shortened(text, 200))
    st.plotly_chart(
        charts.probabilities(job.result["probabilities"]),
        key=f"tryout_{job.id}",
        config={"displayModeBar": False},
        alt="The student's probability for each class",
    )
