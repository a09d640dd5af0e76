"""Commands on projects and their texts."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from llkd import jobs
from llkd.cli.actions.given import Document, label_set
from llkd.errors import UserError
from llkd.store import Store


def import_file(store: Store, given: Namespace) -> Document:
    """``llkd import``."""
    from llkd.datasets import read_texts, with_gold
    from llkd.importing import import_texts
    from llkd.store.projects import checked_name

    checked_name(given.project)
    text_set = read_texts(
        given.file,
        text_column=given.text_column,
        label_column=given.label_column,
        id_column=given.id_column,
        keep_duplicates=given.keep_duplicates,
    )
    if given.gold:
        text_set = with_gold(text_set, given.gold)
    project = import_texts(
        store,
        given.project,
        text_set,
        source=Path(given.file).name,
        label_set=label_set(given),
        holdout=given.holdout,
        seed=given.seed,
    )
    report = project.report
    keys = ("rows", "kept", "dropped", "labels", "warnings", "gold", "held_out")
    return {"project": project.name, **{key: report[key] for key in keys}}


def projects(store: Store, given: Namespace) -> Document:
    """``llkd projects``."""
    if given.delete:
        project = store.projects.get(given.delete)
        busy = [job for job in jobs.live_jobs(store) if job.project_id == project.id]
        if busy:
            raise UserError(
                f"Job {busy[0].id} is working on {project.name!r}. Stop it first: "
                f"llkd cancel {busy[0].id}"
            )
        store.projects.delete(project.id)
        return {"deleted": project.name}
    return {
        "projects": [
            {
                "name": project.name,
                "rows": project.rows,
                "classes": project.label_set.names if project.label_set else [],
                "source": project.source,
                "labelled": project.labelling_id is not None,
            }
            for project in store.projects.all()
        ]
    }
