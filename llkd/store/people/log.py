"""The log of decisions as it is read: what stands, and what its keys mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from llkd.config import LabelSet
from llkd.errors import NotFound
from llkd.store import schema
from llkd.store.classes import stored_classes
from llkd.store.damaged import DamagedRecord
from llkd.store.people.class_keys import classes_at, same_class
from llkd.store.people.standing import DECISION_COLUMNS, NOTE, Same

MOST_ROWS_ASKED = 500
"""Rows named one by one in a query; databases refuse very many."""


def not_undone(
    engine: sa.Engine,
    project_id: int,
    at: float | None = None,
    rows: Sequence[int] | None = None,
    also: Sequence[str] = (),
) -> list[Any]:
    """What was decided and not taken back, now or by ``at``, in the order it was decided.

    ``also``: columns besides those of ``DECISION_COLUMNS``.
    """
    with engine.connect() as connection:
        return read_not_undone(connection, project_id, at, rows, also)


def read_not_undone(
    connection: sa.Connection,
    project_id: int,
    at: float | None = None,
    rows: Sequence[int] | None = None,
    also: Sequence[str] = (),
) -> list[Any]:
    """As :func:`not_undone`, as the connection sees it."""
    table = schema.human_labels
    stands: sa.ColumnElement[bool] = table.c.undone.is_(None)
    if at is not None:
        stands = (table.c.created <= at) & (stands | (table.c.undone > at))
    stands &= table.c.action != NOTE
    if rows is not None:
        stands &= table.c.row.in_([int(row) for row in rows[:MOST_ROWS_ASKED]])
    columns = (table.c[name] for name in (*DECISION_COLUMNS, *also))
    query = sa.select(*columns).where((table.c.project_id == project_id) & stands)
    return list(connection.execute(query.order_by(table.c.id)))


def todays_classes(engine: sa.Engine, project_id: int) -> LabelSet | None:
    """The classes of a project; None where they cannot be read."""
    try:
        with engine.connect() as connection:
            return stored_classes(connection, project_id)
    except (DamagedRecord, NotFound):
        return None  # what people decided is there all the same


def meanings(
    engine: sa.Engine, project_id: int, at: float | None = None
) -> tuple[LabelSet | None, Same]:
    """The classes of today, and which keys meant one class at the moment ``at``."""
    label_set = todays_classes(engine, project_id)
    if at is None or label_set is None:
        return label_set, same_class(label_set)
    with engine.connect() as connection:
        return label_set, same_class(classes_at(connection, project_id, at))
