"""Commands on projects and their texts."""

from __future__ import annotations

from argparse import Namespace

from llkd import jobs
from llkd.cli.actions.given import Document, label_set
from llkd.config import entries
from llkd.errors import UserError
from llkd.store import Carried, Store


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


def classes(store: Store, given: Namespace) -> Document:
    """``llkd classes``."""
    project = store.projects.get(given.project)
    edits = []
    if given.rename:
        _check_pairs(given.rename)
        edits.append(store.classes.rename(project.id, dict(given.rename)))
    if given.add or given.remove:
        label_set = store.projects.by_id(project.id).label_set
        entries_ = [] if label_set is None else [*label_set.labels]
        for name in given.remove or []:
            found = None if label_set is None else label_set.find(name)
            if found is None or found not in entries_:
                raise UserError(f"There is no class {name!r} to remove.")
            entries_.remove(found)
        wanted = [one.model_copy(update={"key": one.identity}) for one in entries_]
        wanted += entries([{"name": name} for name in given.add or []])
        edits.append(store.classes.edit(project.id, wanted, dropping=given.drop_labels))
    for key, name in given.use_labels or []:
        store.classes.adopt(project.id, key, name)
    now = store.projects.by_id(project.id)
    carried = store.classes.carried(project.id)
    none = Carried()
    return {
        "project": project.name,
        "renamed": [list(pair) for edit in edits for pair in edit.renamed],
        "added": [name for edit in edits for name in edit.added],
        "removed": [one.name for edit in edits for one in edit.removed],
        "asked_as_before": [name for edit in edits for name in edit.words_kept],
        "classes": [
            {
                "name": one.name,
                "description": one.description,
                "verbaliser": one.verbaliser,
                "labels": sum(carried.get(k, none).people for k in (one.identity, *one.also)),
                "gold": sum(carried.get(k, none).gold for k in (one.identity, *one.also)),
                "former_names": list(one.former),
            }
            for one in (now.label_set.labels if now.label_set else ())
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
