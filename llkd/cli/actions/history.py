"""``llkd history`` and ``llkd note``: who decided what, and what people note on texts."""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime, timedelta

from llkd.cli.actions.jobs import Document
from llkd.curation.decision_history import HistoryFilter
from llkd.errors import UserError
from llkd.store import Project, Store


def history(store: Store, arguments: Namespace) -> Document:
    """``llkd history``."""
    from llkd.workflows.decision_history import history_document

    project = store.projects.get(arguments.project)
    if arguments.undo is not None:
        if arguments.who is None:
            raise UserError("Say whose act is taken back: --undo BATCH --who NAME.")
        texts = store.history.undo_own(project.id, arguments.undo, arguments.who)
        return {"project": project.name, "undone": arguments.undo, "texts": texts}
    wanted = HistoryFilter(
        who=arguments.who,
        label=None if arguments.label is None else _key(project, arguments.label),
        action=arguments.action,
        since=_moment(arguments.since),
        until=_moment(arguments.until, end=True),
        row=arguments.row,
    )
    _check_row(project, arguments.row)
    return history_document(store, project, wanted, arguments.limit, arguments.out)


def note(store: Store, arguments: Namespace) -> Document:
    """``llkd note``."""
    project = store.projects.get(arguments.project)
    _check_row(project, arguments.row)
    if arguments.text is not None:
        store.history.add_note(project.id, [arguments.row], arguments.text, arguments.who)
    notes = store.history.notes(project.id, [arguments.row]).get(arguments.row, [])
    return {
        "project": project.name,
        "row": arguments.row,
        "notes": [
            {"who": each.who, "created": each.created, "note": each.text, "batch": each.batch}
            for each in notes
        ],
    }


def _check_row(project: Project, row: int | None) -> None:
    if row is not None and not 0 <= row < project.rows:
        raise UserError(f"The texts of {project.name!r} are rows 0 to {project.rows - 1}.")


def _key(project: Project, name: str) -> str:
    key = None if project.label_set is None else project.label_set.find_key(name)
    if key is None:
        names = [] if project.label_set is None else project.label_set.names
        there = ", ".join(names) or "none"
        raise UserError(f"There is no class {name[:60]!r}. There are: {there}.")
    return key


def _moment(typed: str | None, end: bool = False) -> float | None:
    """A day or a moment of the local clock; of a day its begin, or its ``end``."""
    if typed is None:
        return None
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise UserError(
            f"A day or moment is written as 2026-11-29 or 2026-11-29T20:00, not {typed[:40]!r}."
        ) from None
    if end and len(typed) <= len("2026-11-29"):
        moment += timedelta(days=1)
    return moment.timestamp()
