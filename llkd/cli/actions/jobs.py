"""Work as a job, here or in the background, and the commands on jobs."""

from __future__ import annotations

import logging
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llkd import jobs
from llkd.cli.output import ProgressBar, job_row
from llkd.config import ExecutorConfig
from llkd.errors import UserError
from llkd.jobs.requests import JobRequest
from llkd.store import Job, Store
from llkd.store.files.batch_journal import stop_batches
from llkd.teachers.registry import kind_of

Document = dict[str, Any]


def as_job(store: Store, arguments: Namespace, request: JobRequest) -> Document:
    """Do what is asked for here as a job, or start it in the background and return its record."""
    if getattr(arguments, "background", False):
        return job_row(jobs.start(store, request))
    with _shown() as show:
        return jobs.run_request(store, request, show=show, waiting=_print_error)


def run_stored(store: Store, job_id: int) -> tuple[str, Document]:
    """Do what a queued job is asked to do; the command that it is, and what came of it."""
    with _shown() as show:
        document = jobs.run_stored(store, job_id, show=show, waiting=_print_error)
    return jobs.request_of(store, store.jobs.get(job_id)).verb, document


@contextmanager
def _shown() -> Iterator[ProgressBar]:
    bar = ProgressBar()
    try:
        yield bar
    finally:
        bar.close()


def _print_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def list_jobs(store: Store, arguments: Namespace) -> Document:
    """``llkd jobs``."""
    project_id = store.projects.get(arguments.project).id if arguments.project else None
    return {"jobs": [_row(store, job) for job in jobs.all_jobs(store, project_id)]}


def _row(store: Store, job: Job) -> Document:
    """A job as the command line shows it, and whether it answers."""
    quiet = jobs.unanswering(store, job)
    row = {**job_row(job), "silent_seconds": quiet}
    if quiet is not None:
        row["message"] = f"Not answering for {quiet:,.0f} s. End it: llkd cancel {job.id} --force"
    return row


def cancel(store: Store, arguments: Namespace) -> Document:
    """``llkd cancel``: ask, then wait a moment for the job to end."""
    if arguments.batches:
        return job_row(_cancel_batches(store, arguments.id))
    job = jobs.cancel(store, arguments.id, arguments.force)
    for _ in range(50):
        if not job.live:
            break
        time.sleep(0.2)
        job = jobs.refreshed(store, arguments.id)
    return job_row(job)


def _cancel_batches(store: Store, job_id: int) -> Job:
    """Have the batches of a labelling job cancelled. Raises UserError where it has none."""
    job = jobs.refreshed(store, job_id)
    number = job.context.get("labelling_id")
    account = number and store.labeling_runs.account(store.labeling_runs.get(int(number)))
    stopped = stop_batches(account) if account else 0
    if not stopped:
        raise UserError(f"Job {job_id} has no batch at a server.")
    if not job.live:
        _print_error(
            f"llkd resume {job_id} cancels {stopped} at the server and collects what is answered."
        )
    return job


def resume(store: Store, arguments: Namespace) -> Document:
    """``llkd resume``."""
    warning = _paid_again(store, arguments.id)
    if warning is not None:
        logging.getLogger("llkd").warning("%s", warning)
    names = set(ExecutorConfig.model_fields)
    executor = {name: value for name, value in vars(arguments).items() if name in names}
    job = jobs.resume(store, arguments.id, executor=executor)
    while arguments.wait and job.live:
        time.sleep(0.5)
        job = jobs.refreshed(store, arguments.id)
    return {**job_row(job), "result": job.result}


def _paid_again(store: Store, job_id: int) -> str | None:
    """What resuming a killed labelling of a server asks and pays once more; None for others."""
    job = jobs.refreshed(store, job_id)
    number = job.context.get("labelling_id")
    if job.state != "died" or number is None:
        return None
    config = store.labeling_runs.get(int(number)).config
    if not kind_of(config).metered:
        return None
    return (
        f"Calls that were on their way when the job died, {config.concurrency} texts at most, are "
        "asked and paid once more; the usage counts both."
    )
