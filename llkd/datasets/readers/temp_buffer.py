"""Where what is too large for memory lies while a file is read: files without a name.

A scratch file is removed by the system when it is closed or the process ends, however it ends.
It lies where TMPDIR says, else in /var/tmp, which is on a disk where /tmp may be memory.
"""

from __future__ import annotations

import io
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa

from llkd.datasets.limits import MEMORY_BYTES
from llkd.datasets.readers.byte_source import ByteSource
from llkd.errors import DataError

_ALIGNMENT = 64
MAPPED: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
_MAPPING = threading.Lock()  # of that set: imports of several sessions run in several threads


def folder() -> str:
    """Where scratch files go."""
    if os.environ.get("TMPDIR"):
        return tempfile.gettempdir()
    # A file in it never has a name, so nobody can put another in its place.
    disk = Path("/var/tmp")  # noqa: S108  # nosec B108
    return str(disk) if disk.is_dir() and os.access(disk, os.W_OK) else tempfile.gettempdir()


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"A scratch file in {folder()} cannot be written ({error.strerror or error}). Free "
            "some space there, or set TMPDIR to a folder with more; nothing was imported."
        ) from None


def new_file() -> IO[bytes]:
    """A file without a name. Raises DataError where none can be made."""
    with _room():
        return _new()


def _new() -> IO[bytes]:
    return tempfile.TemporaryFile(dir=folder(), prefix="llkd-", buffering=0)


class TempBuffer:
    """Takes bytes and gives them back as a :class:`ByteSource`; past 16 MiB they lie in a file."""

    def __init__(self) -> None:
        self.size = 0
        self._memory = io.BytesIO()
        self._file: IO[bytes] | None = None

    def write(self, block: bytes) -> None:
        """Add ``block``. Raises DataError when the disk is full."""
        self.size += len(block)
        if self._file is None and self.size <= MEMORY_BYTES:
            self._memory.write(block)
            return
        with _room():
            if self._file is None:
                self._file = _new()
                write_all(self._file, self._memory.getvalue())
                self._memory = io.BytesIO()
            write_all(self._file, block)

    def blob(self) -> ByteSource:
        """All that was written."""
        if self._file is None:
            return ByteSource.of(self._memory.getvalue())
        return ByteSource.of_file(self._file)


def write_all(file: IO[bytes], block: bytes) -> None:
    """Write the whole block, though one call may take only a part of it."""
    view = memoryview(block)
    while view:
        view = view[file.write(view) :]


class _Whole:
    """A file to which every write is a whole one; closing it leaves the file open."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, block: bytes) -> int:
        write_all(self._file, block)
        return len(block)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def write_stream(
    file: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> tuple[int, int]:
    """Add a stream of Arrow's to a file; where it begins and how long it is, in bytes.

    Raises DataError when the disk is full.
    """
    with _room():
        start = -(-file.seek(0, os.SEEK_END) // _ALIGNMENT) * _ALIGNMENT
        file.truncate(start)
        file.seek(start)
        with pa.ipc.new_stream(pa.PythonFile(_Whole(file), mode="w"), schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return start, file.tell() - start


def mapped(file: IO[bytes]) -> pa.Buffer:
    """The bytes of a file that is not empty, read when they are needed; see :func:`release`."""
    content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with _MAPPING:
        MAPPED.add(content)
    return pa.py_buffer(content)


class TableSpool:
    """Takes tables and gives them back as one; past 16 MiB they lie in a mapped file.

    The tables may differ in columns: what one lacks is missing there.
    """

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []
        self._size = 0
        self._file: IO[bytes] | None = None
        self._segments: list[tuple[int, int]] = []

    def add(self, table: pa.Table) -> None:
        """Take one table. Raises DataError when the disk is full."""
        self._size += table.nbytes
        if self._file is None:
            self._tables.append(table)
            if self._size <= MEMORY_BYTES:
                return
            with _room():
                self._file = _new()
            tables, self._tables = self._tables, []
        else:
            tables = [table]
        for part in tables:
            self._spill(part, self._file)

    def _spill(self, table: pa.Table, file: IO[bytes]) -> None:
        self._segments.append(write_stream(file, table.schema, table.to_batches()))

    def table(self) -> pa.Table:
        """All tables, one after the other."""
        tables = self._tables
        if self._file is not None:
            buffer = mapped(self._file)
            tables = [
                pa.ipc.open_stream(buffer.slice(start, size)).read_all()
                for start, size in self._segments
            ]
        return pa.concat_tables(tables, promote_options="default")


def release() -> None:
    """Let go of the memory that reading mapped tables has filled; it comes again when needed."""
    with _MAPPING:
        every = list(MAPPED)
    for content in every:
        content.madvise(mmap.MADV_DONTNEED)


def steps(chunks: Sequence[pa.Array]) -> Iterator[pa.Array]:
    """The chunks of a column one by one; what was read is let go after every 16 MiB."""
    read = 0
    for chunk in chunks:
        yield chunk
        read += chunk.nbytes
        if read > MEMORY_BYTES:
            read = 0
            release()
