"""Commands on jobs."""

from __future__ import annotations

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
    job = jobs.resume(store, given.id)
    while given.wait and job.live:
        time.sleep(0.5)
        job = jobs.refreshed(store, given.id)
    return {**job_row(job), "result": job.result}
