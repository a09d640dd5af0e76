"""A job on a page: how far, how fast, how long still; stop, resume, its last log lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from llkd import jobs
from llkd.store import Job, Store
from ui.shell import fragments
from ui.shell.errors import show_error, show_errors
from ui.shell.session_keys import session_keys
from ui.shell.unbroken import press_once
from ui.shell.wording import count, duration, plain, rate, share, time_left

FORCE_OFFER_SECONDS = 3.0


def latest_job(store: Store, project_id: int, kinds: Sequence[str]) -> Job | None:
    """The newest job of these kinds in a project, as it truly is; None where there is none."""
    newest = next((job for job in store.jobs.all(project_id) if job.kind in kinds), None)
    return None if newest is None else jobs.refreshed(store, newest.id)


def live_job(store: Store, project_id: int, kinds: Sequence[str]) -> Job | None:
    """The queued or running job of these kinds in a project; None where there is none."""
    live = jobs.live_jobs(store)
    return next((j for j in live if j.project_id == project_id and j.kind in kinds), None)


def free_folder(store: Store, name: str) -> Path:
    """A folder for an export of that name: not there yet, and no job under way writes to it."""
    requests = [
        jobs.known_request(store, job) for job in store.jobs.all(states=("queued", "running"))
    ]
    reserved = {Path(r.out_path) for r in requests if r is not None and r.out_path is not None}
    folder, number = store.home.exports / name, 2
    while folder.exists() or any(path == folder or folder in path.parents for path in reserved):
        folder = store.home.exports / f"{name}-{number}"
        number += 1
    return folder


def pace(job: Job) -> float | None:
    """Units per second of the attempt under way; None before there is a pace."""
    if job.started is None:
        return None
    moved = job.done - job.context.get("began_at", 0)
    spent = (job.heartbeat or time.time()) - job.context.get("pace_from", job.started)
    return moved / spent if moved > 0 and spent > 0 else None


TELL_AFTER = 5.0


def headline(job: Job) -> str:
    """How far a live job is, as Markdown without markup of the job's own."""
    if job.cancel_requested is not None:
        return "Stopping; what is done is kept."
    phase = plain(job.message)
    if job.state == "queued" and phase:
        return phase  # its process says what it waits for
    if not job.total:
        # Loading a model tells no share: the time that has gone shows that something happens.
        return f"{phase or 'Starting'} \u2026{_since(job)}"
    if job.kind == "label":
        phase = plain(
            job.message.partition(",")[0]
        )  # pace and cost, for the command line, stand here already
    unit = jobs.unit_of(job.kind)
    parts = [
        phase,
        f"{count(job.done)} of {count(job.total)} {unit}",
        share(job.share),
        rate(pace(job), unit),
        time_left(job.seconds_left),
    ]
    return " \u00b7 ".join(part for part in parts if part)


def _since(job: Job) -> str:
    """How long a job has run, once that is worth telling."""
    seconds = 0.0 if job.started is None else time.time() - job.started
    return f" {duration(seconds)} so far" if seconds >= TELL_AFTER else ""


def job_card(store: Store, job: Job, *, key: str = "job") -> None:
    """A job in full: state, progress, stop or resume, its last log lines if it ended badly."""
    with st.container(border=True, key=f"{key}_card_{job.id}"):
        st.text(job.title)
        if job.live:
            _live(store, job, key)
        elif job.state == "finished":
            st.caption(f":green[:material/check_circle:] Finished{_took(job)}.")
        else:
            _ended_early(store, job, key)


def watch(
    store: Store,
    job: Job,
    *,
    key: str = "job",
    body: Callable[[Job], None] | None = None,
    every: float = 1.0,
) -> None:
    """:func:`job_card` that follows a live job by itself; ``body`` is drawn below it each time.

    The whole page runs again once the job has ended.
    """

    def _follow() -> None:
        now = jobs.refreshed(store, job.id)
        job_card(store, now, key=key)
        if body is not None:
            with show_errors():
                body(now)
        if job.live and not now.live:
            st.rerun()

    fragments.part(_follow, every if job.live else None)()


def sidebar_card(store: Store, job: Job) -> None:
    """A live job in the sidebar: title, progress, stop."""
    with st.container(border=True, gap="xsmall"):
        st.text(job.title)
        st.progress(job.share)
        quiet = jobs.unanswering(store, job)
        line = headline(job)
        st.caption(line if quiet is None else f"Not answering for {duration(quiet)}.")
        _stop_button(store, job, "side")


def _unanswering(store: Store, job: Job) -> bool:
    quiet = jobs.unanswering(store, job)
    if quiet is not None:
        st.warning(
            f"This job has not answered for {duration(quiet)}: it hangs, or the machine sleeps. "
            "It may go on by itself; what it has done is kept if you stop it at once.",
            icon=":material/hourglass_disabled:",
        )
    return quiet is not None


def _live(store: Store, job: Job, key: str) -> None:
    unit = jobs.unit_of(job.kind)
    silent = _unanswering(store, job)
    st.progress(job.share)
    with st.container(horizontal=True, vertical_alignment="center"):
        # A pace that was is no promise of when it ends.
        counts = f"{count(job.done)} of {count(job.total)} {unit}" if job.total else ""
        st.markdown(counts if silent else headline(job), width="stretch")
        _stop_button(store, job, key)


def _stop_button(store: Store, job: Job, key: str) -> None:
    waiting = jobs.seconds_since_asked(job)
    if waiting is None and jobs.unanswering(store, job) is None:
        if st.button("Stop", icon=":material/stop_circle:", key=f"{key}_stop_{job.id}"):
            with show_errors():
                jobs.cancel(store, job.id)
            st.rerun()
    elif (waiting is None or waiting > FORCE_OFFER_SECONDS) and st.button(
        "Stop at once",
        icon=":material/stop_circle:",
        key=f"{key}_force_{job.id}",
        help="It has not stopped by itself yet. What was kept so far stays.",
    ):
        with show_errors():
            jobs.cancel(store, job.id, force=True)
        st.rerun()


def _ended_early(store: Store, job: Job, key: str) -> None:
    reason, _, _ = (job.error or "").partition("\n")
    if job.state == "cancelled":
        st.markdown(":material/stop_circle: Stopped. What was done is kept.")
    elif job.state == "died":
        show_error(f"This job died. {reason}")
    else:
        show_error(reason or "It failed and gave no reason.")
    if job.total:
        st.caption(f"It had done {count(job.done)} of {count(job.total)}.")
    name = f"{key}_resume_{job.id}"
    if press_once("Resume", icon=":material/play_arrow:", type="primary", key=name):
        with show_errors():
            jobs.resume(store, job.id, keys=session_keys())
            st.rerun()
    tail = jobs.log_tail(store, job.id)
    if tail and job.state != "cancelled":
        st.caption("The last lines of its log:")
        st.code(tail, language=None, wrap_lines=True)


def _took(job: Job) -> str:
    if job.finished is None or job.started is None:
        return ""
    return f" in {duration(job.finished - job.started)}"
