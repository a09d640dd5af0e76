"""What a person did or took back, in words, and the texts it concerned."""

from __future__ import annotations

from typing import Any, Protocol

import pandas as pd

from llkd.curation import Plane
from llkd.store import Batch, Project, Store
from ui.people.contradictions import told_after
from ui.shell.authorship import author
from ui.shell.wording import counted, shortened

NOTHING = "There is nothing of yours to undo."
_QUOTED = 60
_DONE = {
    "exclude": "excluded",
    "include": "included again",
    "flag": "flagged",
    "unflag": "no longer flagged",
    "unlabel": "unlabelled",
    "note": "noted on",
}
_STATES = 500


class Source(Protocol):
    """Where decisions are kept, and the texts they are about."""

    @property
    def store(self) -> Store: ...  # noqa: D102

    @property
    def project(self) -> Project: ...  # noqa: D102

    @property
    def texts(self) -> pd.Series: ...  # noqa: D102

    @property
    def plane(self) -> Plane: ...  # noqa: D102


def decide(source: Source, rows: list[int], action: str, label: str | None) -> str | None:
    """Record one act of this person on rows of the project, undone in one step.

    Returns what others had said of these texts, in words; None where it contradicts nobody.

    ``label`` is the name that the page showed when it was clicked; what is stored is the class
    that had it then, for it may have become another's.
    """
    key = None if label is None else source.plane.keys[source.plane.names.index(label)]
    me = author()
    batch = source.store.decisions.decide(
        source.project.id, rows, action, who=me.who, batch=me.new_batch(), key=key
    )
    return told_after(source.store, source.project, batch, action, label)


def undo(source: Source, wanted: Batch | None = None) -> Batch | None:
    """Take back what this person did last, or ``wanted``; None where there is nothing."""
    latest = author().latest(source.store, source.project, 1) if wanted is None else [wanted]
    if not latest or not source.store.decisions.undo(source.project.id, latest[0].id):
        return None
    return latest[0]


def done_words(number: int, action: str, label: str | None) -> str:
    """What was just done to so many texts: 3 texts flagged."""
    return f"{counted(number, 'text')} {_done(action, label)}."


def last_words(source: Source) -> str:
    """What the next undo takes back."""
    latest = author().latest(source.store, source.project, 1)
    if not latest:
        return NOTHING
    batch = latest[0]
    what = _done(batch.action, batch.label)
    return f"Takes back what you did last here: {counted(len(batch.rows), 'text')} {what}."


def undone_words(source: Source, batch: Batch | None) -> str:
    """What an undo took back, and what holds now."""
    if batch is None:
        return NOTHING
    rows = batch.rows[:_STATES]
    held = source.store.decisions.current(source.project.id, rows=rows).reindex(rows)
    now = {_state(batch.action, entry) for _, entry in held.iterrows()}
    if len(batch.rows) == 1:
        text = shortened(str(source.texts.iloc[batch.rows[0]]), _QUOTED)
        return f"Undone: \u201c{text}\u201d is {now.pop()}."
    mixed = len(batch.rows) > _STATES or len(now) > 1
    after = "they are as they were before" if mixed else f"they are {now.pop()}"
    return f"Undone for {counted(len(batch.rows), 'text')}: {after}."


def _done(action: str, label: str | None) -> str:
    return f"labelled as {label!r}" if action == "label" else _DONE[action]


def _state(action: str, entry: pd.Series) -> str:
    """What holds for a row after an act of that kind on it was undone."""
    if action in {"label", "unlabel"}:
        label = entry["human_label"]
        return f"labelled as {label!r} again" if isinstance(label, str) else "unlabelled again"
    if action == "note":
        return "without that note again"
    if action in {"flag", "unflag"}:
        return "flagged again" if _true(entry["flagged"]) else "no longer flagged"
    return "excluded again" if _true(entry["excluded"]) else "included again"


def _true(value: Any) -> bool:
    return bool(pd.notna(value) and value)
