"""Commands that look at what came out, and take it away."""

from __future__ import annotations

from argparse import Namespace

from llkd import jobs
from llkd.cli import requests
from llkd.cli.actions.jobs import Document, as_job
from llkd.cli.arguments import run_of, selection, use_certified
from llkd.errors import UserError
from llkd.jobs.requests import PredictFileRequest
from llkd.store import Run, Store


def select(store: Store, arguments: Namespace) -> Document:
    """``llkd select``."""
    from llkd.workflows.selection import select as count

    project = store.projects.get(arguments.project)
    use_certified(store, arguments, "selection")
    return count(store, project, selection(store, project, arguments))


def export(store: Store, arguments: Namespace) -> Document:
    """``llkd export``."""
    from llkd import exporting

    project = store.projects.get(arguments.project)
    request = requests.export(store, arguments)
    exporting.destination(request.out)
    for number in request.run_numbers:
        store.runs.get(number, project.id)
    return as_job(store, arguments, request)


def rebuild(store: Store, arguments: Namespace) -> Document:
    """``llkd rebuild``."""
    from llkd.workflows.rebuilding import rebuild as again

    return again(store, arguments.manifest, arguments.out)


def evaluate(store: Store, arguments: Namespace) -> Document:
    """``llkd evaluate``."""
    from llkd.workflows.evaluation import evaluate as measure

    project = store.projects.get(arguments.project)
    return measure(store, project, run_of(store, project, arguments))


def predict(store: Store, arguments: Namespace) -> Document:
    """``llkd predict``."""
    project = store.projects.get(arguments.project)
    request = requests.predict(store, arguments)
    run = store.runs.get(request.run, project.id)
    if isinstance(request, PredictFileRequest):
        from llkd.workflows.prediction import check

        check(run, request.file, request.out)
    return as_job(store, arguments, request)


def runs(store: Store, arguments: Namespace) -> Document:
    """``llkd runs``."""
    from llkd import curation

    project = store.projects.get(arguments.project)
    changes = {"title": arguments.title, "note": arguments.note, "pinned": arguments.pin}
    changing = any(value is not None for value in changes.values())
    if arguments.run is None and (changing or arguments.delete):
        raise UserError("Say which run: --run R. See: llkd runs PROJECT")
    if arguments.delete and changing:
        raise UserError("A run is deleted or described, not both: leave out one of the two.")
    if arguments.delete:
        return _deleted(store, store.runs.get(arguments.run, project.id))
    selected = store.runs.all(project.id)
    if arguments.run is not None:
        run = store.runs.get(arguments.run, project.id)
        selected = [store.runs.describe(run.id, **changes)]
    entries = []
    for run in selected:
        state = run.state
        if state == "unfinished":
            state = "unfinished" if run.job_id is None else jobs.refreshed(store, run.job_id).state
            # A comparison's job goes on with other runs after this one.
            state = "unfinished" if state == "finished" else state
        summary = {} if run.summary is None else run.summary.document()
        keys = ("accuracy", "macro_f1", "selected_share", "backpropagated", "training_seconds")
        entries.append(
            {
                "run": run.id,
                "name": run.title,
                "note": run.note,
                "pinned": run.pinned,
                "state": state,
                "failure": run.failure,
                "strategy": run.config.selection.strategy,
                "seed": run.config.seed,
                "texts": curation.known_to_run(project, run).rows,
                **{key: summary.get(key) for key in keys},
            }
        )
    return {"project": project.name, "texts": project.rows, "runs": entries}


def _deleted(store: Store, run: Run) -> Document:
    followers = [follower.id for follower in store.runs.followers(run)]
    reports = [job.id for job in jobs.reports_on(store, run)]
    jobs.delete_run(store, run)
    return {"deleted": run.id, "no_longer_controls": followers, "reports": reports}
