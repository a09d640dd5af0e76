"""What a person has just said against somebody else's word, told at once."""

from __future__ import annotations

from llkd.evaluation.people.disputes import dispute_words
from llkd.store import Project, Store
from ui.shell.wording import counted


def told_after(
    store: Store, project: Project, batch: str, action: str, label: str | None
) -> str | None:
    """What others say of the texts of a batch that it is against, in words; None for nothing."""
    against = store.disputes.contradicted(project.id, batch)
    if not against:
        return None
    disputed = {dispute.row for dispute in store.disputes.all(project.id)}
    first = against[0]
    words = dispute_words(first, action, label, counts=first.row in disputed)
    if len(against) == 1:
        return words
    number = sum(entry.row in disputed for entry in against)
    tail = f" {counted(number, 'text')} of them count as disputed now." if number else ""
    return (
        f"Others had said otherwise of {counted(len(against), 'text')} of these. The first: "
        f"{words}{tail}"
    )
