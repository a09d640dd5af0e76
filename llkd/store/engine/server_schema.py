"""The schema of a PostgreSQL database with the tables: ``llkd``, or the one an address names.

Up to version 0.8 they lay in the first schema of the search path, mostly ``public``; from there
they are moved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import sqlalchemy as sa

DEFAULT_SCHEMA = "llkd"
PUBLIC = "public"
VERSIONS = "alembic_version"
"""The table that says which version the others have."""
HOME_EVENT = "home"
"""Kind of the event that holds the database's mark."""
_SEARCH_PATH = re.compile(r"(?:-c\s*|--)search_path\s*=\s*((?:\\.|\S)+)", re.DOTALL)


def schema_of(url: sa.URL) -> str:
    """The schema for the tables: the first of the search path in the address's ``options``.

    ``postgresql://…/name?options=-csearch_path%3Dteam`` names ``team``.
    """
    options = url.query.get("options", "")
    named = _SEARCH_PATH.search(" ".join(options) if isinstance(options, tuple) else options)
    names = [] if named is None else re.sub(r"\\(.)", r"\1", named[1]).split(",")
    for name in names:
        written = name.strip()
        if written.startswith('"'):
            written = written.strip('"').replace('""', '"')
        else:
            written = written.lower()  # as PostgreSQL reads a name without quotation marks
        if written and written != "$user":
            return written
    return DEFAULT_SCHEMA


def place_of_tables(connection: sa.Connection, mark: str | None) -> str | None:
    """The schema in which the home's tables lie now; None where there are none.

    Tables in another schema of the search path, or in ``public``, are the home's where the address
    names no schema, or where they hold the home's ``mark``.
    """
    schema = schema_of(connection.engine.url)
    inspector = sa.inspect(connection)
    if inspector.has_table(VERSIONS, schema):
        return schema
    searched = connection.execute(sa.text("SELECT current_schemas(false)")).scalar() or []
    for place in dict.fromkeys([*searched, PUBLIC]):
        ours = all(inspector.has_table(name, place) for name in (VERSIONS, "projects", "events"))
        if ours and place != schema:
            unnamed = schema == DEFAULT_SCHEMA
            if unnamed or (mark is not None and mark == _mark_in(connection, place)):
                return str(place)
    return None


def version_in(connection: sa.Connection, schema: str | None) -> str | None:
    """The version of the tables in a schema."""
    table = sa.Table(VERSIONS, sa.MetaData(), sa.Column("version_num", sa.String), schema=schema)
    version: str | None = connection.execute(sa.select(table.c.version_num)).scalar()
    return version


def settle_in_schema(connection: sa.Connection, mark: str | None, names: Iterable[str]) -> None:
    """Make the schema, move the home's tables ``names`` into it, and let this transaction use it.

    With the tables go their indexes and the counters of their numbers; nothing is copied.
    """
    schema = schema_of(connection.engine.url)
    quote = connection.dialect.identifier_preparer.quote_identifier
    place = place_of_tables(connection, mark)
    inspector = sa.inspect(connection)
    if not inspector.has_schema(schema):
        connection.execute(sa.schema.CreateSchema(schema))
    if place is not None and place != schema:
        for name in sorted(set(names) & set(inspector.get_table_names(place))):
            connection.exec_driver_sql(
                f"ALTER TABLE {quote(place)}.{quote(name)} SET SCHEMA {quote(schema)}"
            )
    connection.exec_driver_sql(f"SET LOCAL search_path TO {quote(schema)}")


def comment(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Store what every table and column holds, in words."""
    for table in metadata.sorted_tables:
        connection.execute(sa.schema.SetTableComment(table))
        for column in table.c:
            connection.execute(sa.schema.SetColumnComment(column))


def _mark_in(connection: sa.Connection, place: str) -> str | None:
    table = sa.Table(
        "events", sa.MetaData(), sa.Column("id", sa.Integer), sa.Column("project_id", sa.Integer),
        sa.Column("kind", sa.Text), sa.Column("detail", sa.JSON), schema=place,
    )  # fmt: skip
    marks = sa.select(table.c.detail).where(
        table.c.project_id.is_(None) & (table.c.kind == HOME_EVENT)
    )
    detail = connection.execute(marks.order_by(table.c.id.desc()).limit(1)).scalar()
    return str(detail["home"]) if isinstance(detail, dict) and "home" in detail else None
