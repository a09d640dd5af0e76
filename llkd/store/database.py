"""The engine of one home's database, and its schema brought up to date."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout

from llkd.errors import StoreError
from llkd.store.home import Home
from llkd.store.write_ahead import write_ahead

HEAD = "0003"
BUSY_SECONDS = 30.0
"""How long a write waits for another process that writes."""

_REASONS = {
    sqlite3.SQLITE_BUSY: "is locked by another program. Nothing was changed; try again in a "
    "moment, and close the program that holds it if this stays",
    sqlite3.SQLITE_LOCKED: "is locked by another program. Nothing was changed; try again in a "
    "moment, and close the program that holds it if this stays",
    sqlite3.SQLITE_FULL: "cannot be written: the disk is full. What was there before is "
    "unchanged; free some space and try again",
    sqlite3.SQLITE_READONLY: "cannot be written: it, or its folder, is read-only. Mend the "
    "permissions, or choose another home with --home or LLKD_HOME",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk is full or failing. What was there "
    "before is unchanged; free some space and try again",
    sqlite3.SQLITE_CORRUPT: "is damaged. See what can be saved with: llkd doctor",
    sqlite3.SQLITE_NOTADB: "cannot be opened: it is damaged, or no SQLite file. See what can be "
    "saved with: llkd doctor",
}


def open_engine(home: Home) -> sa.Engine:
    """Connect to LLKD_DATABASE_URL or the home's SQLite file, and migrate it if need be.

    Transactions begun with ``engine.begin()`` take SQLite's write lock at once, so that
    read-then-write is safe between processes; plain reads use ``engine.connect()`` and wait for
    nobody. A database that is locked, full, read-only or damaged raises StoreError in one
    sentence, now and at every later use.
    """
    url = database_url(home)
    try:
        engine = _sqlite(url) if is_sqlite(url) else sa.create_engine(url)
        if revision(engine) != HEAD:
            with FileLock(home.locks / "migrate.lock", timeout=120):
                _migrate(engine)
        return engine
    except Timeout as error:
        raise StoreError(
            f"The database {_shown(url)} is being brought up to date by another process. Try again "
            "in a moment."
        ) from error
    except (sa.exc.SQLAlchemyError, ModuleNotFoundError) as error:
        where = _shown(url)
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreError(
            f"The database {where} cannot be opened: {reason}. "
            "Check that it is a database of this program and not damaged."
        ) from error


def open_for_reading(home: Home) -> sa.Engine:
    """Connect without changing anything: no migration, no file made. Raises StoreError at use."""
    url = database_url(home)
    if not is_sqlite(url):
        return sa.create_engine(url)
    address = f"{Path(sa.engine.make_url(url).database or '').resolve().as_uri()}?mode=ro"
    engine = sa.create_engine(
        "sqlite://",
        poolclass=sa.pool.NullPool,
        creator=lambda: sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, check_same_thread=False
        ),
    )

    @sa.event.listens_for(engine, "handle_error")
    def _say(context: sa.engine.ExceptionContext) -> None:
        said = in_words(url, context.original_exception)
        if said is not None:
            raise said from context.original_exception

    return engine


def sqlite_file(home: Home) -> Path | None:
    """The SQLite file of a home's database; None where it is kept in another database."""
    url = database_url(home)
    return Path(sa.engine.make_url(url).database or "").resolve() if is_sqlite(url) else None


def database_url(home: Home) -> str | sa.URL:
    """Where the database of a home is: LLKD_DATABASE_URL, or its own SQLite file."""
    own = sa.URL.create("sqlite", database=str(home.database))
    return own if home.own_database else os.environ.get("LLKD_DATABASE_URL") or own


def is_sqlite(url: str | sa.URL) -> bool:
    """Whether the database is a SQLite file."""
    return sa.engine.make_url(url).get_backend_name() == "sqlite"


def new_id(result: sa.CursorResult[Any]) -> int:
    """The number that an insert of one row was given."""
    key = result.inserted_primary_key
    if key is None:
        raise StoreError("The database gave a new record no number.")
    return int(key[0])


def _shown(url: str | sa.URL) -> str:
    """The file, or the address without its password."""
    try:
        made = sa.engine.make_url(url)
        if made.get_backend_name() == "sqlite" and made.database:
            return made.database
        return made.render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return "named by LLKD_DATABASE_URL"


def _sqlite(url: str | sa.URL) -> sa.Engine:
    waits = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = sa.create_engine(url, connect_args=waits)

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        try:
            write_ahead(connection)
            for pragma in ("synchronous=FULL", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            connection.close()
            raise in_words(url, error) or error from error

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A read that later writes cannot upgrade its lock while another process writes.
        write = connection.get_execution_options().get("llkd_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    @sa.event.listens_for(engine, "handle_error")
    def _say(context: sa.engine.ExceptionContext) -> None:
        said = in_words(url, context.original_exception)
        if said is not None:
            raise said from context.original_exception

    setattr(engine, "begin", engine.execution_options(llkd_write=True).begin)  # noqa: B010
    return engine


def in_words(url: str | sa.URL, error: BaseException | None) -> StoreError | None:
    """What a failing SQLite file means and what to do; None for an error of the program itself."""
    code = getattr(error, "sqlite_errorcode", None)
    reason = None if code is None else _REASONS.get(code & 0xFF)
    return None if reason is None else StoreError(f"The database {_shown(url)} {reason}.")


def revision(engine: sa.Engine) -> str | None:
    """The schema that a database has; None for an empty one."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(engine: sa.Engine) -> None:
    current = revision(engine)
    if current == HEAD:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    known = [path.name.split("_")[0] for path in _versions()]
    if current is not None and current not in known:
        raise StoreError(
            f"This home was made by a newer version of the program (schema {current}, this one "
            f"knows up to {HEAD}). Install the newer version, or use another --home."
        )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _versions() -> list[Path]:
    return sorted((Path(__file__).parent / "migrations" / "versions").glob("0*.py"))
