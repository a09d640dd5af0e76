"""The SQLite files of a home: the database, the answers kept, and the accounts of calls."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from llkd.errors import StoreError
from llkd.store import belonging
from llkd.store.database import (
    HEAD,
    address,
    is_own,
    open_for_reading,
    revision,
    sqlite_file,
)
from llkd.store.home import Home
from llkd.store.quarantine import Quarantine
from llkd.upkeep import sqlite_files
from llkd.upkeep.visit import Records, Visit

UNCHECKED = "Nothing else of this home can be checked."
ANSWERS_MEAN = (
    "Answers kept from teachers are not found, so texts not yet labelled would be paid again."
)


def check_database(visit: Visit) -> Records | None:
    """The database's file and schema; its records, or None where they cannot be read."""
    try:
        file = sqlite_file(visit.home)
        forgotten = belonging.forgotten(visit.home) if is_own(visit.home) else None
    except StoreError as error:
        forgotten = str(error)
    if forgotten is not None:
        visit.found("database", "error", "the database", forgotten, UNCHECKED)
        return None
    if file is not None:
        if not file.exists():
            if any(visit.home.projects.glob("*/texts.parquet")):
                visit.found(
                    "database", "error", file, "The database is missing.",
                    "The projects' files are there, but their names, people's labels and jobs "
                    "are not. Put llkd.db back from a backup.",
                )  # fmt: skip
            return None
        visit.seen([file])
        wrong = sqlite_files.faults(file)
        if wrong:
            visit.found(
                "database", "error", file,
                f"The database is damaged: {'; '.join(wrong)}.",
                "Some reads and writes fail, or give a wrong answer. Close the app first.",
                "Writes every row into a new file and keeps the old one in quarantine; where a "
                "row cannot be read, nothing is changed.",
                lambda quarantine: _rebuild(file, quarantine),
            )  # fmt: skip
            return None
    return _records(visit)


def _records(visit: Visit) -> Records | None:
    try:
        engine = open_for_reading(visit.home)
    except StoreError as error:
        visit.found("database", "error", "the database", str(error), UNCHECKED)
        return None
    try:
        found = revision(engine)
        stranger = strange(visit.home, engine) if found == HEAD else None
    except (StoreError, sa.exc.SQLAlchemyError) as error:
        engine.dispose()
        what = str(error) if isinstance(error, StoreError) else f"It cannot be read: {error}"
        visit.found("database", "error", "the database", what, UNCHECKED)
        return None
    if found == HEAD and stranger is None:
        return Records.of(engine, visit.home)
    engine.dispose()
    if stranger is not None:
        visit.found("database", "error", "the database", stranger, UNCHECKED)
    elif found is None and any(visit.home.projects.glob("*/texts.parquet")):
        visit.found(
            "database", "error", "the database", "It is empty.",
            "The projects' files are there, but their names, people's labels and jobs are not. "
            "Put the database back from a backup, or mend LLKD_DATABASE_URL.",
        )  # fmt: skip
    elif found is not None and found > HEAD:
        means = "This home was made by a newer version of the program. Use that version."
        visit.found("database", "error", "the database", f"Its schema is {found}.", means)
    elif found is not None:
        visit.found(
            "database", "warning", "the database",
            f"Its schema is {found}; this version works with {HEAD}.",
            "The next command brings it up to date; until then nothing else can be checked.",
            "Brings it up to date.",
            lambda quarantine: _migrate(visit),
        )  # fmt: skip
    return None


def strange(home: Home, engine: sa.Engine) -> str | None:
    """Why the database, which has tables, is not this home's; None where it is."""
    if is_own(home):
        return belonging.forgotten(home)
    with engine.connect() as connection:
        return belonging.fault(connection, home, address(home))


def _migrate(visit: Visit) -> None:
    from llkd.store import Store

    Store(visit.home.root).close()


def check_answers(visit: Visit) -> None:
    """The cache of answers."""
    path = visit.home.answers
    if not path.exists():
        return
    visit.seen([path])
    wrong = sqlite_files.faults(path)
    if wrong:
        visit.found(
            "answers", "error", path, f"The answers kept are damaged: {'; '.join(wrong)}.",
            ANSWERS_MEAN,
            "Writes every answer that can be read into a new file and keeps the old one in "
            "quarantine; where none can, starts an empty one. Labels stay as they are.",
            lambda quarantine: _rebuild(path, quarantine, or_empty=True),
        )  # fmt: skip


def check_account(visit: Visit, path: Path, project_id: int) -> None:
    """The account of one pass's calls."""
    if not path.exists():
        return
    visit.seen([path])
    wrong = sqlite_files.faults(path)
    if wrong:
        visit.found(
            "account", "error", path, f"The account of calls is damaged: {'; '.join(wrong)}.",
            "What this pass has spent cannot be read, so its budget cannot be held and no call is "
            "sent.",
            "Writes every call into a new file and keeps the old one in quarantine; where a row "
            "cannot be read, nothing is changed.",
            lambda quarantine: _rebuild(path, quarantine),
            project_id,
        )  # fmt: skip


def _rebuild(path: Path, quarantine: Quarantine, or_empty: bool = False) -> None:
    sqlite_files.alone(path)
    new = path.with_name(f".{path.name}.rebuilt.tmp")
    whole = True
    try:
        sqlite_files.rebuilt(path, new)
    except StoreError:
        if not or_empty:
            raise
        whole = False
    quarantine.move(path, "damaged; rebuilt from its rows" if whole else "damaged; not readable")
    for ending in sqlite_files.LOGS:
        log = path.with_name(path.name + ending)
        if log.exists():
            quarantine.move(log, "belongs to the damaged file")
    if whole:
        os.replace(new, path)
