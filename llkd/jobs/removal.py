"""Deleting a run: not while a living job needs it, and what else speaks of it."""

from __future__ import annotations

from collections.abc import Sequence

from llkd.errors import UserError
from llkd.jobs.control import live_jobs
from llkd.store import Job, Run, Store

WHOLE_PROJECT = ("compare", "demo")
"""Kinds of jobs that may take any finished run of the project for one of theirs."""
RUN_FLAGS = ("--run", "--reference-run")


def delete_run(store: Store, run: Run) -> None:
    """Remove a run with its folder, and say so in the project's log.

    Raises UserError where a living job needs it, StoreError where its folder cannot be moved.
    """
    job = job_on(store, run)
    if job is not None:
        raise UserError(
            f"Run {run.id} cannot be deleted now: job {job.id} ({job.title}) is {job.state} and "
            f"needs it. Wait for it, or stop it: llkd cancel {job.id}"
        )
    told = {"run": run.id, "name": run.name, "strategy": run.config.selection.strategy}
    store.runs.delete(run.id)
    store.people.record(run.project_id, "delete_run", told)


def job_on(store: Store, run: Run) -> Job | None:
    """The living job that trains, reads or may yet use this run; None where there is none."""
    return next((job for job in live_jobs(store) if _needs(store, job, run)), None)


def reports_on(store: Store, run: Run) -> list[Job]:
    """Finished comparisons whose report speaks of this run, newest first.

    A report stays as it was written.
    """
    found = []
    for job in store.jobs.all(states=("finished",)):
        listed = (job.result or {}).get("runs") if job.kind in WHOLE_PROJECT else None
        if any(isinstance(one, dict) and one.get("run") == run.id for one in listed or []):
            found.append(job)
    return found


def _needs(store: Store, job: Job, run: Run) -> bool:
    if job.id == run.job_id:
        return True
    if job.project_id is None:
        return job.kind == "demo"  # which makes or finds its project itself
    if job.project_id != run.project_id:
        return False
    return job.kind in WHOLE_PROJECT or run.id in _named(store, job)


def _named(store: Store, job: Job) -> set[int]:
    """The runs that a job's command names, by number or through a saved selection."""
    runs = {int(value) for flag in RUN_FLAGS for value in _values(job.arguments, flag)}
    for name in _values(job.arguments, "--selection"):
        for saved in store.people.selections(job.project_id or 0):
            source = saved["view"].get("run")
            runs |= {int(source)} if saved["name"] == name and source is not None else set()
    return runs


def _values(arguments: Sequence[str], flag: str) -> list[str]:
    """What follows ``flag``, as ``--flag=value`` or ``--flag value``; of numbers only numbers."""
    found = [one.partition("=")[2] for one in arguments if one.startswith(f"{flag}=")]
    found += [value for one, value in zip(arguments, arguments[1:], strict=False) if one == flag]
    return [one for one in found if flag not in RUN_FLAGS or (one.isdecimal() and len(one) < 20)]
