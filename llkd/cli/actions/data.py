"""Commands on projects and their texts."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from llkd import jobs
from llkd.cli import requests
from llkd.cli.actions.jobs import Document, as_job
from llkd.cli.arguments import label_set
from llkd.datasets.text_set import Reading
from llkd.errors import UserError
from llkd.store import Store


def import_file(store: Store, arguments: Namespace) -> Document:
    """``llkd import``."""
    from llkd.datasets import read_files, start_reader, with_gold

    start_reader()  # while the rest is imported
    from llkd.datasets.importing import import_texts, prepare, sources_of
    from llkd.store.projects import checked_name

    if arguments.project is None and not arguments.dry_run:
        raise UserError(
            "A project needs a name: add --project NAME, or --dry-run to store nothing."
        )
    if arguments.project is not None:
        checked_name(arguments.project)
    classes = label_set(arguments)
    sources = sources_of(arguments.files)
    # A hold-out is drawn by them, and a dry run stores nothing to look through later.
    later = not arguments.gold and not arguments.dry_run
    reading = replace(reading_of(arguments), near_later=later)
    text_set = sources.with_notes(read_files(sources.files, reading))
    if arguments.gold:
        text_set = with_gold(text_set, arguments.gold)
    split = {"label_set": classes, "holdout": arguments.holdout, "seed": arguments.seed}
    if arguments.dry_run:
        return {"project": None, **prepare(text_set, **split).report}
    project = import_texts(store, arguments.project, text_set, source=sources.name, **split)
    from llkd.workflows.near_duplicates import start_search

    search = start_search(store, project)
    started = {} if search is None else {"near_duplicates_job": search.id}
    return {"project": project.name, **project.report, **started}


def near_duplicates(store: Store, arguments: Namespace) -> Document:
    """``llkd near-duplicates``."""
    return as_job(store, arguments, requests.near_duplicates(store, arguments))


def take_annotations(store: Store, arguments: Namespace) -> Document:
    """``llkd annotations``."""
    from llkd.datasets import read_files, start_reader

    project = store.projects.get(arguments.project)
    start_reader()  # while the rest is imported
    from llkd.datasets.importing import sources_of
    from llkd.datasets.people_labels import take_labels

    sources = sources_of(arguments.files)
    reading = Reading(
        text_column=arguments.text_column, label_column=arguments.question, near="ignore"
    )
    text_set = sources.with_notes(read_files(sources.files, reading))
    return take_labels(store, project, text_set, dry_run=arguments.dry_run)


def reading_of(arguments: Namespace) -> Reading:
    """How files are to be read."""
    return Reading(
        text_column=arguments.text_column,
        label_column=arguments.label_column,
        id_column=arguments.id_column,
        keep_duplicates=arguments.keep_duplicates,
        near=arguments.near_duplicates,
        blocks=arguments.text_blocks,
    )


def projects(store: Store, arguments: Namespace) -> Document:
    """``llkd projects``."""
    if arguments.delete:
        project = store.projects.get(arguments.delete)
        busy = [job for job in jobs.live_jobs(store) if job.project_id == project.id]
        if busy:
            raise UserError(
                f"Job {busy[0].id} is working on {project.name!r}. Stop it first: "
                f"llkd cancel {busy[0].id}"
            )
        store.projects.delete(project.id)
        return {"deleted": project.name}
    listed, damaged = store.projects.listed()
    readable = [each for each in listed if (each.archived is not None) == arguments.archived]
    return {
        "projects": [
            {
                "name": project.name,
                "rows": project.rows,
                "classes": project.label_set.names if project.label_set else [],
                "source": project.source,
                "labelled": project.labelling_id is not None,
                "archived": project.archived,
            }
            for project in readable
        ],
        "damaged": [str(record) for record in damaged],
        "archived": None if arguments.archived else len(listed) - len(readable),
    }


def inbox(store: Store, arguments: Namespace) -> Document:
    """``llkd inbox``."""
    from llkd.workflows.inbox import inbox_document, write_inbox

    project = store.projects.get(arguments.project)
    if arguments.out is not None:
        return write_inbox(store, project, arguments.out, clear=arguments.clear)
    if arguments.clear:
        raise UserError("--clear forgets what --out has written: name a file with --out.")
    return inbox_document(store, project)
