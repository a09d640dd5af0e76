"""A consistent copy of a home while the app and its jobs run.

The database is copied first, by SQLite's own online backup or, from PostgreSQL, record by record
in one snapshot, and the files after it: a file is there before the database names it, so the copy
has all that its database names. The copy's database is always its own SQLite file. Parts that a job
writes meanwhile come along; a part that is merged away meanwhile makes its folder be read again.
Of a run the checkpoint comes first, for a resumed run drops what its checkpoint does not know of.
Jobs that were alive are marked as died in the copy, where they can be resumed.

Left out: the converted weights (made again at first use), locks, half-written files.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from llkd.errors import StoreError, UserError, in_words
from llkd.maintenance.databases import strange
from llkd.maintenance.doctor import examine
from llkd.maintenance.orphans import walked
from llkd.maintenance.server_copies import copy_server
from llkd.maintenance.sqlite_files import LOGS
from llkd.store.engine import database_binding
from llkd.store.engine.database import (
    HEAD,
    address,
    is_own,
    open_for_reading,
    revision,
    sqlite_file,
)
from llkd.store.engine.read_only import read_only_connection
from llkd.store.files.run_files import RunFiles
from llkd.store.home import Home, atomic_folder, being_written

TRIES = 20
LEFT_OUT = {"locks", "server", "cache/models", "quarantine"}
OF_PROCESSES = {"lock", "beat"}
UNDER_WAY = "backup-under-way"
"""The first file of a copy: what has it and no living process is half a copy."""
OF_A_HOME = ("locks", "jobs", "projects")
STOPPED = "It was at work when this backup was made. Resume goes on from what was kept."


def backup(home: str | Path | None, target: str | Path) -> dict[str, Any]:
    """Copy a home to the new folder ``target`` and examine the copy.

    Returns what was copied and what the examination says. ``target`` appears when all of it is
    written and on the disk. Raises UserError for a target inside the home or one that holds
    something, StoreError where it cannot be written or the database is damaged.
    """
    source, folder = Home(home), Path(target).expanduser().resolve()
    _check(source, folder)
    began = time.monotonic()
    file = sqlite_file(source)
    _refuse_strange(source, file)
    cleared = _clear_half_copies(folder.parent)
    try:
        with atomic_folder(folder, private=True) as copy:
            (copy / UNDER_WAY).touch()
            if file is None:
                copy_server(source, Home(copy, own_database=True))
            elif file.exists():
                _copy_database(file, copy / "llkd.db")
            if (copy / "llkd.db").exists():
                _end_jobs(copy / "llkd.db")
            _copy_files(source, copy, file)
            for name in OF_A_HOME:
                (copy / name).mkdir(exist_ok=True)
            report = examine(Home(copy, own_database=True))
            (copy / UNDER_WAY).unlink()
            size = sum(path.stat().st_size for path in copy.rglob("*") if path.is_file())
            count = sum(1 for path in copy.rglob("*") if path.is_file())
    except OSError as error:
        why = in_words(error) or f"{error.strerror or error}."
        raise StoreError(f"The backup {folder} could not be written. {why}") from error
    return {
        "folder": str(folder),
        "files": count,
        "bytes": size,
        "projects": report.projects,
        "faults": len(report.faults),
        "findings": [finding.document() for finding in report.findings],
        "cleared_bytes": cleared,
        "database": "llkd.db",
        "server": None if file is not None else address(source),
        "seconds": round(time.monotonic() - began, 2),
    }


def _check(source: Home, folder: Path) -> None:
    if not source.root.is_dir():
        raise UserError(f"There is no home at {source.root}. Name it with --home or LLKD_HOME.")
    if folder == source.root or folder.is_relative_to(source.root):
        raise UserError(
            f"A backup inside the home ({source.root}) is lost with it. Choose another folder."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} holds something already. Choose a new or empty folder.")


def _clear_half_copies(parent: Path) -> int:
    """Remove what backups to this place left that were killed; returns the bytes set free."""
    freed = 0
    if not parent.is_dir():
        return 0
    for folder in sorted(parent.glob(".*.tmp")):
        # One that is being made is locked by its process; the mark goes shortly before the end.
        half = (folder / UNDER_WAY).is_file() or all((folder / n).is_dir() for n in OF_A_HOME)
        if half and not being_written(folder):
            freed += sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            shutil.rmtree(folder, ignore_errors=True)
    return freed


def _refuse_strange(source: Home, file: Path | None) -> None:
    """Raise StoreError where LLKD_DATABASE_URL names a database that is not the home's."""
    if is_own(source):
        reason = database_binding.forgotten(source)
    elif file is not None and not file.exists():
        return
    else:
        engine = open_for_reading(source)
        try:
            newest = revision(engine) == HEAD
            reason = strange(source, engine) if newest else None
        except sa.exc.SQLAlchemyError:
            return  # damaged: said when it is copied
        finally:
            engine.dispose()
    if reason is not None:
        raise StoreError(reason)


def _copy_database(source: Path, target: Path) -> None:
    """A snapshot of a SQLite file that others may be writing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        old, new = read_only_connection(source, 60.0), sqlite3.connect(target, isolation_level=None)
        try:
            old.backup(new)
        finally:
            old.close()
            new.close()
    except sqlite3.Error as error:
        raise StoreError(
            f"{source} cannot be copied ({error}). See what can be saved with: llkd doctor"
        ) from error


def _end_jobs(database: Path) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.execute(
            "UPDATE jobs SET state = 'died', finished = ?, error = ? "
            "WHERE state IN ('queued', 'running')",
            (time.time(), STOPPED),
        )
    except sqlite3.OperationalError:
        pass  # a home that was never used has no jobs
    finally:
        connection.close()


def _copy_files(source: Home, copy: Path, database: Path | None) -> None:
    """Everything but the database: runs' checkpoints first, what keeps answers last."""
    runs = sorted(source.projects.glob("*/runs/*"))
    for run in runs:
        if run.is_dir():
            _steadily(run, copy / run.relative_to(source.root), _copy_run)
    done = set(runs)
    later: list[Path] = []
    for folder, _ in walked(source.root):
        inside = folder.relative_to(source.root)
        names = {str(inside), *(str(parent) for parent in inside.parents)}
        if names & LEFT_OUT or done & {folder, *folder.parents}:
            continue
        _steadily(folder, copy / inside, lambda old, new: later.extend(_copy_folder(old, new)))
    for path in dict.fromkeys(later):
        if path not in (database, source.database) and path.exists():
            _copy_database(path, copy / path.relative_to(source.root))


def _steadily(folder: Path, target: Path, copy: Callable[[Path, Path], Any]) -> None:
    """Copy a folder until nothing that was listed has vanished meanwhile."""
    for _ in range(TRIES):
        try:
            target.mkdir(parents=True, exist_ok=True)
            copy(folder, target)
            return
        except FileNotFoundError:
            if not folder.exists():
                shutil.rmtree(target)  # deleted meanwhile
                return
    raise StoreError(f"{folder} changes faster than it can be copied. Try again in a moment.")


def _copy_run(run: Path, target: Path) -> None:
    """A run's folder, so that the copy can be resumed: its checkpoint, then what came after."""
    shutil.rmtree(target)  # of an earlier try: what was replaced since must not stand twice
    target.mkdir()
    known = RunFiles(run)
    for checkpoint in known.checkpoints():
        (target / checkpoint.name).mkdir()
        for path in sorted(checkpoint.iterdir()):
            copy_file(path, target / checkpoint.name / path.name)
    summary = known.summary
    if summary.exists():  # then the student is there already, and is listed below
        copy_file(summary, target / summary.name)
    for folder, files in walked(run):
        inside = folder.relative_to(run)
        if known.in_checkpoint(folder):
            continue
        (target / inside).mkdir(exist_ok=True)
        for path in files:
            if path != summary and not _of_a_process(path):
                copy_file(path, target / inside / path.name)


def _copy_folder(folder: Path, target: Path) -> list[Path]:
    """A folder's own files; returns the SQLite files among them, to be copied their own way."""
    for path in target.iterdir():
        if path.is_file() and path.suffix != ".db" and path.name != UNDER_WAY:
            path.unlink()  # of an earlier try: what was merged since must not stand twice
    databases = []
    for path in sorted(file for file in folder.iterdir() if file.is_file()):
        if path.suffix == ".db":
            databases.append(path)
        elif path.name == database_binding.MARK:
            continue  # the copy has a database of its own
        elif not path.name.endswith(LOGS) and not _of_a_process(path):
            copy_file(path, target / path.name)
    return databases


def _of_a_process(path: Path) -> bool:
    return path.name in OF_PROCESSES or path.suffix in {".tmp", ".old", ".lock"}


def copy_file(path: Path, target: Path) -> None:
    """A file with its times: the newest embeddings are the ones in use.

    The copy can be written, whatever the original: it is to be worked in.
    """
    shutil.copy2(path, target)
    target.chmod(target.stat().st_mode | 0o600)
