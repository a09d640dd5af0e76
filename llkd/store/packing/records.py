"""Every record of one project: read as they were at one moment, and written with other numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from llkd.errors import StoreError
from llkd.store import schema
from llkd.store.engine.database import new_id
from llkd.store.packing.numbers import DOCUMENTS, Numbers
from llkd.store.schema import Unreadable

AT_ONCE = 2000
"""Records held in memory at a time."""
KINDS_OF_JOBS = ("label", "bake-off", "train", "compare")
"""Jobs that go along: what they found, or what a resumed one goes on from."""
FACTS = (
    "began", "basis", "judged_by", "run_id", "labelling_id", "examples", "notices",
    "in_use_before", "pooled", "refinement_chosen", "relabelled_from",
)  # fmt: skip
"""Of a job's context: what a page shows or a resumed attempt needs. The rest is of one machine."""
_OF_A_PROCESS = ("device", "pid", "heartbeat", "cancel_requested")

TABLES = tuple(
    table
    for table in schema.metadata.sorted_tables
    if table.name == schema.projects.name or "project_id" in table.c
)
"""The tables with records of projects, each after those that it refers to."""
NUMBERED = frozenset(
    {
        schema.projects.name,
        *(key.column.table.name for table in TABLES for key in table.foreign_keys),
        *(table for paths in DOCUMENTS.values() for table in paths.values()),
    }
)
"""Tables whose records others name by their numbers."""


@contextmanager
def one_moment(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that sees the records as they are at its first query, whatever follows."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def records(
    connection: sa.Connection, project_id: int, table: sa.Table
) -> Iterator[list[dict[str, Any]]]:
    """The records of a project in one table, some at a time, in the order of their numbers.

    Jobs are those that go along, as if they had run nowhere; a run of another job has none. Raises
    StoreError for a record that is damaged.
    """
    own = table.c.id if table is schema.projects else table.c.project_id
    query = sa.select(table).where(own == project_id).order_by(table.c.id)
    if table is schema.jobs:
        query = query.where(_goes_along())
    jobs: set[int] = set()
    if table is schema.runs:
        jobs.update(connection.execute(sa.select(schema.jobs.c.id).where(_goes_along())).scalars())
    read = connection.execute(query, execution_options={"yield_per": AT_ONCE})
    for some in read.mappings().partitions():
        rows = [dict(record) for record in some]
        for row in rows:
            _check(table, row)
            if table is schema.runs and row["job_id"] not in jobs:
                row["job_id"] = None
        yield [_as_if_nowhere(row) for row in rows] if table is schema.jobs else rows


def _goes_along() -> sa.ColumnElement[bool]:
    jobs = schema.jobs.c
    return jobs.kind.in_(KINDS_OF_JOBS) & jobs.state.not_in(("queued", "running"))


def numbers_of(connection: sa.Connection, project_id: int, table: sa.Table) -> set[int]:
    """The numbers of a project's records in one table."""
    query = sa.select(table.c.id).where(table.c.project_id == project_id)
    return set(connection.execute(query).scalars())


def write_records(
    source: sa.Connection, project_id: int, target: sa.Connection, project: Mapping[str, Any]
) -> Numbers:
    """Write every record of a project as those of a new one; returns what numbers they got.

    ``project`` says what is different in the project's own record (its name). The order of
    numbers stays. To be called in a transaction.
    """
    numbers = Numbers()
    first = [table for table in TABLES if table.name in NUMBERED]
    unmapped: list[tuple[sa.Table, dict[str, Any]]] = []
    for table in first:
        for some in records(source, project_id, table):
            for row in some:
                values = _renamed(table, row, project)
                # Others may not be there yet that its documents name: those follow below.
                insertion = sa.insert(table).values(**numbers.record(table.name, values))
                numbers.add(table.name, row["id"], new_id(target.execute(insertion)))
                unmapped.append((table, values))
    for table, values in unmapped:
        number = numbers.of(table.name, values["id"])
        changed = numbers.record(table.name, values)
        target.execute(sa.update(table).where(table.c.id == number).values(**changed))
    for table in TABLES:
        if table.name not in NUMBERED:
            for some in records(source, project_id, table):
                target.execute(sa.insert(table), [numbers.record(table.name, row) for row in some])
    return numbers


def _renamed(table: sa.Table, row: dict[str, Any], project: Mapping[str, Any]) -> dict[str, Any]:
    """The record as it is of a project that is called otherwise."""
    if table is schema.projects:
        return {**row, **project}
    request = row.get("request")
    if table is schema.jobs and isinstance(request, dict) and "project" in request:
        return {**row, "request": {**request, "project": project["name"]}}
    return row


def _as_if_nowhere(job: dict[str, Any]) -> dict[str, Any]:
    context = job["context"]
    return {
        **job,
        **dict.fromkeys(_OF_A_PROCESS),
        "arguments": [],
        "context": {name: context[name] for name in FACTS if name in context},
    }


def _check(table: sa.Table, row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        if isinstance(value, Unreadable):
            raise StoreError(
                f"The record {row['id']} of {table.name} is damaged: {name} cannot be read "
                f"({value.reason}). What can be done about it is said by: llkd doctor"
            )
