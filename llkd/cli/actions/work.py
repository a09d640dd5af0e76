"""Commands on jobs."""

from __future__ import annotations

import time
from argparse import Namespace

from llkd import jobs
from llkd.cli.actions.given import Document
from llkd.cli.output import job_row
from llkd.store import Store


def list_jobs(store: Store, given: Namespace) -> Document:
    """``llkd jobs``."""
    project_id = store.projects.get(given.project).id if given.project else None
    return {"jobs": [job_row(job) for job in jobs.all_jobs(store, project_id)]}


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
