"""What people did to single texts, act by act: who decided what, when, and what held before."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from llkd.errors import ConfigError, UserError
from llkd.store import schema
from llkd.store.decisions import LONGEST_BATCH
from llkd.store.people.acts import UNDO, Act, acts_of, in_effect, side_of
from llkd.store.people.class_keys import same_class
from llkd.store.people.log import not_undone, read_not_undone, todays_classes
from llkd.store.people.standing import NOTE, SECOND, text_states
from llkd.store.run_notes import clean_words

__all__ = ["NOTE", "UNDO", "Act", "History", "Note"]
LONGEST_NOTE = 2000
_AT_ONCE = 5000
_BY_AUDIT = "audit"


@dataclass(frozen=True)
class Note:
    """What a person noted on a text; ``created`` is in seconds since 1970."""

    row: int
    text: str
    who: str
    created: float
    batch: str


class History:
    """The acts of one home's people, as they were recorded."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def labellers(self, project_id: int) -> dict[int, str]:
        """Who gave the label that stands, by row: of several people the last."""
        states = text_states(not_undone(self._engine, project_id))
        return {
            row: next(reversed(state.labels.values())).who
            for row, state in states.items()
            if state.labels
        }

    def add_note(
        self,
        project_id: int,
        rows: Sequence[int],
        text: str,
        who: str = "local user",
        batch: str | None = None,
    ) -> str:
        """Note something on texts; returns the batch that ``Store.decisions.undo`` takes back.

        A ``batch`` that was recorded before changes nothing. Raises UserError for an empty note, or
        one of more than 2,000 characters or with some that cannot be shown.
        """
        cleaned = clean_words("note", text, LONGEST_NOTE, "\n\t")
        if not cleaned:
            raise UserError("A note needs some words.")
        if batch is not None and not 1 <= len(batch) <= LONGEST_BATCH:
            raise ConfigError(f"A batch is named by 1 to {LONGEST_BATCH} characters: {batch!r}.")
        name, now, table = batch or uuid.uuid4().hex, time.time(), schema.human_labels
        if not len(rows):
            return name
        values = [
            {
                "project_id": project_id, "row": int(row), "action": NOTE, "label": None,
                "who": who, "created": now, "batch": name, "note": cleaned,
            }
            for row in rows
        ]  # fmt: skip
        known = sa.select(table.c.id).where(
            (table.c.project_id == project_id) & (table.c.batch == name)
        )
        with self._engine.begin() as connection:
            if connection.execute(known.limit(1)).first() is None:
                connection.execute(sa.insert(table), values)
        return name

    def notes(
        self, project_id: int, rows: Sequence[int] | None = None, at: float | None = None
    ) -> dict[int, list[Note]]:
        """The notes that stand, or stood at the moment ``at``, by row, oldest first.

        ``rows`` are 500 at most.
        """
        table = schema.human_labels
        stands: sa.ColumnElement[bool] = table.c.undone.is_(None)
        if at is not None:
            stands = (table.c.created <= at) & (stands | (table.c.undone > at))
        if rows is not None:
            stands &= table.c.row.in_([int(row) for row in rows[:500]])
        query = sa.select(
            table.c.row, table.c.note, table.c.who, table.c.created, table.c.batch
        ).where((table.c.project_id == project_id) & (table.c.action == NOTE) & stands)
        notes: dict[int, list[Note]] = {}
        with self._engine.connect() as connection:
            for entry in connection.execute(query.order_by(table.c.id)):
                note = Note(entry.row, entry.note or "", entry.who, entry.created, entry.batch)
                notes.setdefault(entry.row, []).append(note)
        return notes

    def noted_rows(self, project_id: int) -> list[int]:
        """The rows with a note that stands, in order."""
        table = schema.human_labels
        query = (
            sa.select(table.c.row)
            .where((table.c.project_id == project_id) & table.c.undone.is_(None))
            .where(table.c.action == NOTE)
            .distinct()
        )
        with self._engine.connect() as connection:
            return sorted(connection.execute(query).scalars())

    def people(self, project_id: int) -> list[str]:
        """Everybody who did anything to a text, by name."""
        table = schema.human_labels
        query = sa.select(table.c.who).where(table.c.project_id == project_id).distinct()
        with self._engine.connect() as connection:
            return sorted(connection.execute(query).scalars(), key=str.casefold)

    def acts(self, project_id: int, rows: Sequence[int] | None = None) -> list[Act]:
        """Every act and every undo on texts, oldest first; of ``rows`` (500 at most) if given."""
        same = same_class(todays_classes(self._engine, project_id))
        return acts_of(self._entries(project_id, rows), same)

    def undo_own(self, project_id: int, batch: str, who: str, mark: str = "") -> int:
        """Take back one batch of this person's own; returns how many texts it concerned.

        ``mark`` is how this person's batches begin, where several people share a name. Raises
        UserError where it is another's, was taken back, follows from an audit, or what it decided
        was decided otherwise since.
        """
        if batch.startswith(_BY_AUDIT):
            raise UserError("This follows from an audit's answer: take that back in the audit.")
        table = schema.human_labels
        here = (table.c.project_id == project_id) & (table.c.batch == batch)
        with self._engine.begin() as connection:
            entries = connection.execute(sa.select(table).where(here)).all()
            if not entries or any(e.who != who for e in entries) or not batch.startswith(mark):
                raise UserError("Only what you did yourself can be taken back here.")
            if any(entry.kind == SECOND for entry in entries):
                raise UserError("A second label is taken back where it was given: in its sample.")
            standing = [entry for entry in entries if entry.undone is None]
            if not standing:
                raise UserError("This was taken back already.")
            later = _overwriting(connection, project_id, standing)
            if later is not None:
                which = "this text" if len(standing) == 1 else "some of these texts"
                raise UserError(
                    f"{later.who!r} has decided otherwise on {which} since. Nothing was changed; "
                    "take the later decision back first, or decide anew."
                )
            changed = connection.execute(
                sa.update(table).where(here & table.c.undone.is_(None)).values(undone=time.time())
            )
        return int(changed.rowcount)

    def _entries(self, project_id: int, rows: Sequence[int] | None) -> Iterator[Any]:
        table = schema.human_labels
        query = sa.select(table).where(table.c.project_id == project_id)
        if rows is not None:
            query = query.where(table.c.row.in_([int(row) for row in rows[:500]]))
        with self._engine.connect() as connection:
            yield from connection.execute(
                query.order_by(table.c.id), execution_options={"yield_per": _AT_ONCE}
            )


def _overwriting(connection: sa.Connection, project_id: int, entries: Sequence[Any]) -> Any:
    """The later act by which one of these holds no more; None where they all hold."""
    own = {entry.row: entry for entry in entries if entry.action != NOTE}
    rows = list(own)
    for start in range(0, len(rows), 500):
        part = rows[start : start + 500]
        standing: dict[int, list[Any]] = {}
        for entry in read_not_undone(connection, project_id, None, part):
            standing.setdefault(entry.row, []).append(entry)
        for row in part:
            if not in_effect(own[row], standing[row]):
                same_side = (
                    e for e in standing[row] if side_of(e.action) == side_of(own[row].action)
                )
                return list(same_side)[-1]
    return None
