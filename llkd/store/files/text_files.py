"""A project's texts as a file: written some MiB at a time, whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llkd.errors import NotFound, StoreError
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
_FEW_VALUES = ("gold", "split", "source")
_GROUP_ROWS = 1 << 20
BATCH_ROWS = 16_384
_ORPHAN_SECONDS = 3600


def as_table(texts: pd.DataFrame, first: int = 0) -> pa.Table:
    """The frame as it is stored: row numbers from ``first``, and ``source`` where there is one."""
    schema = TEXT_SCHEMA.append(_SOURCE) if "source" in texts.columns else TEXT_SCHEMA
    columns: list[Any] = [pa.array(np.arange(first, first + len(texts), dtype=np.int32))]
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
            for start in range(0, len(chunk), BATCH_ROWS):
                total.update(_with_lengths(chunk[start : start + BATCH_ROWS]))
    return total.hexdigest()


def _with_lengths(texts: pa.Array) -> memoryview:
    """The bytes of all texts, each after the number of them in eight bytes."""
    sizes = pc.binary_length(texts).cast(pa.int64()).to_numpy().astype("<i8")
    places = np.arange(len(texts) + 1, dtype=np.int32) * 8
    before = pa.Array.from_buffers(
        pa.binary(), len(texts), [None, pa.py_buffer(places), pa.py_buffer(sizes)]
    )
    joined = pc.binary_join_element_wise(before, texts.cast(pa.binary()), b"")
    return memoryview(joined.buffers()[2])[: int(sizes.sum()) + 8 * len(texts)]


@contextmanager
def staged(home: Home, table: pa.Table, between: Callable[[], None] | None) -> Iterator[Path]:
    """A folder with the texts, to be renamed; removed at the end if it is still there.

    Raises StoreError when it cannot be written.
    """
    with staging_folder(home) as outer:
        folder = outer / "project"
        try:
            folder.mkdir(mode=mode_in(home.projects, of_folder=True))
            write_texts(table, folder / "texts.parquet", between)
            for written in (folder / "texts.parquet", folder):
                _sync(written)
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


def not_stored(
    error: BaseException, what: str = "The project", again: str = "import again"
) -> StoreError:
    """What a person reads when the disk or the database refuses a new project, or new texts."""
    reason = getattr(error, "strerror", None) or getattr(error, "orig", None) or error
    return StoreError(
        f"{what} cannot be stored ({reason}). Nothing was changed. Check that there is room "
        f"in the home folder and that it can be written, and {again}."
    )


def read_text_files(
    project_id: int, paths: Sequence[Path], stages: Sequence[int], columns: list[str] | None
) -> pd.DataFrame:
    """The texts of a project's files in row order; after each file there are ``stages`` of them.

    Raises NotFound where a file is gone, StoreError where one is damaged.
    """
    tables = []
    begins = 0
    for path, ends in zip(paths, stages, strict=True):
        require_file(project_id, path)
        try:
            table = pq.read_table(path, columns=columns)
            if table.num_rows != ends - begins:
                raise OSError(f"it holds {table.num_rows} rows")
        except (pa.ArrowException, OSError) as error:
            raise StoreError(
                f"The texts of project number {project_id} cannot be read: {path} is damaged. Put "
                "it back from a backup, or import the file again as a new project."
            ) from error
        tables.append(table)
        begins = ends
    joined = tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="default")
    return joined.to_pandas()


def require_file(project_id: int, path: Path) -> None:
    """Raise NotFound where a file of a project's texts is gone."""
    if not path.exists():
        raise NotFound(
            f"The texts of project number {project_id} are missing: {path}. Put its folder "
            "back from a backup; people's labels are in the database and still there."
        )


def write_texts(table: pa.Table, path: Path, between: Callable[[], None] | None) -> None:
    """Write a table of texts; ``between`` is called after every some MiB, to let go of memory."""
    few = [name for name in _FEW_VALUES if name in table.column_names]
    with pq.ParquetWriter(path, table.schema, compression="zstd", use_dictionary=few) as writer:
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
