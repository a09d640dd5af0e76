"""A project that comes from elsewhere takes its place in a home: whole, or nothing of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from llkd.config import stored_training_config
from llkd.errors import UserError
from llkd.store import Project, Store, schema
from llkd.store.engine.moments import present
from llkd.store.events import FORMER
from llkd.store.files.permissions import mode_in, settle
from llkd.store.files.run_files import RunFiles, config_document
from llkd.store.files.text_files import (
    UNCOMMITTED,
    clear_orphans,
    not_stored,
    out_of_the_way,
)
from llkd.store.home import _sync, held
from llkd.store.packing.numbers import Numbers
from llkd.store.packing.project_files import renumber_folder
from llkd.store.packing.records import write_records
from llkd.store.projects import checked_name


def free_name(store: Store, name: str, instead: str) -> str:
    """A project's name as it is stored.

    Raises UserError where it is taken; ``instead`` says how to give another.
    """
    name = checked_name(name)
    if any(project.name == name for project in store.projects.all()):
        raise UserError(f"There is a project {name!r} already. {instead}")
    return name


def clear_half_projects(store: Store) -> None:
    """Remove what processes left that were killed while they took a project in."""
    with store.engine.connect() as connection:
        known = set(connection.execute(sa.select(schema.projects.c.id)).scalars())
    clear_orphans(store.home, known)


def adopt(
    store: Store,
    source: sa.Connection,
    project_id: int,
    folder: Path,
    name: str,
    event: tuple[str, Mapping[str, Any]],
) -> Project:
    """Make a project of the records that ``source`` has of ``project_id`` and of ``folder``.

    ``folder``, a staged copy of the project's files on the disk of the home, is used up. ``event``
    is what the project's log says of it: kind and detail. Raises UserError where the name is taken
    meanwhile, StoreError where it cannot be stored; nothing is left behind then.
    """
    home = store.home
    mark = folder / UNCOMMITTED
    placed: Path | None = None
    try:
        mark.touch()
        settle(folder, mode_in(home.projects, of_folder=True))
        with held(mark):
            _sync_all(folder)  # before the transaction, for which other writers wait
            with store.engine.begin() as target:
                numbers = write_records(
                    source, project_id, target, {"name": name, "archived": None}
                )
                number = int(numbers.of(schema.projects.name, project_id))
                _log(target, number, event, numbers)
                renumber_folder(folder, numbers)
                _write_settings(target, number, folder)
                _sync_folders(folder)
                place = home.project(number)
                out_of_the_way(home, place)
                os.replace(folder, place)
                placed = place
                _sync(place.parent)
            (place / UNCOMMITTED).unlink(missing_ok=True)
    except BaseException as error:
        if placed is not None and not _committed(store, name, placed):
            shutil.rmtree(placed, ignore_errors=True)
        if isinstance(error, sa.exc.IntegrityError) and "name" in str(error.orig):
            raise UserError(f"There is a project {name!r} already. Choose another name.") from error
        if isinstance(error, OSError | sa.exc.SQLAlchemyError):
            raise not_stored(error) from error
        raise
    return store.projects.by_id(number)


def _committed(store: Store, name: str, place: Path) -> bool:
    """Whether the record is there all the same: the interruption came after it was committed."""
    try:
        projects = store.projects.all()
    except Exception:  # the database is away: what is there is kept, and the mark tells what it is
        return True
    return any(each.name == name and store.home.project(each.id) == place for each in projects)


def _log(
    connection: sa.Connection, number: int, event: tuple[str, Mapping[str, Any]], numbers: Numbers
) -> None:
    kind, detail = event
    values = {
        "project_id": number,
        "created": present(),
        "kind": kind,
        "detail": {**detail, FORMER: numbers.former()},
    }
    connection.execute(sa.insert(schema.events).values(**values))


def _write_settings(connection: sa.Connection, number: int, folder: Path) -> None:
    """The settings beside each run, from its record: numbers in them are those of this home."""
    table = schema.runs
    query = sa.select(table.c.id, table.c.config, table.c.labels)
    for run, config, labels in connection.execute(query.where(table.c.project_id == number)):
        files = RunFiles(folder / "runs" / str(run))
        if files.folder.is_dir():
            document = config_document(stored_training_config(config), labels)
            files.config.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
            files.config.chmod(mode_in(folder.parent))
            _sync(files.config)


def _sync_all(folder: Path) -> None:
    for inside, _, files in os.walk(folder):
        for file in files:
            _sync(Path(inside) / file)


def _sync_folders(folder: Path) -> None:
    for inside, _, _ in os.walk(folder):
        _sync(Path(inside))
