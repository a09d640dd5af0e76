"""A packed project becomes one of this home: checked first, whole or nothing of it.

It is unpacked beside the projects into a home of its own, whose tables are those of the version
that packed it and are then brought up to date as any home's are. There the doctor looks at all of
it. Only then is it made one of this home's projects.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from llkd import maintenance
from llkd.errors import DataError, LLKDError, StoreError
from llkd.jobs.progress import Progress
from llkd.packing.archive import PackReader
from llkd.packing.document import FILES, FileEntry
from llkd.packing.staged_records import insert_records
from llkd.packing.students import check_settings, write_codes
from llkd.store import Project, Store, schema
from llkd.store.events import UNPACK
from llkd.store.files.permissions import make_folder
from llkd.store.files.text_files import staging_folder
from llkd.store.home import Home
from llkd.store.packing.adoption import adopt, clear_half_projects, free_name
from llkd.store.packing.numbers import AUDITS, PASSES, RUNS, Numbers
from llkd.store.packing.project_files import check_database_file, place_of
from llkd.store.packing.records import numbers_of, one_moment

ROOM = 64 << 20
"""Bytes of the disk that are left free."""
OF_THE_MACHINE = {"room", "permissions", "clock", "models", "leftover"}
"""What the doctor says of a machine, and not of the project."""


def unpack(
    store: Store, file: str | Path, progress: Progress, *, name: str | None = None
) -> dict[str, Any]:
    """Make a project of what :func:`llkd.packing.pack` wrote, under its own name or ``name``.

    Raises DataError for a file that was cut or altered or is of a newer version, UserError where
    the name is taken, StoreError where there is no room; nothing is left behind then.
    """
    reader = PackReader(Path(file).expanduser())
    try:
        document = reader.document
        free = free_name(store, name or document.project.name, "Give another with --project NAME.")
        clear_half_projects(store)
        _check_room(store.home, document.size)
        with staging_folder(store.home) as outer, _staged(reader, outer, progress) as staged:
            number = document.project.number
            with one_moment(staged.engine) as source:
                project = adopt(
                    store,
                    source,
                    number,
                    staged.home.project(number),
                    free,
                    (UNPACK, {"from": document.project.name, "version": document.version}),
                )
        return _report(project, reader)
    finally:
        reader.close()


def _report(project: Project, reader: PackReader) -> dict[str, Any]:
    document = reader.document
    return {
        "project": project.name,
        "packed_as": document.project.name,
        "texts": project.rows,
        "files": len(document.files),
        "records": document.counts(),
        "left_out": list(document.left_out),
        "version": document.version,
        "sha256": reader.sha256,
    }


def _check_room(home: Home, size: int) -> None:
    free = shutil.disk_usage(home.root).free
    if size + ROOM > free:
        raise StoreError(
            f"There is no room for this project: it unpacks to {size / 2**20:,.0f} MiB, and "
            f"{free / 2**20:,.0f} MiB are free. Nothing was changed."
        )


@contextmanager
def _staged(reader: PackReader, outer: Path, progress: Progress) -> Iterator[Store]:
    """The packed project in a home of its own, examined. Raises DataError, StoreError."""
    home = Home(outer / "home", own_database=True)
    home.prepare()
    number = reader.document.project.number
    folder = home.project(number)
    make_folder(folder)
    try:
        insert_records(reader, home)
        staged = Store(home.root, own_database=True)
    except LLKDError:
        raise
    except (sa.exc.SQLAlchemyError, ValueError, TypeError, OverflowError) as error:
        why = str(getattr(error, "orig", None) or error).splitlines()[0][:150].rstrip(".")
        raise reader.refusal(f"its records were altered ({why})") from error
    try:
        _check_rows(reader, staged)
        _extract(reader, staged, folder, progress)
        check_settings_of(reader, folder)
        write_codes(folder)
        _examine(reader, staged)
        yield staged
    finally:
        staged.close()


def check_settings_of(reader: PackReader, folder: Path) -> None:
    """Raise DataError where a student's settings would have code of others run."""
    try:
        check_settings(folder)
    except DataError as error:
        raise reader.refusal(str(error)) from error


def _extract(reader: PackReader, staged: Store, folder: Path, progress: Progress) -> None:
    known = _known(staged, reader.document.project.number)
    files = reader.document.files
    progress.begin(0, len(files))
    scratch = folder.parent / ".scratch"
    for number, entry in enumerate(files, 1):
        name = entry.name.removeprefix(f"{FILES}/")
        try:
            place_of(name, known)
        except StoreError as error:
            raise reader.refusal(str(error).rstrip(".")) from error
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as opened:
                for piece in reader.pieces(entry):
                    opened.write(piece)
            os.utime(target, ns=(entry.modified, entry.modified))
        except FileExistsError as error:
            raise reader.refusal(f"it has {name!r} twice") from error
        except (NotADirectoryError, IsADirectoryError) as error:
            raise reader.refusal(f"{name!r} is both a file and a folder") from error
        except OSError as error:
            raise StoreError(
                f"The project cannot be stored ({error.strerror}). Nothing was changed."
            ) from error
        if name.endswith(".db"):
            _check_database(reader, entry, target, scratch)
        progress.progress(number, len(files), "Unpacking")
        progress.check()
    shutil.rmtree(scratch, ignore_errors=True)


def _check_database(reader: PackReader, entry: FileEntry, target: Path, scratch: Path) -> None:
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        check_database_file(target, scratch)
    except StoreError as error:
        raise reader.refusal(f"{entry.name}: {str(error).rstrip('.')}") from error


def _known(staged: Store, number: int) -> Numbers:
    """Every record under its own number: files of other numbers belong to nothing."""
    known = Numbers()
    tables = {PASSES: schema.labeling_runs, RUNS: schema.runs, AUDITS: schema.audits}
    with staged.engine.connect() as connection:
        for name, table in tables.items():
            for record in numbers_of(connection, number, table):
                known.add(name, record, record)
    return known


def _check_rows(reader: PackReader, staged: Store) -> None:
    """Raise DataError where the project is another than the document says, or rows are none."""
    document = reader.document.project
    projects, damaged = staged.projects.listed()
    if damaged or len(projects) != 1 or projects[0].id != document.number:
        raise reader.refusal("the record of its project was altered")
    project = projects[0]
    stated = (document.name, document.texts, document.texts_sha256)
    if (project.name, project.rows, project.digest) != stated:
        raise reader.refusal("the record of its project is not the one that it names")
    with staged.engine.connect() as connection:
        for table in (schema.human_labels, schema.audit_answers):
            query = sa.select(sa.func.min(table.c.row), sa.func.max(table.c.row))
            least, most = connection.execute(query).one()
            if least is not None and not 0 <= least <= most < project.rows:
                raise reader.refusal(f"{table.name} name texts that are not there")
    for sample in staged.label_samples.all(project.id):
        if not all(0 <= row < project.rows for row in sample.rows):
            raise reader.refusal("a blind sample names texts that are not there")


def _examine(reader: PackReader, staged: Store) -> None:
    report = maintenance.examine(staged.home, deep=True)
    for finding in report.findings:
        if finding.severity == "error" and finding.check not in OF_THE_MACHINE:
            where = finding.where[-150:]
            raise reader.refusal(f"{where}: {finding.what[:200].rstrip('.')}")
