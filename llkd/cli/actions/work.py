"""Commands on jobs."""

from __future__ import annotations

import logging
import time
from argparse import Namespace

from llkd import jobs
from llkd.cli.actions.given import Document
from llkd.cli.output import job_row
from llkd.store import Job, Store


def list_jobs(store: Store, given: Namespace) -> Document:
    """``llkd jobs``."""
    project_id = store.projects.get(given.project).id if given.project else None
    return {"jobs": [_row(store, job) for job in jobs.all_jobs(store, project_id)]}


def _row(store: Store, job: Job) -> Document:
    """A job as the command line shows it, and whether it answers."""
    quiet = jobs.unanswering(store, job)
    row = {**job_row(job), "silent_seconds": quiet}
    if quiet is not None:
        row["message"] = f"Not answering for {quiet:,.0f} s. End it: llkd cancel {job.id} --force"
    return row


def cancel(store: Store, given: Namespace) -> Document:
    """``llkd cancel``: ask, then wait a moment for the job to end."""
    job = jobs.cancel(store, given.id, given.force)
    for _ in range(50):
        if not job.live:
            break
        time.sleep(0.2)
        job = jobs.refreshed(store, given.id)
    return job_row(job)


def resume(store: Store, given: Namespace) -> Document:
    """``llkd resume``."""
    again = _asked_again(store, given.id)
    if again is not None:
        logging.getLogger("llkd").warning("%s", again)
    job = jobs.resume(store, given.id)
    while given.wait and job.live:
        time.sleep(0.5)
        job = jobs.refreshed(store, given.id)
    return {**job_row(job), "result": job.result}


def _asked_again(store: Store, job_id: int) -> str | None:
    """What resuming a killed labelling of a server asks and pays once more; None for others."""
    job = jobs.refreshed(store, job_id)
    number = job.context.get("labelling_id")
    if job.state != "died" or number is None:
        return None
    config = store.labellings.get(int(number)).config
    if not config.teacher.startswith("api:"):
        return None
    return (
        f"Calls that were on their way when the job died, {config.concurrency} texts at most, are "
        "asked and paid once more; the bill counts both."
    )
