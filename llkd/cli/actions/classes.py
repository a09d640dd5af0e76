"""Commands on the classes of a project."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from llkd.cli.actions.jobs import Document
from llkd.config import ClassEdit, Label, LabelSet, build, edited, entries, renamed
from llkd.config.class_changes import merged, split_up
from llkd.errors import UserError
from llkd.store import Carried, Project, Store

Change = Callable[[LabelSet | None], ClassEdit]


def classes(store: Store, arguments: Namespace) -> Document:
    """``llkd classes``."""
    project = store.projects.get(arguments.project)
    _check(arguments)
    if arguments.history:
        changes = [change.document() for change in store.classes.history(project.id)]
        return {"project": project.name, "history": changes}
    if arguments.dry_run:
        return {"project": project.name, "dry_run": True, **_preview(store, project, arguments)}
    edits, undone = [], None
    if arguments.undo:
        undone = store.classes.undo(
            project.id, dropping=arguments.drop_labels, who=arguments.who
        ).sentence
    if arguments.rename:
        edits.append(store.classes.rename(project.id, dict(arguments.rename), who=arguments.who))
    if arguments.merge:
        into = arguments.into[0]
        edits.append(store.classes.merge(project.id, arguments.merge, into, who=arguments.who))
    if arguments.split:
        parts = _labels(arguments.into)
        edits.append(store.classes.split(project.id, arguments.split, parts, who=arguments.who))
    if arguments.add or arguments.remove or arguments.describe:
        wanted = _wanted(store.projects.by_id(project.id).label_set, arguments)
        edits.append(
            store.classes.edit(
                project.id, wanted, dropping=arguments.drop_labels, who=arguments.who
            )
        )
    for key, name in arguments.use_labels or []:
        store.classes.adopt(project.id, key, name, who=arguments.who)
    return _document(store, store.projects.by_id(project.id), edits, undone)


def _check(arguments: Namespace) -> None:
    if arguments.rename:
        _check_pairs(arguments.rename)
    if arguments.merge and arguments.split:
        raise UserError("Merge or split, one at a time: --into belongs to one of them.")
    if arguments.merge and len(arguments.into or []) != 1:
        raise UserError("--merge needs one name for the class that comes of it: --into NAME.")
    if arguments.split and len(arguments.into or []) < 2:
        raise UserError("--split needs the names of its parts: --into NAME NAME.")
    if arguments.into and not (arguments.merge or arguments.split):
        raise UserError("--into says what --merge or --split makes: name one of them.")
    if arguments.dry_run and sum(map(bool, _kinds(arguments))) != 1:
        raise UserError("--dry-run says what one change would do: name just one.")
    if arguments.undo and any(_kinds(arguments)[1:]):
        raise UserError("--undo takes back the last change: give it alone.")


def _kinds(arguments: Namespace) -> list[Any]:
    return [
        arguments.undo,
        arguments.rename,
        arguments.merge,
        arguments.split,
        arguments.add or arguments.remove or arguments.describe,
    ]


def _preview(store: Store, project: Project, arguments: Namespace) -> Document:
    from llkd import curation

    if arguments.undo:
        preview = curation.preview_undo(store, project)
        undoes = None if preview.undoes is None else preview.undoes.sentence
        return {**preview.document(), "undoes": undoes}
    return curation.preview_classes(store, project, _change(arguments)).document()


def _change(arguments: Namespace) -> Callable[[LabelSet], ClassEdit]:
    if arguments.rename:
        return lambda before: renamed(before, dict(arguments.rename))
    if arguments.merge:
        return lambda before: merged(before, arguments.merge, arguments.into[0])
    if arguments.split:
        return lambda before: split_up(before, arguments.split, _labels(arguments.into))
    return lambda before: edited(before, _wanted(before, arguments))


def _wanted(before: LabelSet | None, arguments: Namespace) -> list[Label]:
    """The classes with those of ``--add``, without those of ``--remove``, as described."""
    labels = [] if before is None else [*before.labels]
    for name in arguments.remove or []:
        label = None if before is None else before.find(name)
        if label is None or label not in labels:
            raise UserError(f"There is no class {name!r} to remove.")
        labels.remove(label)
    keyed = [label.model_copy(update={"key": label.identity}) for label in labels]
    wanted = [*keyed, *_labels(arguments.add or [])]
    for name, words in arguments.describe or []:
        if name not in [label.name for label in wanted]:
            raise UserError(f"There is no class {name!r} to describe.")
        wanted = [
            build(Label, label.model_dump(), {"description": words})
            if label.name == name
            else label
            for label in wanted
        ]
    return wanted


def _labels(names: list[str]) -> list[Label]:
    return entries([{"name": name} for name in names])


def _check_pairs(pairs: list[list[str]]) -> None:
    twice = {old for old, _ in pairs if sum(old == other for other, _ in pairs) > 1}
    if twice:
        raise UserError(f"--rename gives {min(twice)!r} two new names. Give it one.")


def _document(
    store: Store, project: Project, edits: list[ClassEdit], undone: str | None
) -> Document:
    from llkd import curation

    carried = store.classes.carried(project.id)
    none = Carried()
    return {
        "project": project.name,
        "renamed": [list(pair) for edit in edits for pair in edit.renamed],
        "added": [name for edit in edits for name in edit.added],
        "removed": [label.name for edit in edits for label in edit.removed],
        "merged": _regrouped(edits, "merge"),
        "split": _regrouped(edits, "split"),
        "undone": undone,
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
            for label in (project.label_set.labels if project.label_set else ())
        ],
        "waiting": [
            {
                "class": entry.label.name,
                "parts": list(entry.parts),
                "texts": len(entry.rows),
                "labels": entry.people,
                "gold": entry.gold,
                "teacher": entry.teacher,
            }
            for entry in curation.split_texts(store, project)
        ],
        "without_class": {
            key: {"labels": counts.people, "gold": counts.gold}
            for key, counts in store.classes.orphans(project.id).items()
        },
    }


def _regrouped(edits: list[ClassEdit], kind: str) -> list[dict[str, list[str]]]:
    return [
        {"from": list(edit.subject), "into": list(edit.result)}
        for edit in edits
        if edit.kind == kind
    ]
