"""The SQLite files of a home: the database, the answers kept, and the accounts of calls."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from llkd.errors import StoreError
from llkd.maintenance import sqlite_files
from llkd.maintenance.inspection import Inspection, Records
from llkd.store.engine import database_binding
from llkd.store.engine.database import (
    HEAD,
    address,
    is_own,
    lacking_rights,
    open_for_reading,
    revision,
    sqlite_file,
)
from llkd.store.files.quarantine import Quarantine
from llkd.store.home import Home

UNCHECKED = "Nothing else of this home can be checked."
ANSWERS_MEAN = (
    "Answers kept from teachers are not found, so texts not yet labelled would be paid again."
)


def check_database(inspection: Inspection) -> Records | None:
    """The database's file and schema; its records, or None where they cannot be read."""
    try:
        file = sqlite_file(inspection.home)
        forgotten = database_binding.forgotten(inspection.home) if is_own(inspection.home) else None
    except StoreError as error:
        forgotten = str(error)
    if forgotten is not None:
        inspection.report_finding("database", "error", "the database", forgotten, UNCHECKED)
        return None
    if file is not None:
        if not file.exists():
            if inspection.home.all_texts():
                inspection.report_finding(
                    "database", "error", file, "The database is missing.",
                    "The projects' files are there, but their names, people's labels and jobs "
                    "are not. Put llkd.db back from a backup.",
                )  # fmt: skip
            return None
        inspection.count_files([file])
        wrong = sqlite_files.faults(file)
        if wrong:
            inspection.report_finding(
                "database", "error", file,
                f"The database is damaged: {'; '.join(wrong)}.",
                "Some reads and writes fail, or give a wrong answer. Close the app first.",
                "Writes every row into a new file and keeps the old one in quarantine; where a "
                "row cannot be read, nothing is changed.",
                lambda quarantine: _rebuild(file, quarantine),
            )  # fmt: skip
            return None
    return _records(inspection)


def _records(inspection: Inspection) -> Records | None:
    try:
        engine = open_for_reading(inspection.home)
    except StoreError as error:
        inspection.report_finding("database", "error", "the database", str(error), UNCHECKED)
        return None
    try:
        mark = None if is_own(inspection.home) else database_binding.own_mark(inspection.home)
        lacking = lacking_rights(engine, mark)
        if lacking is not None:
            engine.dispose()
            inspection.report_finding("database", "error", "the database", lacking, UNCHECKED)
            return None
        schema_revision = revision(engine, mark)
        stranger = strange(inspection.home, engine) if schema_revision == HEAD else None
    except (StoreError, sa.exc.SQLAlchemyError) as error:
        engine.dispose()
        what = str(error) if isinstance(error, StoreError) else f"It cannot be read: {error}"
        inspection.report_finding("database", "error", "the database", what, UNCHECKED)
        return None
    if schema_revision == HEAD and stranger is None:
        return Records.of(engine, inspection.home)
    engine.dispose()
    if stranger is not None:
        inspection.report_finding("database", "error", "the database", stranger, UNCHECKED)
    elif schema_revision is None and inspection.home.all_texts():
        inspection.report_finding(
            "database", "error", "the database", "It is empty.",
            "The projects' files are there, but their names, people's labels and jobs are not. "
            "Put the database back from a backup, or mend LLKD_DATABASE_URL.",
        )  # fmt: skip
    elif schema_revision is not None and schema_revision > HEAD:
        means = "This home was made by a newer version of the program. Use that version."
        inspection.report_finding(
            "database", "error", "the database", f"Its schema is {schema_revision}.", means
        )
    elif schema_revision is not None:
        inspection.report_finding(
            "database", "warning", "the database",
            f"Its schema is {schema_revision}; this version works with {HEAD}.",
            "The next command brings it up to date; until then nothing else can be checked.",
            "Brings it up to date.",
            lambda quarantine: _migrate(inspection),
        )  # fmt: skip
    return None


def strange(home: Home, engine: sa.Engine) -> str | None:
    """Why the database, which has tables, is not this home's; None where it is."""
    if is_own(home):
        return database_binding.forgotten(home)
    with engine.connect() as connection:
        return database_binding.fault(connection, home, address(home))


def _migrate(inspection: Inspection) -> None:
    from llkd.store import Store

    Store(inspection.home.root).close()


def check_answers(inspection: Inspection) -> None:
    """The cache of answers."""
    path = inspection.home.answers
    if not path.exists():
        return
    inspection.count_files([path])
    wrong = sqlite_files.faults(path)
    if wrong:
        inspection.report_finding(
            "answers", "error", path, f"The answers kept are damaged: {'; '.join(wrong)}.",
            ANSWERS_MEAN,
            "Writes every answer that can be read into a new file and keeps the old one in "
            "quarantine; where none can, starts an empty one. Labels stay as they are.",
            lambda quarantine: _rebuild(path, quarantine, or_empty=True),
        )  # fmt: skip


def check_account(inspection: Inspection, path: Path, project_id: int) -> None:
    """The account of one pass's calls."""
    if not path.exists():
        return
    inspection.count_files([path])
    wrong = sqlite_files.faults(path)
    if wrong:
        inspection.report_finding(
            "account", "error", path, f"The account of calls is damaged: {'; '.join(wrong)}.",
            "What this pass has spent cannot be read, so its budget cannot be held and no call is "
            "sent.",
            "Writes every call into a new file and keeps the old one in quarantine; where a row "
            "cannot be read, nothing is changed.",
            lambda quarantine: _rebuild(path, quarantine),
            project_id,
        )  # fmt: skip


def check_inbox(inspection: Inspection, project_id: int) -> None:
    """The texts that a served student sent on, and the accounts of its server's calls."""
    path = inspection.home.inbox(project_id)
    for account in sorted(path.parent.glob("calls-*.db")):
        check_account(inspection, account, project_id)
    if not path.exists():
        return
    inspection.count_files([path])
    wrong = sqlite_files.faults(path)
    if wrong:
        inspection.report_finding(
            "inbox", "error", path, f"The inbox is damaged: {'; '.join(wrong)}.",
            "Texts that the project's server sent on cannot be read, and it keeps no more.",
            "Writes every text into a new file and keeps the old one in quarantine; where a row "
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
