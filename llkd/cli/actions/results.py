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
            job=job,
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
