"""Commands that send something out of the home."""

from __future__ import annotations

from argparse import Namespace

from llkd.cli import requests
from llkd.cli.actions.jobs import Document, as_job
from llkd.store import Store


def track(store: Store, arguments: Namespace) -> Document:
    """``llkd track``."""
    project = store.projects.get(arguments.project)
    request = requests.track(store, arguments)
    store.runs.get(request.run, project.id)
    return as_job(store, arguments, request)


def push(store: Store, arguments: Namespace) -> Document:
    """``llkd push``."""
    store.projects.get(arguments.project)
    return as_job(store, arguments, requests.push(store, arguments))
