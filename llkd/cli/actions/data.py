"""Commands on projects and their texts."""

from __future__ import annotations

from argparse import Namespace

from llkd import jobs
from llkd.cli.actions.jobs import Document
from llkd.cli.arguments import label_set
from llkd.config import entries
from llkd.errors import UserError
from llkd.store import Carried, Store


def import_file(store: Store, arguments: Namespace) -> Document:
    """``llkd import``."""
    from llkd.datasets import Reading, read_files, start_reader, with_gold

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
    reading = Reading(
        text_column=arguments.text_column,
        label_column=arguments.label_column,
        id_column=arguments.id_column,
        keep_duplicates=arguments.keep_duplicates,
        near=arguments.near_duplicates,
        blocks=arguments.text_blocks,
    )
    text_set = sources.with_notes(read_files(sources.files, reading))
    if arguments.gold:
        text_set = with_gold(text_set, arguments.gold)
    split = {"label_set": classes, "holdout": arguments.holdout, "seed": arguments.seed}
    if arguments.dry_run:
        return {"project": None, **prepare(text_set, **split).report}
    project = import_texts(store, arguments.project, text_set, source=sources.name, **split)
    return {"project": project.name, **project.report}


def classes(store: Store, arguments: Namespace) -> Document:
    """``llkd classes``."""
    project = store.projects.get(arguments.project)
    edits = []
    if arguments.rename:
        _check_pairs(arguments.rename)
        edits.append(store.classes.rename(project.id, dict(arguments.rename)))
    if arguments.add or arguments.remove:
        label_set = store.projects.by_id(project.id).label_set
        labels = [] if label_set is None else [*label_set.labels]
        for name in arguments.remove or []:
            label = None if label_set is None else label_set.find(name)
            if label is None or label not in labels:
                raise UserError(f"There is no class {name!r} to remove.")
            labels.remove(label)
        edited = [label.model_copy(update={"key": label.identity}) for label in labels]
        edited += entries([{"name": name} for name in arguments.add or []])
        edits.append(store.classes.edit(project.id, edited, dropping=arguments.drop_labels))
    for key, name in arguments.use_labels or []:
        store.classes.adopt(project.id, key, name)
    now = store.projects.by_id(project.id)
    carried = store.classes.carried(project.id)
    none = Carried()
    return {
        "project": project.name,
        "renamed": [list(pair) for edit in edits for pair in edit.renamed],
        "added": [name for edit in edits for name in edit.added],
        "removed": [label.name for edit in edits for label in edit.removed],
        "asked_as_before": [name for edit in edits for name in edit.words_kept],
        "classes": [
            {
                "name": label.name,
                "description": label.description,
                "verbaliser": label.verbaliser,
                "labels": sum(carried.get(k, none).people for k in (label.identity, *label.also)),
                "gold": sum(carried.get(k, none).gold for k in (label.identity, *label.also)),
                "former_names": list(label.former),
            }
            for label in (now.label_set.labels if now.label_set else ())
        ],
        "without_class": {
            key: {"labels": counts.people, "gold": counts.gold}
            for key, counts in store.classes.orphans(project.id).items()
        },
    }


def _check_pairs(pairs: list[list[str]]) -> None:
    twice = {old for old, _ in pairs if sum(old == other for other, _ in pairs) > 1}
    if twice:
        raise UserError(f"--rename gives {min(twice)!r} two new names. Give it one.")


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
