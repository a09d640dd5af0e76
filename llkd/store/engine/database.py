"""The engine of one home's database, and its schema brought up to date."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout

from llkd.errors import StoreError
from llkd.store import schema
from llkd.store.engine import database_binding, postgresql, server_rights, server_schema
from llkd.store.engine.read_only import read_only_connection
from llkd.store.engine.write_ahead import write_ahead
from llkd.store.files.permissions import begin_database, mode_in
from llkd.store.home import Home

HEAD = "0010"
BUSY_SECONDS = 30.0
"""How long a write waits for another process that writes."""
LARGEST_NUMBER = 2**31 - 1
"""No record's number is larger; PostgreSQL refuses even to be asked for one."""
DRIVER = "psycopg[binary]==3.3.9"

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

    Transactions begun with ``engine.begin()`` take the database's one write lock at once, so that
    read-then-write is safe between processes; plain reads use ``engine.connect()`` and wait for
    nobody. A database that is locked, full, read-only, damaged or away raises StoreError in one
    sentence, now and at every later use; so does one that belongs to another home.
    """
    url = database_url(home)
    own = is_own(home)
    forgotten = database_binding.forgotten(home) if own else None
    if forgotten is not None:
        raise StoreError(forgotten)
    try:
        engine = _sqlite(url) if is_sqlite(url) else server_engine(url)
        mark = None if is_sqlite(url) else database_binding.own_mark(home)
        if revision(engine, mark) != HEAD:
            with _migrating(home):
                _refuse_without_rights(engine, mark)
                migrate(engine, mark=mark)
        if not own and not database_binding.settled(engine, home):
            with _migrating(home):
                database_binding.claim(engine, home, _shown(url))
        return engine
    except Timeout as error:
        raise StoreError(
            f"The database {_shown(url)} is being brought up to date by another process. Try again "
            "in a moment."
        ) from error
    except sa.exc.SQLAlchemyError as error:
        where = _shown(url)
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreError(
            f"The database {where} cannot be opened: {reason}. "
            "Check that it is a database of this program and not damaged."
        ) from error


def _migrating(home: Home) -> FileLock:
    return FileLock(home.locks / "migrate.lock", timeout=120, mode=mode_in(home.locks))


def open_for_reading(home: Home) -> sa.Engine:
    """Connect without changing anything: no migration, no file made. Raises StoreError at use."""
    url = database_url(home)
    if not is_sqlite(url):
        return server_engine(url).execution_options(postgresql_readonly=True)
    file = Path(sa.engine.make_url(url).database or "")
    engine = sa.create_engine(
        "sqlite://",
        poolclass=sa.pool.NullPool,
        creator=lambda: read_only_connection(file, BUSY_SECONDS),
    )

    @sa.event.listens_for(engine, "handle_error")
    def _say(context: sa.engine.ExceptionContext) -> None:
        words = in_words(url, context.original_exception)
        if words is not None:
            raise words from context.original_exception

    return engine


def sqlite_file(home: Home) -> Path | None:
    """The SQLite file of a home's database; None where it is kept in another database."""
    url = database_url(home)
    return Path(url.database or "").resolve() if is_sqlite(url) else None


def is_own(home: Home) -> bool:
    """Whether the database is the SQLite file in the home."""
    return sqlite_file(home) == home.database.resolve()


def database_url(home: Home) -> sa.URL:
    """Where the database of a home is: LLKD_DATABASE_URL, or its own SQLite file.

    Raises StoreError where LLKD_DATABASE_URL cannot be read; it is not repeated, for a password
    may stand anywhere in it.
    """
    configured = "" if home.own_database else os.environ.get("LLKD_DATABASE_URL", "").strip()
    if not configured:
        return sa.URL.create("sqlite", database=str(home.database))
    if configured.startswith("postgres://"):  # as many hosts of databases write it
        configured = configured.replace("postgres", "postgresql", 1)
    try:
        url = sa.engine.make_url(configured)
        known = url.get_backend_name() in ("postgresql", "sqlite") and bool(url.get_dialect())
        names_differ = "@" not in f"{url.host}{url.database or ''}" or url.host is None
    except (sa.exc.SQLAlchemyError, ValueError):
        known = names_differ = False
    if not (known and names_differ):
        raise StoreError(
            "The database cannot be opened: LLKD_DATABASE_URL is no address of a PostgreSQL "
            "database. It reads postgresql://user:password@host:5432/name, and each of @ : / ? # % "
            "in the password is written as %40 %3A %2F %3F %23 %25."
        )
    return url


def address(home: Home) -> str:
    """Where the database of a home is, as a person may read it: without a password."""
    return _shown(database_url(home))


def is_sqlite(url: sa.URL) -> bool:
    """Whether the database is a SQLite file."""
    return url.get_backend_name() == "sqlite"


def writers_done(home: Home) -> bool:
    """Wait until whatever is being written now is committed or given up; False if that lasts."""
    file = sqlite_file(home)
    if file is None:
        engine = server_engine(database_url(home))
        try:
            with engine.begin():
                return True
        except StoreError:
            return False
        finally:
            engine.dispose()
    try:
        connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        # Nobody writes to a folder that cannot be written; a busy one is looked at another time.
        return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
    return True


def can_be(number: int) -> bool:
    """Whether a record can have this number at all."""
    return 0 < number <= LARGEST_NUMBER


def new_id(result: sa.CursorResult[Any]) -> int:
    """The number that an insert of one row was given."""
    key = result.inserted_primary_key
    if key is None:
        raise StoreError("The database gave a new record no number.")
    return int(key[0])


def _shown(url: sa.URL) -> str:
    """The file, or the address without its password."""
    return url.database or "" if is_sqlite(url) else postgresql.shown(url)


def server_engine(url: sa.URL) -> sa.Engine:
    """The engine of a PostgreSQL database. Raises StoreError where its driver is missing."""
    try:
        return postgresql.connected(url, BUSY_SECONDS)
    except ImportError as error:  # also of a driver whose own library is missing
        driver = url.get_dialect().driver
        wanted = DRIVER if driver == "psycopg" else driver
        raise StoreError(
            f"The database {_shown(url)} cannot be opened: the driver {driver} is not installed "
            f"for this Python. Install it with: {sys.executable} -m pip install '{wanted}'"
        ) from error


def _sqlite(url: sa.URL) -> sa.Engine:
    waits = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    if url.database and not url.database.startswith((":", "file:")):
        begin_database(Path(url.database))
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
        words = in_words(url, context.original_exception)
        if words is not None:
            raise words from context.original_exception

    setattr(engine, "begin", engine.execution_options(llkd_write=True).begin)  # noqa: B010
    return engine


def in_words(url: sa.URL, error: BaseException | None) -> StoreError | None:
    """What a failing SQLite file means and what to do; None for an error of the program itself."""
    code = getattr(error, "sqlite_errorcode", None)
    reason = None if code is None else _REASONS.get(code & 0xFF)
    return None if reason is None else StoreError(f"The database {_shown(url)} {reason}.")


def revision(engine: sa.Engine, mark: str | None = None) -> str | None:
    """The version of the tables that a database has; None for an empty one.

    ``mark``: that of the home, by which tables that lie in another schema are known as its own.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            there, place = sa.inspect(connection).has_table(server_schema.VERSIONS), None
        else:
            place = server_schema.place_of_tables(connection, mark)
            there = place is not None
        return server_schema.version_in(connection, place) if there else None


def lacking_rights(engine: sa.Engine, mark: str | None = None) -> str | None:
    """Which right the user lacks in PostgreSQL, in a sentence that says how it is given."""
    if engine.dialect.name == "sqlite":
        return None
    with engine.connect() as connection:
        place = server_schema.place_of_tables(connection, mark)
        names = [*schema.metadata.tables, server_schema.VERSIONS]
        return server_rights.lacking(connection, place, HEAD, names)


def _refuse_without_rights(engine: sa.Engine, mark: str | None) -> None:
    lacking = lacking_rights(engine, mark)
    if lacking is not None:
        raise StoreError(f"The database {_shown(engine.url)} cannot be opened: {lacking}")


def known_revisions() -> list[str]:
    """The revisions of the tables that this version can bring up to date, oldest first."""
    return [path.name.split("_")[0] for path in _versions()]


def empty_engine(home: Home, wanted: str) -> sa.Engine:
    """The engine of a new SQLite file in ``home``, with the empty tables of a known revision."""
    engine = _sqlite(sa.URL.create("sqlite", database=str(home.database)))
    migrate(engine, wanted)
    return engine


def migrate(engine: sa.Engine, wanted: str = HEAD, *, mark: str | None = None) -> None:
    """Bring the tables to the newest revision, all or nothing; no change where they have it.

    In PostgreSQL they come to lie in the program's own schema (``mark``: see :func:`revision`).
    """
    current = revision(engine, mark)
    if current == wanted:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    if current is not None and current not in known_revisions():
        raise StoreError(
            f"This home was made by a newer version of the program (schema {current}, this one "
            f"knows up to {HEAD}). Install the newer version, or use another --home."
        )
    with _rebuilding(engine) as connection:
        config.attributes["connection"] = connection
        if engine.dialect.name != "sqlite":
            names = [*schema.metadata.tables, server_schema.VERSIONS]
            server_schema.settle_in_schema(connection, mark, names)
        command.upgrade(config, wanted)
        if engine.dialect.name != "sqlite" and wanted == HEAD:
            server_schema.comment(connection, schema.metadata)


@contextmanager
def _rebuilding(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction in which tables may be rebuilt.

    SQLite would delete all that refers to a table that is dropped, and only heeds that it should
    not before a transaction begins.
    """
    with engine.execution_options(llkd_write=True).connect() as connection:
        keys = engine.dialect.name == "sqlite" and connection.connection.driver_connection
        if keys:
            keys.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
        finally:
            if keys:
                keys.execute("PRAGMA foreign_keys=ON")


def _versions() -> list[Path]:
    return sorted((Path(__file__).parents[1] / "migrations" / "versions").glob("0*.py"))
