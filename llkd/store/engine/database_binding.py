"""Which database a home belongs to, where that is not the SQLite file in the home.

A home's folders are named by the numbers that its database gives. With another database those
numbers would be given again, and folders would be taken for what killed imports left and be
removed. So the two know each other: one mark lies in the home and in the database's event log. A
database or home that does not fit is refused in a sentence, and nothing is touched.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from pathlib import Path

import sqlalchemy as sa

from llkd.errors import StoreError
from llkd.store import schema
from llkd.store.engine.moments import present
from llkd.store.engine.server_schema import HOME_EVENT
from llkd.store.home import Home, atomic_file

MARK = "another_database.json"
"""The file in the home."""


def forgotten(home: Home) -> str | None:
    """Why the home's own file is not to be used, in a sentence; None where it is right."""
    mark = None if home.own_database else _mark(home)
    if mark is None:
        return None
    return (
        f"The records of the home {home.root} are in the database {mark['database']}. Set "
        "LLKD_DATABASE_URL to it again, with its password; nothing was changed."
    )


def own_mark(home: Home) -> str | None:
    """The mark that the database of a home holds; None before one was claimed."""
    mark = None if home.own_database else _mark(home)
    return None if mark is None else mark["home"]


def settled(engine: sa.Engine, home: Home) -> bool:
    """Whether home and database know each other."""
    mark = _mark(home)
    if mark is None:
        return False
    with engine.connect() as connection:
        return bool(mark["home"] == _stored_mark(connection))


def claim(engine: sa.Engine, home: Home, where: str) -> None:
    """Make home and database know each other. Raises StoreError where they do not fit.

    ``where``: the database as a person may read it. The database's mark is stored first: a home
    is marked only for what is committed. To be called by one process of a home at a time.
    """
    if settled(engine, home):
        return
    with engine.begin() as connection:
        problem = fault(connection, home, where)
        if problem is not None:
            raise StoreError(problem)
        own = uuid.uuid4().hex
        connection.execute(
            sa.insert(schema.events).values(
                created=present(), kind=HOME_EVENT, detail={"home": own}
            )
        )
    with atomic_file(_file(home)) as temporary:
        temporary.write_text(json.dumps({"home": own, "database": where}) + "\n", encoding="utf-8")


def fault(connection: sa.Connection, home: Home, where: str) -> str | None:
    """Why this database is not the home's, in a sentence; None where it is or may become so."""
    mark, mark_in_database = _mark(home), _stored_mark(connection)
    if mark is not None:
        if mark["home"] == mark_in_database:
            return None
        if mark["database"] == where:
            return (
                f"The database {where} belongs to another home by now, or was made anew since the "
                f"home {home.root} was used with it. Nothing was changed. Put the database back "
                "from a backup, or choose another home with --home or LLKD_HOME."
            )
        return (
            f"The database {where} is not the one that the home {home.root} was used with "
            f"({mark['database']}). Nothing was changed. Mend LLKD_DATABASE_URL, or choose another "
            "home with --home or LLKD_HOME."
        )
    known = set(connection.execute(sa.select(schema.projects.c.id)).scalars())
    here = {int(path.parent.name) for path in home.all_texts() if path.parent.name.isdecimal()}
    if _own_projects(home) or here - known:
        return (
            f"The database {where} does not know the projects of the home {home.root}. Nothing was "
            "changed. Mend or unset LLKD_DATABASE_URL, or choose another home with --home or "
            "LLKD_HOME."
        )
    if known and not here:
        return (
            f"The database {where} belongs to another home: no file of its projects is in "
            f"{home.root}. Nothing was changed. Choose that home with --home or LLKD_HOME, or "
            "another database with LLKD_DATABASE_URL."
        )
    return None


def _stored_mark(connection: sa.Connection) -> str | None:
    """The mark in the database."""
    table = schema.events
    marks = sa.select(table.c.detail).where(
        table.c.project_id.is_(None) & (table.c.kind == HOME_EVENT)
    )
    value = connection.execute(marks.order_by(table.c.id.desc()).limit(1)).scalar()
    return str(value["home"]) if isinstance(value, dict) and "home" in value else None


def _mark(home: Home) -> dict[str, str] | None:
    """The mark in the home. Raises StoreError where it cannot be read."""
    try:
        mark = json.loads(_file(home).read_text(encoding="utf-8"))
        return {name: str(mark[name]) for name in ("home", "database")}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise StoreError(f"{_file(home)} cannot be read. Put it back from a backup.") from error


def _file(home: Home) -> Path:
    return home.root / MARK


def _own_projects(home: Home) -> bool:
    """Whether the home has records in a SQLite file of its own, beside the database named."""
    if not home.database.exists():
        return False
    try:
        own = sqlite3.connect(f"{home.database.as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            return own.execute("SELECT 1 FROM projects").fetchone() is not None
        finally:
            own.close()
    except sqlite3.Error as error:
        return "no such table" not in str(error)  # one that cannot be read may hold some
