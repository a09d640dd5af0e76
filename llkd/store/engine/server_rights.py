"""What a user of PostgreSQL may do, held against what the program needs."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from llkd.store.engine.server_schema import VERSIONS, schema_of, version_in

_TABLE_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")


def lacking(
    connection: sa.Connection, place: str | None, newest: str, names: Sequence[str]
) -> str | None:
    """Which right the user lacks, in a sentence that says how it is given; None where all is there.

    ``place``: the schema in which the tables ``names`` lie now; ``newest``: the version they need.
    """
    schema = schema_of(connection.engine.url)
    quote = connection.dialect.identifier_preparer.quote_identifier
    who, base = connection.execute(sa.text("SELECT current_user, current_database()")).one()
    role, own = quote(who), quote(schema)
    needs: list[str] = []
    grants: list[str] = []
    usable, creatable = _rights_on_schema(connection, schema)
    if usable is None:
        creates = "SELECT has_database_privilege(current_database(), 'CREATE')"
        if not connection.execute(sa.text(creates)).scalar():
            needs.append(f"CREATE on the database {base}, or a schema {schema}")
            grants.append(f"CREATE SCHEMA {own} AUTHORIZATION {role}")
    elif not usable:
        needs.append(f"USAGE on the schema {schema}")
        grants.append(f"GRANT USAGE ON SCHEMA {own} TO {role}")
    readable = place is not None and (place != schema or bool(usable))
    version = None
    if place is not None and readable:
        refused = _refused_tables(connection, place, names)
        if refused:
            kinds = ", ".join(sorted({right for rights in refused.values() for right in rights}))
            needs.append(f"{kinds} on {', '.join(sorted(refused))} of the schema {place}")
            inside = f"IN SCHEMA {quote(place)} TO {role}"
            grants.append(
                f"GRANT {', '.join(_TABLE_RIGHTS)} ON ALL TABLES {inside}; "
                f"GRANT USAGE ON ALL SEQUENCES {inside}"
            )
        else:
            version = version_in(connection, place)
    if usable is not None and not creatable and version != newest and not needs:
        needs.append(f"CREATE on the schema {schema}, for the tables of this version")
        grants.append(f"GRANT CREATE ON SCHEMA {own} TO {role}")
    if version is not None and version != newest:
        others = _tables_of_others(connection, str(place), names)
        if others:
            needs.append(f"to own {', '.join(others)}, which this version changes")
            there = quote(str(place))
            grants += [f"ALTER TABLE {there}.{quote(name)} OWNER TO {role}" for name in others]
    if not needs:
        return None
    return (
        f"Its user {who} lacks {' and '.join(needs)}. Who may give that gives it with: "
        f"{'; '.join(grants)}."
    )


def _rights_on_schema(connection: sa.Connection, schema: str) -> tuple[bool | None, bool]:
    """Whether the user may use it and create in it; None and False where there is none."""
    query = sa.text(
        "SELECT has_schema_privilege(oid, 'USAGE'), has_schema_privilege(oid, 'CREATE') "
        "FROM pg_namespace WHERE nspname = :schema"
    )
    row = connection.execute(query, {"schema": schema}).one_or_none()
    return (None, False) if row is None else (bool(row[0]), bool(row[1]))


def _refused_tables(
    connection: sa.Connection, place: str, names: Sequence[str]
) -> dict[str, list[str]]:
    """The rights that are missing, by table; ``USAGE`` stands for the counter of its numbers."""
    rights = ", ".join(f"has_table_privilege(c.oid, '{right}')" for right in _TABLE_RIGHTS)
    query = sa.text(
        f"SELECT c.relname, {rights}, coalesce((SELECT bool_and(has_sequence_privilege("  # noqa: S608
        "d.objid, 'USAGE')) FROM pg_depend d JOIN pg_class s ON s.oid = d.objid "
        "WHERE d.refobjid = c.oid AND s.relkind = 'S'), true) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = :place AND c.relkind = 'r' AND c.relname = ANY(:names)"
    )
    rows = connection.execute(query, {"place": place, "names": list(names)}).all()
    kinds = (*_TABLE_RIGHTS, "USAGE")
    refused = {
        row[0]: [kind for kind, held in zip(kinds, row[1:], strict=True) if not held]
        for row in rows
    }
    if VERSIONS in refused:  # it is read, and written by who brings the tables up to date
        refused[VERSIONS] = [kind for kind in refused[VERSIONS] if kind == "SELECT"]
    return {name: kinds for name, kinds in refused.items() if kinds}


def _tables_of_others(connection: sa.Connection, place: str, names: Sequence[str]) -> list[str]:
    query = sa.text(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = :place AND c.relkind = 'r' AND c.relname = ANY(:names) "
        "AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY c.relname"
    )
    return list(connection.execute(query, {"place": place, "names": list(names)}).scalars())
