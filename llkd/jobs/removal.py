"""Deleting a run, archiving a project: not while a living job needs it."""

from __future__ import annotations

from llkd.errors import UserError
from llkd.jobs.control import live_jobs
from llkd.jobs.registry import takes_any_run
from llkd.jobs.stored_requests import known_request
from llkd.store import Job, Project, Run, Store


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
    detail = {"run": run.id, "name": run.name, "strategy": run.config.selection.strategy}
    store.runs.delete(run.id)
    store.events.record(run.project_id, "delete_run", detail)


def archive_project(store: Store, project: Project) -> Project:
    """Put a project away. Raises UserError while a job of it lives."""
    refuse_busy(store, project)
    return store.projects.archive(project.id)


def refuse_busy(store: Store, project: Project, except_job: int | None = None) -> None:
    """Raise UserError while a job of a project lives, other than ``except_job``."""
    for job in live_jobs(store):
        if job.project_id == project.id and job.id != except_job:
            raise UserError(
                f"Job {job.id} ({job.title}) is working on {project.name!r}. Wait for it, or stop "
                f"it: llkd cancel {job.id}"
            )


def job_on(store: Store, run: Run) -> Job | None:
    """The living job that trains, reads or may yet use this run; None where there is none."""
    return next((job for job in live_jobs(store) if _needs(store, job, run)), None)


def reports_on(store: Store, run: Run) -> list[Job]:
    """Finished comparisons whose report speaks of this run, newest first.

    A report stays as it was written.
    """
    return [
        job
        for job in store.jobs.all(states=("finished",))
        if takes_any_run(job.kind) and run.id in _runs_reported(job)
    ]


def _runs_reported(job: Job) -> set[int]:
    entries = (job.result or {}).get("runs") or []
    return {entry["run"] for entry in entries if isinstance(entry, dict) and "run" in entry}


def _needs(store: Store, job: Job, run: Run) -> bool:
    if job.id == run.job_id:
        return True
    if job.project_id is None:
        return takes_any_run(job.kind)  # a demo, which makes or finds its project itself
    if job.project_id != run.project_id:
        return False
    return takes_any_run(job.kind) or run.id in _runs_read(store, job)


def _runs_read(store: Store, job: Job) -> set[int]:
    """The runs that a job's request reads, by number or through a saved selection."""
    request = known_request(store, job)
    if request is None:
        return set()
    rules = [
        saved.rule
        for saved in store.selections.all(job.project_id or 0)
        if saved.name in request.selection_names
    ]
    return {*request.run_numbers, *(rule.run for rule in rules if rule.run is not None)}
