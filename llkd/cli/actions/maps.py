"""Commands on the map of a project, and the classes that it suggests."""

from __future__ import annotations

from argparse import Namespace

from llkd.cli import requests
from llkd.cli.actions.jobs import Document, as_job
from llkd.errors import UserError
from llkd.store import Project, Store

SHOWN_TEXT = 200
"""Characters of an example."""


def map_texts(store: Store, arguments: Namespace) -> Document:
    """``llkd map``."""
    store.projects.get(arguments.project)
    return as_job(store, arguments, requests.map_texts(store, arguments))


def suggest(store: Store, arguments: Namespace) -> Document:
    """``llkd suggest``: topics of the map, and classes made of them where some are named."""
    from llkd import curation

    project = store.projects.get(arguments.project)
    if arguments.all and arguments.use:
        raise UserError("--all uses every topic: leave out --use, or name topics by it alone.")
    pool_map = curation.needed_map(store, project, arguments.topics)
    document = {
        "project": project.name,
        "mapped": pool_map.rows,
        "texts": pool_map.texts,
        "notice": curation.map_notice(store, project),
        "topics": [
            {**topic.document(), "examples": _texts(store, project, topic.examples[:3])}
            for topic in pool_map.topics
        ],
        "applied": False,
    }
    if not arguments.all and not arguments.use:
        return document
    names = {topic.number: topic.name for topic in pool_map.topics}
    if arguments.use:
        names = _names(arguments.use, names)
    wanted = curation.suggested_classes(project, pool_map.topics, names)
    classes = store.classes.edit(project.id, wanted, who=arguments.who).label_set.labels
    before = set() if project.label_set is None else set(project.label_set.names)
    return {
        **document,
        "applied": True,
        "added": [label.name for label in classes if label.name not in before],
        "classes": [{"name": each.name, "description": each.description} for each in classes],
    }


def _names(uses: list[str], suggested: dict[int, str]) -> dict[int, str]:
    """``3=Travel`` or ``3`` into the place of the topic and the name of its class."""
    names: dict[int, str] = {}
    for use in uses:
        number, sign, name = use.partition("=")
        if not number.strip().isdecimal() or int(number) < 1:
            raise UserError(f"--use takes the number of a topic, or NUMBER=NAME, not {use!r}.")
        place = int(number) - 1
        if place in names:
            raise UserError(f"--use names topic {number.strip()} twice.")
        names[place] = name if sign else suggested.get(place, "")
    return names


def _texts(store: Store, project: Project, rows: tuple[int, ...]) -> list[str]:
    texts = store.projects.texts(project, ["text"])["text"]
    return [str(texts.iloc[row])[:SHOWN_TEXT] for row in rows]
