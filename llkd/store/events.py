"""The log of what happened to a project."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from llkd.store import schema
from llkd.store.damaged import read_records


class Events:
    """The event log of one home."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def record(self, project_id: int | None, kind: str, detail: dict[str, Any]) -> None:
        """Add to the event log."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(schema.events).values(
                    project_id=project_id, created=time.time(), kind=kind, detail=detail
                )
            )

    def all(self, project_id: int) -> list[dict[str, Any]]:
        """The project's log, oldest first."""
        table = schema.events
        query = sa.select(table).where(table.c.project_id == project_id).order_by(table.c.id)
        with self._engine.connect() as connection:
            return read_records(connection.execute(query), "log entry", dict)[0]
