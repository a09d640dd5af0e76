"""Foreign keys and indexes for every reference; moments and jsonb in PostgreSQL.

A reference to a record that is not there any more is emptied; what stood there goes to the log, as
an event of the home of kind ``references``.
"""

import json
import re
import time
from typing import Any

import sqlalchemy as sa
from alembic import op

from llkd.store.engine.exact_json import encoded

revision = "0010"
down_revision = "0009"

REFERENCES = {
    ("projects", "labelling_id"): "labellings",
    ("runs", "job_id"): "jobs",
    ("human_labels", "sample_id"): "label_samples",
}
INDEXES = (
    ("projects", "labelling"),
    ("runs", "project"),
    ("runs", "labelling"),
    ("runs", "job"),
    ("jobs", "project"),
    ("human_labels", "sample"),
    ("label_samples", "project"),
    ("audits", "project"),
    ("audit_answers", "project"),
    ("certificates", "project"),
    ("certificates", "audit"),
    ("events", "project"),
)
MOMENTS = {
    "projects": ("created", "archived"),
    "labellings": ("created",),
    "runs": ("created", "finished"),
    "jobs": ("created", "queued", "started", "finished", "heartbeat", "cancel_requested"),
    "human_labels": ("created", "undone"),
    "selections": ("created",),
    "label_samples": ("created",),
    "browser_names": ("created",),
    "text_views": ("created",),
    "audits": ("created",),
    "audit_answers": ("created", "undone"),
    "certificates": ("created",),
    "events": ("created",),
}
DOCUMENTS = {
    "projects": ("report", "label_set", "additions"),
    "labellings": ("label_set", "config", "teacher", "content_free", "fits", "rounds"),
    "runs": ("config", "labels", "summary"),
    "jobs": ("arguments", "request", "context", "result"),
    "selections": ("view", "counts"),
    "label_samples": ("document",),
    "text_views": ("view",),
    "audits": ("document",),
    "certificates": ("document",),
    "events": ("detail",),
}
FIRST, LAST = "-62135596800", "253402300799"
"""The years 1 and 9999: a moment outside of them was damage, and becomes the nearest."""
AT_ONCE = 500


def upgrade() -> None:
    """Empty what refers to nothing, then hold every reference to what it names."""
    connection = op.get_bind()
    _keep_exact_moments(connection)
    gone = _without_strays(connection)
    if connection.dialect.name == "sqlite":
        for table, column in REFERENCES:
            _with_foreign_key(connection, table, column, REFERENCES[table, column])
    else:
        for table in MOMENTS:
            _with_server_types(connection, table)
        for (table, column), target in REFERENCES.items():
            op.create_foreign_key(
                f"{table}_{column}_fkey", table, target, [column], ["id"], ondelete="SET NULL"
            )
    for table, target in INDEXES:
        op.create_index(f"{table}_by_{target}", table, [f"{target}_id"])
    if gone:
        _log(connection, gone)


def _keep_exact_moments(connection: sa.Connection) -> None:
    """Keep when decisions were made as floats where they are finer than to the microsecond."""
    op.add_column("human_labels", sa.Column("exact_created", sa.Float()))
    table = sa.table("human_labels", sa.column("id"), sa.column("created"))
    exact = sa.table("human_labels", sa.column("id"), sa.column("exact_created"))
    update = sa.update(exact).where(exact.c.id == sa.bindparam("number"))
    update = update.values(exact_created=sa.bindparam("moment", type_=sa.Float))
    for rows in connection.execute(sa.select(table.c.id, table.c.created)).partitions(AT_ONCE):
        finer = [
            {"number": number, "moment": moment}
            for number, moment in rows
            if isinstance(moment, float) and round(moment * 1e6) / 1e6 != moment
        ]
        if finer:
            connection.execute(update, finer)


def _without_strays(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Empty references to records that are not there; what they were, by column and record."""
    gone: dict[str, dict[str, int]] = {}
    for (name, column), target in REFERENCES.items():
        table, parent = sa.table(name, sa.column("id"), sa.column(column)), _ids(target)
        stray = table.c[column].is_not(None) & table.c[column].not_in(sa.select(parent.c.id))
        rows = connection.execute(sa.select(table.c.id, table.c[column]).where(stray)).all()
        if rows:
            gone[f"{name}.{column}"] = {str(number): value for number, value in rows}
            connection.execute(sa.update(table).where(stray).values({column: None}))
    return gone


def _ids(name: str) -> sa.TableClause:
    return sa.table(name, sa.column("id", sa.Integer))


def _log(connection: sa.Connection, gone: dict[str, dict[str, int]]) -> None:
    moment = sa.func.now() if connection.dialect.name != "sqlite" else time.time()
    events = sa.table(
        "events", sa.column("created"), sa.column("kind"), sa.column("detail", sa.JSON)
    )
    values = {"created": moment, "kind": "references", "detail": {"emptied": gone}}
    connection.execute(sa.insert(events).values(**values))


def _with_foreign_key(connection: sa.Connection, table: str, column: str, target: str) -> None:
    """The same table with one foreign key more: SQLite has no other way than to write it anew.

    Every value stays as it is, byte for byte, and so does the number that was given last.
    """
    run = connection.exec_driver_sql
    query = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type = ? AND sql IS NOT NULL"
    (created,) = run(query, (table, "table")).scalars().all()
    indexes = run(query, (table, "index")).scalars().all()
    last = run("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).scalar()
    new = f"{table}_0010"
    head = re.compile(rf"CREATE TABLE\s+[\"'`\[]?{table}[\"'`\]]?\s*\(", re.IGNORECASE)
    body = head.sub(f"CREATE TABLE {new} (", created, count=1).rstrip().removesuffix(")")
    key = f"CONSTRAINT {table}_{column}_fkey FOREIGN KEY({column}) REFERENCES {target} (id)"
    run(f"{body}, {key} ON DELETE SET NULL)")
    run(f"INSERT INTO {new} SELECT * FROM {table}")  # noqa: S608
    run(f"DROP TABLE {table}")
    run(f"ALTER TABLE {new} RENAME TO {table}")
    for index in indexes:
        run(index)
    if last is not None:
        run("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        run("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last))


def _with_server_types(connection: sa.Connection, table: str) -> None:
    """Moments as timestamptz and documents as jsonb, in one rewriting of the table."""
    changes = []
    for column in MOMENTS[table]:
        # Both of these leave out what is NULL.
        moment = f"to_timestamp(least(greatest({column}, {FIRST}), {LAST}))"
        moment = f"CASE WHEN {column} IS NOT NULL THEN {moment} END"
        changes.append(f"ALTER {column} TYPE timestamptz USING {moment}")
    for column in DOCUMENTS.get(table, ()):
        _mark_documents(connection, table, column)
        changes.append(f"ALTER {column} TYPE jsonb USING {column}::jsonb")
    connection.exec_driver_sql(f"ALTER TABLE {table} {', '.join(changes)}")


def _mark_documents(connection: sa.Connection, table: str, column: str) -> None:
    """Write documents in the form from which jsonb gives back the same."""
    texts = sa.table(table, sa.column("id"), sa.column(column))
    query = (
        sa.select(texts.c.id, sa.cast(texts.c[column], sa.Text).label("document"))
        .where(texts.c[column].is_not(None))
        .order_by(texts.c.id)
        .limit(AT_ONCE)
    )
    update = (
        sa.update(texts)
        .where(texts.c.id == sa.bindparam("number"))
        .values({column: sa.cast(sa.bindparam("document", type_=sa.Text), sa.JSON)})
    )
    last = 0
    while rows := connection.execute(query.where(texts.c.id > last)).all():
        marked = []
        for number, text in rows:
            document = json.loads(text, object_hook=_as_before)
            form = encoded(document)
            if form != document:
                marked.append({"number": number, "document": json.dumps(form)})
        if marked:
            connection.execute(update, marked)
        last = rows[-1][0]


def _as_before(document: dict[str, Any]) -> Any:
    """Numbers that JSON has no word for, as versions before this one wrote them."""
    if set(document) == {"not finite"} and document["not finite"] in ("nan", "inf", "-inf"):
        return float(document["not finite"])
    return document
