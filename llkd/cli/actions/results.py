"""Commands that look at what came out, and take it away."""

from __future__ import annotations

from argparse import Namespace

from llkd import jobs
from llkd.cli.actions.given import Document, as_job, run_of, selection
from llkd.errors import UserError
from llkd.store import Run, Store


def select(store: Store, given: Namespace) -> Document:
    """``llkd select``."""
    from llkd.pipeline.selecting import select as count

    project = store.projects.get(given.project)
    return count(store, project, **selection(store, project, given))


def export(store: Store, given: Namespace) -> Document:
    """``llkd export``."""
    from llkd import exporting

    project = store.projects.get(given.project)
    formats = exporting.checked_formats(given.format)
    exporting.checked_folder(given.out)
    chosen = selection(store, project, given)

    def work(job: jobs.JobContext) -> Document:
        from llkd.pipeline.selecting import export as write

        return write(
            store,
            project,
            given.out,
            formats=formats,
            student=not given.no_student,
            zip_student=given.zip_student,
            **chosen,
        )

    return as_job(store, given, "export", f"Export {project.name}", project, work, device=None)


def evaluate(store: Store, given: Namespace) -> Document:
    """``llkd evaluate``."""
    from llkd.pipeline.results import evaluate as measure

    project = store.projects.get(given.project)
    return measure(store, project, run_of(store, project, given))


def predict(store: Store, given: Namespace) -> Document:
    """``llkd predict``."""
    project = store.projects.get(given.project)
    run = store.runs.get(given.run, project.id)

    def work(job: jobs.JobContext) -> Document:
        from llkd.pipeline.results import predict as ask

        return ask(store, project, run, given.text)

    return as_job(store, given, "predict", f"Ask run {run.id}", project, work, device=None)


def runs(store: Store, given: Namespace) -> Document:
    """``llkd runs``."""
    project = store.projects.get(given.project)
    said = {"title": given.title, "note": given.note, "pinned": given.pin}
    changing = any(value is not None for value in said.values())
    if given.run is None and (changing or given.delete):
        raise UserError("Say which run: --run R. See: llkd runs PROJECT")
    if given.delete and changing:
        raise UserError("A run is deleted or described, not both: leave out one of the two.")
    if given.delete:
        return _deleted(store, store.runs.get(given.run, project.id))
    chosen = store.runs.all(project.id)
    if given.run is not None:
        run = store.runs.get(given.run, project.id)
        chosen = [store.runs.describe(run.id, **said)]
    listed = []
    for run in chosen:
        state = "finished"
        if run.summary is None:
            state = "unfinished" if run.job_id is None else jobs.refreshed(store, run.job_id).state
            # A comparison's job goes on with other runs after this one.
            state = "unfinished" if state == "finished" else state
        summary = run.summary or {}
        keys = ("accuracy", "macro_f1", "selected_share", "backpropagated", "training_seconds")
        listed.append(
            {
                "run": run.id,
                "name": run.title,
                "note": run.note,
                "pinned": run.pinned,
                "state": state,
                "strategy": run.config.selection.strategy,
                "seed": run.config.seed,
                **{key: summary.get(key) for key in keys},
            }
        )
    return {"project": project.name, "runs": listed}


def _deleted(store: Store, run: Run) -> Document:
    followers = [one.id for one in store.runs.followers(run)]
    reports = [job.id for job in jobs.reports_on(store, run)]
    jobs.delete_run(store, run)
    return {"deleted": run.id, "no_longer_controls": followers, "reports": reports}
