"""Commands on projects and their texts."""

from __future__ import annotations

from argparse import Namespace

from llkd import jobs
from llkd.cli.actions.given import Document, label_set
from llkd.errors import UserError
from llkd.store import Store


def import_file(store: Store, given: Namespace) -> Document:
    """``llkd import``."""
    from llkd.datasets import Reading, read_files, start_reader, with_gold

    start_reader()  # while the rest is imported
    from llkd.importing import import_texts, prepare, sources_of
    from llkd.store.projects import checked_name

    if given.project is None and not given.dry_run:
        raise UserError(
            "A project needs a name: add --project NAME, or --dry-run to store nothing."
        )
    if given.project is not None:
        checked_name(given.project)
    classes = label_set(given)
    sources = sources_of(given.files)
    reading = Reading(
        text_column=given.text_column,
        label_column=given.label_column,
        id_column=given.id_column,
        keep_duplicates=given.keep_duplicates,
        near=given.near_duplicates,
        blocks=given.text_blocks,
    )
    text_set = sources.told(read_files(sources.files, reading))
    if given.gold:
        text_set = with_gold(text_set, given.gold)
    split = {"label_set": classes, "holdout": given.holdout, "seed": given.seed}
    if given.dry_run:
        return {"project": None, **prepare(text_set, **split).report}
    project = import_texts(store, given.project, text_set, source=sources.name, **split)
    return {"project": project.name, **project.report}


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
    readable, damaged = store.projects.listed()
    return {
        "projects": [
            {
                "name": project.name,
                "rows": project.rows,
                "classes": project.label_set.names if project.label_set else [],
                "source": project.source,
                "labelled": project.labelling_id is not None,
            }
            for project in readable
        ],
        "damaged": [str(record) for record in damaged],
    }
