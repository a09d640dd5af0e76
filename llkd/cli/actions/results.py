"""Commands that look at what came out, and take it away."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from llkd import jobs
from llkd.cli.actions.given import Document, as_job, run_of, selection
from llkd.errors import UserError
from llkd.store import Project, Run, Store


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
    if given.onnx and given.no_student:
        raise UserError("--onnx is a form of the student, and --no-student leaves it out.")

    def work(job: jobs.JobContext) -> Document:
        from llkd.pipeline.selecting import export as write

        return write(
            store,
            project,
            given.out,
            formats=formats,
            student=not given.no_student,
            zip_student=given.zip_student,
            onnx=given.onnx,
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
    if (given.file is None) == (given.text is None):
        raise UserError("Name one file to classify, or give one text with --text.")
    if given.file is not None:
        return _predict_file(store, given, project, run)
    if given.out is not None or given.text_column is not None:
        raise UserError("--out and --text-column belong to a file; --text is answered at once.")

    def work(job: jobs.JobContext) -> Document:
        from llkd.pipeline.results import predict as ask

        return ask(store, project, run, given.text)

    return as_job(store, given, "predict", f"Ask run {run.id}", project, work, device=None)


def _predict_file(store: Store, given: Namespace, project: Project, run: Run) -> Document:
    from llkd.pipeline.predicting import check

    check(run, given.file, given.out)

    def work(job: jobs.JobContext) -> Document:
        from llkd.pipeline.predicting import predict_file

        return predict_file(
            store, project, run, given.file, job, out=given.out, text_column=given.text_column
        )

    title = f"Classify {Path(given.file).name} by run {run.id}"
    return as_job(store, given, "classify", title, project, work)


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
        state = run.state
        if state == "unfinished":
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
                "failure": run.failure,
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
