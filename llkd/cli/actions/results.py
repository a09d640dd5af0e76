"""Commands that look at what came out, and take it away."""

from __future__ import annotations

from argparse import Namespace

from llkd import jobs
from llkd.cli.actions.given import Document, as_job, run_of, selection
from llkd.store import Store


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
    columns = exporting.checked_groups(given.columns)
    exporting.checked_share(given.validation)
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
            columns=columns,
            validation=given.validation,
            seed=given.seed,
            job=job,
            **chosen,
        )

    return as_job(store, given, "export", f"Export {project.name}", project, work, device=None)


def rebuild(store: Store, given: Namespace) -> Document:
    """``llkd rebuild``."""
    from llkd.pipeline.rebuilding import rebuild as again

    return again(store, given.manifest, given.out)


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
    listed = []
    for run in store.runs.all(project.id):
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
                "state": state,
                "strategy": run.config.selection.strategy,
                "seed": run.config.seed,
                **{key: summary.get(key) for key in keys},
            }
        )
    return {"project": project.name, "runs": listed}
