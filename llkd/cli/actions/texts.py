"""Commands on single texts of a project: list and search them, and the views saved under a name."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from llkd.cli.actions.jobs import Document
from llkd.config.text_view import EVERY_TEXT, TextView
from llkd.curation.typed_filters import with_typed_filters
from llkd.errors import UserError
from llkd.store import Project, Store


def texts(store: Store, arguments: Namespace) -> Document:
    """``llkd texts``."""
    from llkd.workflows.text_listing import list_document

    project = store.projects.get(arguments.project)
    view = text_view(store, project, arguments)
    saved = arguments.save_view
    if saved is not None:
        store.text_views.save(project.id, saved, view)
    document = list_document(store, project, view, arguments.limit, arguments.out)
    return {**document, "saved_view": saved}


def text_view(store: Store, project: Project, arguments: Namespace) -> TextView:
    """The saved view that is named, or every text, with what the other flags say besides."""
    view = EVERY_TEXT
    if arguments.view is not None:
        view = store.text_views.get(project.id, arguments.view).view
    changes: dict[str, Any] = {
        "filters": with_typed_filters(project, view.filters, arguments.filter or []),
        "words": arguments.words,
        "meaning": arguments.like,
        "order": arguments.sort,
        "descending": True if arguments.descending else None,
    }
    return view.changed(**{name: v for name, v in changes.items() if v is not None})


def views(store: Store, arguments: Namespace) -> Document:
    """``llkd views``."""
    project = store.projects.get(arguments.project)
    if arguments.delete is not None and arguments.rename is not None:
        raise UserError("A view is renamed or deleted, not both: leave out one of the two.")
    if arguments.delete is not None:
        store.text_views.delete(project.id, arguments.delete)
    if arguments.rename is not None:
        store.text_views.rename(project.id, *arguments.rename)
    return {
        "project": project.name,
        "views": [
            {"name": saved.name, **saved.view.to_address()}
            for saved in store.text_views.all(project.id)
        ],
    }
