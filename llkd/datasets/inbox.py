"""Texts that a served student sent on, checked as those of a file are, for its project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llkd.datasets.in_memory import texts_from_columns
from llkd.datasets.text_set import Reading, TextSet
from llkd.errors import UserError
from llkd.store import Project, Store
from llkd.store.inbox import inbox_of

SOURCE = "texts sent on by the served student"


def waiting_texts(store: Store, project: Project) -> int:
    """How many texts are in the inbox."""
    inbox = inbox_of(store.home, project.id)
    try:
        return inbox.counts().texts
    finally:
        inbox.close()


def inbox_texts(
    store: Store, project: Project, reading: Reading | None = None
) -> tuple[TextSet, list[int]]:
    """The texts of the inbox, checked as those of a file are, and their numbers there.

    They have no gold: what a teacher answered is no truth. It is in the cache of answers, so that
    labelling them with this teacher pays for none again. Raises UserError for an empty inbox.
    """
    inbox = inbox_of(store.home, project.id)
    try:
        entries = [(entry.number, entry.text) for entry in inbox.entries()]
    finally:
        inbox.close()
    if not entries:
        raise UserError(empty_inbox(project))
    numbers = [number for number, _ in entries]
    columns = {
        "id": [f"served-{number}" for number in numbers],
        "text": [text for _, text in entries],
    }
    wanted = replace(reading or Reading(), text_column="text", id_column="id", label_column=None)
    return texts_from_columns(columns, "the inbox", wanted), numbers


def forget_texts(store: Store, project: Project, numbers: Sequence[int]) -> int:
    """Let the inbox forget these texts; returns how many there were."""
    inbox = inbox_of(store.home, project.id)
    try:
        return inbox.remove(numbers)
    finally:
        inbox.close()


def empty_inbox(project: Project) -> str:
    """Why there is nothing to take from an inbox, and how it is filled."""
    return (
        f"The inbox of {project.name!r} is empty. A server fills it: "
        "llkd serve … --answer-when 0.95 --teacher …"
    )
