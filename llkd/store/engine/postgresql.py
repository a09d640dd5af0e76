"""PostgreSQL in place of the SQLite file, with the same promises kept in its own way.

Writers come one after the other, as they do in SQLite: a transaction that writes takes one lock of
the database first, so that read-then-write is safe between processes and machines, and numbers
grow in the order in which records appear. Readers wait for nobody.

A server can go away and come back: a connection is tried before it is used, and who has work that
must not be lost waits for the server with :func:`patience`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import sqlalchemy as sa

from llkd.errors import StoreError
from llkd.store.engine.server_schema import DEFAULT_SCHEMA, schema_of

WRITERS = int.from_bytes(b"llkd", "big")
"""The number of the advisory lock that every writer takes."""
IDLE_SECONDS = 60
"""After so long in an open transaction a process that hangs holds up the others no longer."""
RETRY_SECONDS = 0.5
_PATIENCE: ContextVar[float] = ContextVar("patience", default=0.0)
_SAFE = "What was stored before is unchanged"
_STATES = {
    "55P03": "is locked by another program. Nothing was changed; try again in a moment, and close "
    "the program that holds it if this stays",
    "53100": f"cannot be written: the disk of its server is full. {_SAFE}; free some space there "
    "and try again",
    "25006": f"cannot be written: its server is read-only. {_SAFE}; use the server that takes "
    "writes",
    "42501": "refuses its user what the program needs ({reason}). Nothing was changed; which right "
    "is missing, and how it is given, says: llkd doctor",
    "53": f"has a server with too little room or memory ({{reason}}). {_SAFE}; try again in a "
    "moment",
    "57014": f"took longer than its server allows ({{reason}}). {_SAFE}",
    "58": f"cannot be read or written: its server's disk fails ({{reason}}). {_SAFE}",
    "XX": "is damaged, or its server fails ({reason}). Put it back from a backup",
}
_AWAY = (
    "cannot be opened: {reason}. What was stored is kept. Check that its server runs and that "
    "LLKD_DATABASE_URL is right, and try again"
)


def connected(url: sa.URL, busy_seconds: float) -> sa.Engine:
    """An engine whose ``begin()`` is alone in writing and whose faults are StoreErrors.

    ``busy_seconds``: how long a write waits for another that writes. Raises ModuleNotFoundError
    where the driver is missing; nothing is connected yet.
    """
    engine = sa.create_engine(
        url,
        pool_pre_ping=True,
        hide_parameters=True,  # texts and names of people are nothing for a log
        json_serializer=partial(json.dumps, allow_nan=False),
        connect_args=_waits(url),
        execution_options={"schema_translate_map": {None: schema_of(url)}},
    )
    alone = (
        f"SELECT set_config('lock_timeout', '{int(busy_seconds * 1000)}', true), "  # noqa: S608
        f"set_config('idle_in_transaction_session_timeout', '{IDLE_SECONDS}s', true), "
        f"pg_advisory_xact_lock({WRITERS})"
    )

    @sa.event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
        until = time.monotonic() + _PATIENCE.get()
        while True:
            try:
                return dialect.connect(*arguments, **named)
            except dialect.loaded_dbapi.OperationalError:
                if time.monotonic() >= until:
                    raise
            time.sleep(RETRY_SECONDS)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("llkd_write", False):
            connection.exec_driver_sql(alone)

    @sa.event.listens_for(engine, "handle_error")
    def _say(context: sa.engine.ExceptionContext) -> None:
        if context.is_pre_ping:
            return  # the pool makes a new connection
        words = in_words(url, context.original_exception, context.is_disconnect)
        if words is not None:
            raise words from context.original_exception

    setattr(engine, "begin", engine.execution_options(llkd_write=True).begin)  # noqa: B010
    return engine


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """In this thread, wait so long for a server that takes no connections before giving up."""
    before = _PATIENCE.set(seconds)
    try:
        yield
    finally:
        _PATIENCE.reset(before)


def in_words(url: sa.URL, error: BaseException | None, lost: bool) -> StoreError | None:
    """What a failing server means and what to do; None for an error of the program itself.

    ``lost``: the connection is.
    """
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
    words = next((_STATES[part] for part in (state, state[:2]) if part in _STATES), None)
    no_state = not state and type(error).__name__ in ("OperationalError", "ConnectionTimeout")
    if lost or no_state or state[:2] == "08" or state[:3] == "57P" or state == "25P03":
        words = _AWAY
    if words is None:
        return None
    lines = str(error).strip().splitlines() or [type(error).__name__]
    reason = " ".join(lines[0].split()).rstrip(".")
    return StoreError(f"The database {shown(url)} {words.format(reason=reason)}.")


def shown(url: sa.URL) -> str:
    """The address without a password, wherever in it the password stands."""
    address, schema = url.set(query={}).render_as_string(hide_password=True), schema_of(url)
    return address if schema == DEFAULT_SCHEMA else f"{address} (schema {schema})"


def last_number(connection: sa.Connection, table: sa.Table) -> int:
    """The last number that was given in a table, also to a record that is gone; 0 for none."""
    query = sa.text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:name, 'id')::regclass)")
    quote = connection.dialect.identifier_preparer.quote_identifier
    name = f"{quote(schema_of(connection.engine.url))}.{quote(table.name)}"
    return int(connection.execute(query, {"name": name}).scalar() or 0)


def _waits(url: sa.URL) -> dict[str, Any]:
    drivers = ("psycopg", "psycopg2")
    mine = url.get_dialect().driver in drivers and "connect_timeout" not in url.query
    return {"connect_timeout": 10} if mine else {}
