"""Texts of which people say different things, and what a decision is against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from llkd.store import schema
from llkd.store.people.class_keys import names_by_key
from llkd.store.people.log import MOST_ROWS_ASKED, meanings, not_undone
from llkd.store.people.standing import Opinion, contradictions, text_states

LENGTH_OF_MARK = 12
"""So many letters begin the batches of one person (or browser) whose batches have 32."""


@dataclass(frozen=True)
class Dispute:
    """A text of which people say different things; ``names`` are the classes' names of today.

    ``opinions`` are oldest first; a name is None for "none of the classes" and for an exclusion.
    """

    row: int
    opinions: tuple[Opinion, ...]
    names: tuple[str | None, ...]


class Disputes:
    """What people disagree on, in one home."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def all(self, project_id: int, rows: Sequence[int] | None = None) -> list[Dispute]:
        """The texts of which people say different things, by row; of ``rows`` (500 at most)."""
        label_set, same = meanings(self._engine, project_id)
        called = names_by_key(label_set)
        states = text_states(not_undone(self._engine, project_id, None, rows))
        return [
            Dispute(row, opinions, tuple(called.get(str(o.key), o.key) for o in opinions))
            for row, state in sorted(states.items())
            if (opinions := state.disputed(same))
        ]

    def opinions(
        self, project_id: int, rows: Sequence[int] | None = None
    ) -> dict[int, tuple[Opinion, ...]]:
        """Every person's standing label of each text, blind second ones included, by row."""
        states = text_states(not_undone(self._engine, project_id, None, rows))
        return {
            row: (*state.labels.values(), *state.seconds.values())
            for row, state in sorted(states.items())
            if state.labels or state.seconds
        }

    def log(self, project_id: int) -> list[Any]:
        """What was decided and not undone, oldest first: the columns DECISION_COLUMNS."""
        return not_undone(self._engine, project_id)

    def contradicted(self, project_id: int, batch: str) -> list[Dispute]:
        """What other people say of the texts of a batch that the batch is against, by row.

        Asked after the batch is stored, so that of two who decide at the same time each is told.
        """
        table = schema.human_labels
        mine = sa.select(table.c.row, table.c.action, table.c.label, table.c.who).where(
            (table.c.project_id == project_id) & (table.c.batch == batch) & table.c.undone.is_(None)
        )
        with self._engine.connect() as connection:
            acts = {entry.row: entry for entry in connection.execute(mine)}
        if not acts:
            return []
        rows = list(acts) if len(acts) <= MOST_ROWS_ASKED else None
        entries = not_undone(self._engine, project_id, None, rows)
        others = (entry for entry in entries if entry.batch != batch and entry.row in acts)
        label_set, same = meanings(self._engine, project_id)
        called = names_by_key(label_set)
        mark = batch[:LENGTH_OF_MARK]
        disputes = []
        for row, state in sorted(text_states(others).items()):
            act = acts[row]
            opinions = contradictions(state, act.action, act.label, act.who, mark, same)
            if opinions:
                names = tuple(called.get(str(o.key), o.key) for o in opinions)
                disputes.append(Dispute(row, opinions, names))
        return disputes
