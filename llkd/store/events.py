"""The log of what happened to a project."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa

from llkd.store import schema
from llkd.store.damaged import read_records
from llkd.store.engine.moments import present

UNPACK, DUPLICATE = "unpack", "duplicate"
"""Kinds of entries of a project that came from elsewhere."""
FORMER = "former_numbers"
"""In such an entry: old number to new, table by table."""


class Events:
    """The event log of one home."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def record(self, project_id: int | None, kind: str, detail: dict[str, Any]) -> None:
        """Add to the event log."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(schema.events).values(
                    project_id=project_id, created=present(), kind=kind, detail=detail
                )
            )

    def all(self, project_id: int) -> list[dict[str, Any]]:
        """The project's log, oldest first."""
        table = schema.events
        query = sa.select(table).where(table.c.project_id == project_id).order_by(table.c.id)
        with self._engine.connect() as connection:
            return read_records(connection.execute(query), "log entry", dict)[0]

    def former_numbers(self, project_id: int, table: str) -> dict[int, list[int]]:
        """What records of a table are called here, by the numbers that they had elsewhere.

        A project that came from another home, or is a duplicate, has other numbers than there.
        Of several homes that used one number the latest comes first; those deleted are left out.
        """
        table_of_events = schema.events
        query = sa.select(table_of_events.c.detail).where(
            (table_of_events.c.project_id == project_id)
            & table_of_events.c.kind.in_((UNPACK, DUPLICATE))
        )
        numbers: dict[int, list[int]] = defaultdict(list)
        with self._engine.connect() as connection:
            details = connection.execute(query.order_by(table_of_events.c.id.desc())).scalars()
            for detail in details:
                former = detail.get(FORMER) if isinstance(detail, dict) else None
                pairs = former.get(table) if isinstance(former, dict) else None
                for old, new in (pairs if isinstance(pairs, dict) else {}).items():
                    if old.isdecimal() and isinstance(new, int) and new > 0:
                        numbers[int(old)].append(new)
        return dict(numbers)
