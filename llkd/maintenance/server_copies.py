"""A copy of a PostgreSQL database as the SQLite file of a home, all of it of one moment."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from llkd.errors import StoreError
from llkd.store import schema
from llkd.store.engine.database import HEAD, address, open_engine, open_for_reading, revision
from llkd.store.engine.database_binding import own_mark
from llkd.store.engine.postgresql import last_number
from llkd.store.home import Home

AT_ONCE = 2000
"""Records held in memory at a time."""


def copy_server(source: Home, copy: Home) -> None:
    """Write every record of the home's database into the new file ``copy.database``.

    Numbers stay, and none that was ever given is given again. Raises StoreError where the
    database cannot be read or is of another version.
    """
    where = address(source)
    server = open_for_reading(source)
    try:
        schema_revision = revision(server, own_mark(source))
        if schema_revision != HEAD:
            raise StoreError(
                f"The database {where} has the schema {schema_revision or 'of nothing'}; this "
                f"version copies {HEAD}. Open the home once with this version, then make the "
                "backup."
            )
        with server.connect().execution_options(isolation_level="REPEATABLE READ") as records:
            copy.prepare()
            file = open_engine(copy)
            try:
                with file.begin() as rows:
                    # Projects and labelling runs name each other.
                    rows.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
                    for table in schema.metadata.sorted_tables:
                        copy_table(records, rows, table)
            finally:
                file.dispose()
    finally:
        server.dispose()


def copy_table(records: sa.Connection, rows: sa.Connection, table: sa.Table) -> None:
    """Copy every record of one table, some at a time."""
    read = records.execute(sa.select(table), execution_options={"yield_per": AT_ONCE})
    for some in read.mappings().partitions():
        values: list[dict[str, Any]] = [dict(record) for record in some]
        rows.execute(sa.insert(table), values)
    if "id" not in table.c:  # its records have no numbers
        return
    # A row of SQLite's own table says which number was given last.
    last = {"name": table.name, "last": last_number(records, table)}
    rows.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), last)
    rows.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), last)
