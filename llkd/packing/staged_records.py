"""The records of a packed project in a database whose tables are those of who packed it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from llkd.packing.archive import PackReader
from llkd.packing.document import RecordEntry
from llkd.store import schema
from llkd.store.engine.column_types import LAST_MOMENT
from llkd.store.engine.database import HEAD, LARGEST_NUMBER, empty_engine, known_revisions
from llkd.store.home import Home

AT_ONCE = 2000
LARGEST = 2**63 - 1


def insert_records(reader: PackReader, home: Home) -> None:
    """Write every record, under its own number, into the new database of ``home``.

    Raises DataError for records that are none of the project's or have other columns, and for a
    version of the tables that is not known here.
    """
    version = reader.document.tables
    if version not in known_revisions():
        raise reader.refusal(
            f"a newer version of the program wrote it (its tables are {version[:20]!r}, this one "
            f"knows up to {HEAD}); use that version, or a later one"
        )
    engine = empty_engine(home, version)
    try:
        tables = _tables(engine)
        by_table = {entry.table: entry for entry in reader.document.records}
        if len(by_table) != len(reader.document.records) or set(by_table) - set(tables):
            raise reader.refusal("it has records of a kind that is not known")
        with engine.begin() as connection:
            # Projects and labelling runs name each other.
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            for name, table in tables.items():
                if name in by_table:
                    _insert(reader, by_table[name], connection, table)
    finally:
        engine.dispose()


def _tables(engine: sa.Engine) -> dict[str, sa.Table]:
    """The tables with records of projects as that version has them, in the order to fill them."""
    metadata = sa.MetaData()
    metadata.reflect(engine)
    order = [table.name for table in schema.metadata.sorted_tables]
    return {name: metadata.tables[name] for name in order if name in metadata.tables}


def _insert(
    reader: PackReader, entry: RecordEntry, connection: sa.Connection, table: sa.Table
) -> None:
    number = reader.document.project.number
    waiting: list[dict[str, Any]] = []
    rows = 0
    for values in reader.lines(entry):
        if set(values) != set(table.c.keys()):
            raise reader.refusal(f"a record of {table.name} has other columns")
        own = values["id"] if table.name == schema.projects.name else values["project_id"]
        if own != number:
            raise reader.refusal(f"a record of {table.name} is of another project")
        _check_values(reader, table, values)
        waiting.append(values)
        rows += 1
        if len(waiting) >= AT_ONCE:
            connection.execute(sa.insert(table), waiting)
            waiting = []
    if waiting:
        connection.execute(sa.insert(table), waiting)
    if rows != entry.rows:
        raise reader.refusal(f"it holds {rows:,} records of {table.name}, not {entry.rows:,}")


def _check_values(reader: PackReader, table: sa.Table, values: Mapping[str, Any]) -> None:
    """Raise DataError for a value that is none of its column: SQLite would keep it."""
    for column in table.c:
        value = values[column.name]
        if value is None:
            fits = bool(column.nullable)
        elif isinstance(column.type, sa.JSON):
            fits = True
        elif isinstance(column.type, sa.Boolean):
            fits = value in (True, False)
        elif isinstance(column.type, sa.Integer):
            most = LARGEST if isinstance(column.type, sa.BigInteger) else LARGEST_NUMBER
            fits = isinstance(value, int) and not isinstance(value, bool) and -most <= value <= most
        elif isinstance(column.type, sa.Float):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            fits = number and math.isfinite(value) and _is_moment(table, column, value)
        else:
            length = getattr(column.type, "length", None)
            fits = isinstance(value, str) and (length is None or len(value) <= length)
        if not fits:
            raise reader.refusal(f"a record of {table.name} has no fitting {column.name}")


def _is_moment(table: sa.Table, column: sa.Column[Any], value: float) -> bool:
    """Whether a number may stand in a column: one that holds moments takes those of a calendar."""
    today = schema.metadata.tables[table.name].c.get(column.name)
    moments = today is not None and isinstance(today.type, schema.Moment)
    return not moments or 0 <= value <= LAST_MOMENT
