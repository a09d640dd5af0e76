"""Commands on a project as a whole."""

from __future__ import annotations

from argparse import Namespace

from llkd import jobs
from llkd.cli import requests
from llkd.cli.actions.jobs import Document, as_job
from llkd.store import Store


def rename(store: Store, arguments: Namespace) -> Document:
    """``llkd rename``."""
    before = store.projects.get(arguments.project)
    after = store.projects.rename(before.id, arguments.name)
    return {"renamed": before.name, "project": after.name}


def archive(store: Store, arguments: Namespace) -> Document:
    """``llkd archive``."""
    project = store.projects.get(arguments.project)
    if arguments.restore:
        return {"project": store.projects.archive(project.id, False).name, "archived": False}
    jobs.archive_project(store, project)
    return {"project": project.name, "archived": True}


def pack(store: Store, arguments: Namespace) -> Document:
    """``llkd pack``."""
    return as_job(store, arguments, requests.pack(store, arguments))


def unpack(store: Store, arguments: Namespace) -> Document:
    """``llkd unpack``."""
    return as_job(store, arguments, requests.unpack(store, arguments))


def duplicate(store: Store, arguments: Namespace) -> Document:
    """``llkd duplicate``."""
    return as_job(store, arguments, requests.duplicate(store, arguments))
