"""Files that anybody may have made, read in a process of their own with limits.

The functions are those of the modules that read, under the same names. What would end or fill this
process (a parser that aborts, a table that takes all memory, a file that is never done) ends that
one, and is a sentence here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from llkd import isolation
from llkd.datasets import handover
from llkd.datasets.files import File
from llkd.datasets.limits import MAX_FILES
from llkd.datasets.readers.containers import base_name
from llkd.datasets.readers.records import Records
from llkd.datasets.readers.signatures import SUPPORTED
from llkd.datasets.readers.tables import Progress
from llkd.datasets.readers.temp_buffer import new_file
from llkd.datasets.rows import Rows
from llkd.datasets.source import Source
from llkd.datasets.text_set import Reading, TextSet
from llkd.datasets.texts import ALL_OR_NOTHING
from llkd.datasets.wording import listed, plain
from llkd.errors import DataError, UserError
from llkd.isolation import ChildEnded, Limits

MEMORY = "LLKD_READING_MIB"
SECONDS = "LLKD_READING_SECONDS"
_MEMORY = 4 << 30  # bytes for any file
_MEMORY_PER_BYTE = 4
_SECONDS = 120  # of the processor for any file
_SECONDS_PER_MIB = 2
_LEAST_MEMORY = 512 << 20

Unpack = Callable[[Any, IO[bytes]], Any]


def start_reader() -> None:
    """Let the process that reads files start now, so that the first file need not wait for it."""
    isolation.start()


def read_texts(
    path: str | Path, *, name: str | None = None, progress: Progress = None, **reading: Any
) -> TextSet:
    """See :func:`llkd.datasets.texts.read_texts`."""
    return read_files([File(str(path), name)], Reading(**reading), progress=progress)


def read_files(
    files: Sequence[File], reading: Reading | None = None, *, progress: Progress = None
) -> TextSet:
    """See :func:`llkd.datasets.texts.read_files`."""
    arguments = {
        "files": [asdict(file) for file in files],
        "reading": asdict(reading or Reading()),
    }
    return _apart(
        "read_files",
        arguments,
        files,
        lambda document, file: handover.unpack_text_set(document, handover.reader(file)),
        progress,
    )


def inspect(path: str | Path, name: str | None = None) -> Source:
    """See :func:`llkd.datasets.source.inspect`."""
    return _apart(
        "inspect",
        {"path": str(path), "name": name},
        [File(str(path), name)],
        lambda document, file: handover.unpack_source(document),
    )


def inspect_files(files: Sequence[File]) -> tuple[Source, ...]:
    """See :func:`llkd.datasets.source.inspect_files`."""
    return _apart(
        "inspect_files",
        {"files": [asdict(file) for file in files]},
        files,
        lambda documents, file: tuple(handover.unpack_source(document) for document in documents),
    )


def read_rows(
    path: str | Path,
    *,
    name: str | None = None,
    text_column: str | None = None,
    id_column: str | None = None,
    progress: Progress = None,
) -> Rows:
    """See :func:`llkd.datasets.rows.read_rows`."""
    columns = {"text_column": text_column, "id_column": id_column}
    return _apart(
        "read_rows",
        {"path": str(path), "name": name, **columns},
        [File(str(path), name)],
        lambda document, file: handover.unpack_rows(document, handover.reader(file)),
        progress,
    )


def read_records(
    path: str | Path,
    name: str | None = None,
    *,
    member: str | None = None,
    named: Collection[str] = (),
    blocks: bool = False,
    progress: Progress = None,
) -> Records:
    """See :func:`llkd.datasets.readers.records.read_records`."""
    how = {"member": member, "named": list(named), "blocks": blocks}
    return _apart(
        "read_records",
        {"path": str(path), "name": name, **how},
        [File(str(path), name)],
        lambda document, file: handover.unpack_records(document, handover.reader(file)),
        progress,
    )


def _apart(
    function: str,
    arguments: dict[str, Any],
    files: Sequence[File],
    unpack: Unpack,
    progress: Progress = None,
) -> Any:
    limits = limits_for(files)
    names = [base_name(file.path, file.name) for file in files]
    at, number = (listed(names, 3) if names else "the file"), 1

    def on_message(kind: str, value: Any) -> None:
        nonlocal at, number
        if kind == "file":
            at, number = value
        elif kind == "rows" and progress:
            progress(value)

    with new_file() as file:
        try:
            document = isolation.call(
                f"llkd.datasets.remote:{function}", arguments, file, limits, on_message
            )
            return unpack(document, file)
        except ChildEnded as ended:
            whole = f" {ALL_OR_NOTHING}" if number > 1 and function == "read_files" else ""
            raise DataError(sentence(ended, at, limits) + whole) from ended


def limits_for(files: Sequence[File]) -> Limits:
    """What reading these files may use: more for larger ones, or what the settings say.

    Raises UserError for a setting that is no number.
    """
    size = sum(_size(Path(file.path)) for file in files)
    memory = _setting(MEMORY, _LEAST_MEMORY >> 20)
    seconds = _setting(SECONDS, 1)
    return Limits(
        memory=_MEMORY + _MEMORY_PER_BYTE * size if memory is None else memory << 20,
        seconds=_SECONDS + _SECONDS_PER_MIB * (size >> 20) if seconds is None else seconds,
    )


def _setting(name: str, least: int) -> int | None:
    value = os.environ.get(name, "").strip()
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and least <= int(value[:12]) < 10**9):
        raise UserError(f"{name} must be a whole number from {least}, but it was {value[:40]!r}.")
    return int(value)


def _size(path: Path) -> int:
    try:
        if not path.is_dir():
            return path.stat().st_size
        sizes = []
        for folder, _, names in os.walk(path):
            sizes += [os.lstat(os.path.join(folder, name)).st_size for name in names]
            if len(sizes) > MAX_FILES:
                break
        return sum(sizes)
    except (OSError, ValueError):
        return 0  # what cannot be read is the reader's to complain about


def sentence(ended: ChildEnded, name: str, limits: Limits) -> str:
    """What to tell about a file whose reading ended without a result."""
    shown = plain(name)
    if "decrypt" in ended.errors.lower():
        return (
            f"{shown} is an encrypted Parquet file, which cannot be imported. Save it without "
            f"encryption. Supported are {SUPPORTED}."
        )
    if ended.cause == "memory":
        return (
            f"{shown} needs more than {limits.memory >> 20:,} MiB of memory to be read, the limit "
            "for a file of its size, so nothing of it was taken. Split it, or keep only the "
            f"columns that are needed; {MEMORY} sets another limit."
        )
    if ended.cause == "time":
        return (
            f"{shown} was not read within {limits.seconds:,} seconds of computing, the limit for a "
            "file of its size, so nothing of it was taken. Split it, or export it again in another "
            f"format; {SECONDS} sets another limit."
        )
    if ended.cause == "killed":
        return (
            f"Reading {shown} was ended from outside, most likely because the machine is short of "
            "memory, so nothing of it was taken. Close other programs, or split the file."
        )
    return (
        f"{shown} ended the program that reads it ({plain(ended.reason, 160)}), so nothing of it "
        "was taken. It is damaged or of a kind that cannot be read: export it again, for example "
        "as CSV."
    )
