"""A project's texts as a file: written some MiB at a time, whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from llkd.errors import StoreError
from llkd.store.files.permissions import mode_in
from llkd.store.files.quarantine import Quarantine
from llkd.store.home import Home, _sync, being_written, held

TEXT_SCHEMA = pa.schema(
    [
        ("row", pa.int32()),
        ("id", pa.string()),
        ("text", pa.string()),
        ("gold", pa.string()),
        ("split", pa.string()),
    ]
)
_SOURCE = pa.field("source", pa.string())
_STAGING = ".import."
_HELD = "held"
UNCOMMITTED = ".uncommitted"
"""In the folder of a project that is taking its place: goes once its record is committed."""
GROUP_BYTES = 32 << 20
_GROUP_ROWS = 1 << 20
BATCH_ROWS = 16_384
_ORPHAN_SECONDS = 3600


def as_table(texts: pd.DataFrame) -> pa.Table:
    """The frame as it is stored: row numbers first, and ``source`` where there is one."""
    schema = TEXT_SCHEMA.append(_SOURCE) if "source" in texts.columns else TEXT_SCHEMA
    columns: list[Any] = [pa.array(range(len(texts)), type=pa.int32())]
    columns += [_strings(texts[name]) for name in schema.names[1:]]
    return pa.table(columns, schema=schema)


def _strings(series: pd.Series) -> pa.ChunkedArray:
    array = pa.array(series, type=pa.string(), from_pandas=True)
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def digest(texts: pd.DataFrame, between: Callable[[], None] | None = None) -> str:
    """SHA-256 of ids and texts in row order: equal for equal text sets."""
    total = hashlib.sha256()
    size = 0
    for column in ("id", "text"):
        for chunk in _strings(texts[column]).chunks:
            size += chunk.nbytes
            if between and size > GROUP_BYTES:
                size = 0
                between()
            for value in chunk.to_pylist():
                data = value.encode("utf-8", "surrogatepass")
                total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()


@contextmanager
def staged(home: Home, table: pa.Table, between: Callable[[], None] | None) -> Iterator[Path]:
    """A folder with the texts, to be renamed; removed at the end if it is still there.

    Raises StoreError when it cannot be written.
    """
    with staging_folder(home) as outer:
        folder = outer / "project"
        try:
            folder.mkdir(mode=mode_in(home.projects, of_folder=True))
            _write(table, folder / "texts.parquet", between)
        except OSError as error:
            raise not_stored(error) from error
        yield folder


@contextmanager
def staging_folder(home: Home) -> Iterator[Path]:
    """A temporary folder beside the projects' folders; removed at the end with all in it.

    It is held while it lives, so that what a killed process left can be told and removed. Raises
    StoreError when it cannot be made.
    """
    try:
        outer = Path(tempfile.mkdtemp(dir=home.projects, prefix=_STAGING, suffix=".tmp"))
    except OSError as error:
        raise not_stored(error) from error
    try:
        with held(outer):
            try:
                (outer / _HELD).touch()
            except OSError as error:
                raise not_stored(error) from error
            yield outer
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def not_stored(error: BaseException) -> StoreError:
    """What a person reads when the disk or the database refuses a new project."""
    reason = getattr(error, "strerror", None) or getattr(error, "orig", None) or error
    return StoreError(
        f"The project cannot be stored ({reason}). Nothing was changed. Check that there is room "
        "in the home folder and that it can be written, and import again."
    )


def _write(table: pa.Table, path: Path, between: Callable[[], None] | None) -> None:
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        group: list[pa.RecordBatch] = []
        size = rows = 0
        for batch in table.to_batches(max_chunksize=BATCH_ROWS):
            group.append(batch)
            size += batch.nbytes
            rows += batch.num_rows
            if size >= GROUP_BYTES or rows >= _GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(group), row_group_size=rows)
                group, size, rows = [], 0, 0
                if between:
                    between()
        if group or not table.num_rows:
            writer.write_table(pa.Table.from_batches(group, table.schema))
    path.chmod(mode_in(path.parent))
    for written in (path, path.parent):
        _sync(written)


def clear_orphans(home: Home, known: set[int]) -> list[Path]:
    """Remove what imports left that were killed; the folders that are gone from their place.

    That are staging folders that no living process holds, and folders of projects that the
    database, which has the numbers ``known``, does not know an hour later; at once where their
    process died before it committed them.
    """
    removed: list[Path] = []
    try:
        entries = list(home.projects.iterdir())
    except OSError:
        return removed
    for entry in entries:
        if entry.name.startswith(_STAGING):
            if _abandoned(entry):
                shutil.rmtree(entry, ignore_errors=True)
                removed.append(entry)
        elif entry.name.isdecimal() and int(entry.name) not in known:
            if _never_committed(entry) or _old(entry):
                out_of_the_way(home, entry)
                removed.append(entry)
    return removed


def out_of_the_way(home: Home, folder: Path) -> None:
    """Make room where a project's folder lies that the database does not know.

    Texts alone are what a killed import left, and go; so does what was never committed. With
    labels or runs beside them it is somebody's work (an older database was put back), and is moved
    to the quarantine. Raises StoreError where that fails.
    """
    if _never_committed(folder):
        shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        work = {path.name for path in folder.iterdir()} - {"texts.parquet"}
    except OSError:
        return
    if work:
        Quarantine(home).move(folder, "The database does not know this project.")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _never_committed(folder: Path) -> bool:
    mark = folder / UNCOMMITTED
    return mark.exists() and not being_written(mark)


def _abandoned(staging: Path) -> bool:
    if being_written(staging):
        return False
    return (staging / _HELD).exists() or _old(staging)  # without the mark it is just being made


def _old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > _ORPHAN_SECONDS
    except OSError:
        return False
