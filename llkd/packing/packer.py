"""A project as one file, written while the app runs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from llkd import __version__
from llkd.errors import StoreError, UserError
from llkd.jobs.progress import Progress
from llkd.packing.archive import PackWriter, read_pieces
from llkd.packing.document import (
    FILES,
    RECORDS,
    FileEntry,
    PackDocument,
    ProjectEntry,
    RecordEntry,
)
from llkd.packing.snapshot import CHANGED, check_rest, check_whole, files_of
from llkd.packing.students import settings_without_places
from llkd.store import Project, Store, schema
from llkd.store.engine.database import HEAD
from llkd.store.home import atomic_file, being_written
from llkd.store.packing.places import last_name, without_places
from llkd.store.packing.project_files import EMBEDDINGS, ProjectFile, copy_database
from llkd.store.packing.records import TABLES, one_moment, records


def pack(
    store: Store,
    project: Project,
    out: str | Path,
    progress: Progress,
    *,
    embeddings: bool = True,
) -> dict[str, Any]:
    """Write all that a project holds to the new file ``out``, whole or not at all.

    Left out: keys of servers, paths of this machine, uploads, what other projects share (answers
    kept), and ``embeddings`` where asked. Raises UserError where there is such a file or a job
    works on the project, StoreError where something of it is damaged or cannot be written.
    """
    path = Path(out).expanduser().resolve()
    if path.exists():
        raise UserError(f"{path} is there already. Choose another --out.")
    check_rest(store, project, progress)
    check_whole(store, project)
    _clear_half_files(path)
    with (
        atomic_file(path) as temporary,
        one_moment(store.engine) as source,
        tempfile.TemporaryDirectory(prefix="llkd-pack-") as scratch,
    ):
        temporary.chmod(0o600)
        document, sha256 = _write(
            store, source, project, temporary, Path(scratch), progress, embeddings
        )
        check_rest(store, project, progress)
    path.chmod(0o600)  # texts and labels are their owner's until he hands them over
    return {
        "project": project.name,
        "file": str(path),
        "bytes": path.stat().st_size,
        "files": len(document.files),
        "texts": project.rows,
        "records": document.counts(),
        "left_out": list(document.left_out),
        "sha256": sha256,
    }


def _write(
    store: Store,
    source: sa.Connection,
    project: Project,
    path: Path,
    scratch: Path,
    progress: Progress,
    embeddings: bool,
) -> tuple[PackDocument, str]:
    writer = PackWriter(path)
    entries = [_write_records(writer, source, project, table) for table in TABLES]
    files = files_of(store, source, project, embeddings=embeddings)
    progress.begin(0, len(files))
    packed: list[FileEntry] = []
    try:
        for number, file in enumerate(files, 1):
            packed.append(_write_file(writer, file, scratch))
            progress.progress(number, len(files), "Packing")
            progress.check()
    except FileNotFoundError as error:
        raise StoreError(CHANGED) from error
    document = PackDocument(
        version=__version__,
        tables=HEAD,
        project=ProjectEntry(
            number=project.id, name=project.name, texts=project.rows, texts_sha256=project.digest
        ),
        left_out=() if embeddings else (EMBEDDINGS,),
        records=tuple(entries),
        files=tuple(packed),
    )
    return document, writer.close(document)


def _write_records(
    writer: PackWriter, source: sa.Connection, project: Project, table: sa.Table
) -> RecordEntry:
    rows = 0

    def lines() -> Iterator[bytes]:
        nonlocal rows
        for some in records(source, project.id, table):
            rows += len(some)
            yield b"".join(_line(table, row) for row in some)

    name = f"{RECORDS}/{table.name}.jsonl"
    size, sha256 = writer.add(name, lines())
    return RecordEntry(name=name, size=size, sha256=sha256, table=table.name, rows=rows)


def _line(table: sa.Table, row: dict[str, Any]) -> bytes:
    values = {
        name: without_places(value, name) if isinstance(value, dict | list) else value
        for name, value in row.items()
    }
    if table is schema.jobs:
        values |= {
            name: without_places(values[name], name) for name in ("title", "message", "error")
        }
    if table is schema.projects:
        values["source"] = last_name(values["source"])
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"


def _write_file(writer: PackWriter, file: ProjectFile, scratch: Path) -> FileEntry:
    path = file.path
    modified = path.stat().st_mtime_ns
    if file.is_database:
        path = scratch / "copy.db"
        path.unlink(missing_ok=True)
        copy_database(file.path, path)
    name = f"{FILES}/{file.name}"
    with path.open("rb") as opened:
        if file.name.startswith("runs/") and file.name.endswith(".json"):
            size, sha256 = writer.add(name, [settings_without_places(opened.read())])
        else:
            size, sha256 = writer.add(name, read_pieces(opened))
    return FileEntry(name=name, size=size, sha256=sha256, modified=modified)


def _clear_half_files(path: Path) -> None:
    """Remove what packing to this place left that was killed."""
    for half in path.parent.glob(f".{path.name}.*.tmp"):
        if half.is_file() and not being_written(half):
            half.unlink(missing_ok=True)
