"""The engine of one home's database, and its schema brought up to date."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock

from llkd.errors import StoreError
from llkd.store.home import Home
from llkd.store.write_ahead import write_ahead

HEAD = "0003"


def open_engine(home: Home) -> sa.Engine:
    """Connect to LLKD_DATABASE_URL or the home's SQLite file, and migrate it if need be.

    Transactions begun with ``engine.begin()`` take SQLite's write lock at once, so that
    read-then-write is safe between processes; plain reads use ``engine.connect()``.
    Raises StoreError in one sentence.
    """
    own = sa.URL.create("sqlite", database=str(home.database))
    url = os.environ.get("LLKD_DATABASE_URL") or own
    try:
        sqlite = sa.engine.make_url(url).get_backend_name() == "sqlite"
        engine = _sqlite(url) if sqlite else sa.create_engine(url)
        if _revision(engine) != HEAD:
            with FileLock(home.locks / "migrate.lock", timeout=120):
                _migrate(engine)
        return engine
    except (sa.exc.SQLAlchemyError, ModuleNotFoundError) as error:
        where = _shown(url)
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreError(
            f"The database {where} cannot be opened: {reason}. "
            "Check that it is a database of this program and not damaged."
        ) from error


def new_id(result: sa.CursorResult[Any]) -> int:
    """The number that an insert of one row was given."""
    key = result.inserted_primary_key
    if key is None:
        raise StoreError("The database gave a new record no number.")
    return int(key[0])


def _shown(url: str | sa.URL) -> str:
    """The address without its password."""
    try:
        return sa.engine.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return "named by LLKD_DATABASE_URL"


def _sqlite(url: str | sa.URL) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        write_ahead(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A read that later writes cannot upgrade its lock while another process writes.
        write = connection.get_execution_options().get("llkd_write", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _revision(engine: sa.Engine) -> str | None:
    with engine.connect().execution_options(llkd_write=False) as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(engine: sa.Engine) -> None:
    current = _revision(engine)
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
