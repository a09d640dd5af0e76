"""From a path to the bytes of its data files, out of gzip or zip where need be.

Bytes stay in memory while they are few and else lie in scratch files without a name, all within
limits; a member's name is only shown, never used as a path.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from llkd.datasets.limits import FREE_BYTES, MAX_BYTES, MAX_GZIP_MEMBERS, MAX_MEMBERS, MAX_RATIO
from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.signatures import ENDINGS, GZIP, SUPPORTED, ZIP, ending
from llkd.datasets.readers.temp_buffer import TempBuffer
from llkd.datasets.wording import count, listed, plain, quoted
from llkd.errors import DataError, NotFound

_STEP = 1 << 20
_FEED = 1 << 16  # packed bytes at a time: at most some 64 MiB unpacked between two checks
_JUNK = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_OFFICE = {
    "xl/workbook.bin": "a binary Excel workbook (.xlsb). Save it as .xlsx",
    "word/document.xml": "a Word document. Save its texts as CSV or plain text",
    "ppt/presentation.xml": "a presentation. Save its texts as CSV or plain text",
    "content.xml": "an OpenDocument file. Save the table as .xlsx or CSV",
}
_BROKEN = (
    *(zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, zlib.error, OSError),
    RuntimeError,  # a member that needs a password
)


@dataclass(frozen=True)
class Payload:
    """The bytes of one data file, the name that hints at its format, and where they came from."""

    data: ByteSource
    name: str
    hint: str
    member: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Members:
    """The tables of a zip archive by name, and what to tell about the rest."""

    tables: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def base_name(path: str | Path, name: str | None = None) -> str:
    """What a file is called: the name given, else its own; folders only where they lead down."""
    if not name:
        return Path(path).name
    pure_path = PurePosixPath(name)
    if "\\" in name or pure_path.is_absolute() or ".." in pure_path.parts:
        return PurePosixPath(name.replace("\\", "/")).name
    return name


def open_payload(path: str | Path, name: str | None = None, member: str | None = None) -> Payload:
    """Open the file at ``path`` and unpack it once.

    Args:
        path: the file, at most 16 GiB.
        name: its original name where ``path`` is a temporary copy.
        member: which file of a zip archive; None where it holds a single table.

    Raises:
        NotFound: there is no such file.
        DataError: it cannot be read, is too large, damaged, or no safe archive of one table.
    """
    name = base_name(path, name)
    data = _open(Path(path), name)
    if data.head.startswith(GZIP):
        unpacked, trailing = gunzip(data, name)
        if _packed(unpacked):
            raise DataError(f"{plain(name)} is compressed twice. Unpack it once and import that.")
        warning = (
            f"{plain(name)} holds {count(trailing, 'byte')} after its end, which were left out."
        )
        return Payload(unpacked, name, name, None, (warning,) if trailing else ())
    if data.head.startswith(ZIP) and not is_workbook(data):
        return _unzip(data, name, member)
    return Payload(data, name, name)


def zip_members(path: str | Path, name: str | None = None) -> Members | None:
    """The tables in a zip archive that is no workbook; None for any other file.

    Raises:
        NotFound: there is no such file.
        DataError: it is damaged, unsafe, or holds no table.
    """
    name = base_name(path, name)
    data = _open(Path(path), name)
    if not data.head.startswith(ZIP) or is_workbook(data):
        return None
    with _archive(data, name) as archive:
        return _tables(archive.infolist(), data.size, name)


def _open(path: Path, name: str) -> ByteSource:
    try:
        if not path.exists():
            raise NotFound(f"There is no file {quoted(path, 200)}. Check the path.")
        if not path.is_file():
            raise DataError(f"{plain(name)} is not a file. Choose one file to import.")
        file = path.open("rb", buffering=0)
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise DataError(f"{plain(name)} is not a file. Choose one file to import.")
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise DataError(
                f"{plain(name)} has {size / 2**30:.1f} GiB, but at most {MAX_BYTES / 2**30:.0f} "
                "GiB can be imported. Split it into smaller files."
            )
        blob = ByteSource.of_file(file)
        blob.first(1)
    except (OSError, ValueError) as error:  # a NUL in the path is a ValueError
        reason = getattr(error, "strerror", None) or plain(error, 80) or type(error).__name__
        raise DataError(f"{plain(name)} cannot be read: {reason}. Check the file.") from None
    return blob


def _packed(data: ByteSource) -> bool:
    head = data.head
    return head.startswith(GZIP) or (head.startswith(ZIP) and not is_workbook(data))


def is_workbook(data: ByteSource) -> bool:
    """Whether the zip archive ``data`` is an XLSX workbook."""
    try:
        with zipfile.ZipFile(data.open()) as archive:
            return _is_workbook(archive.namelist())
    except _BROKEN:
        return False


def _is_workbook(names: list[str]) -> bool:
    return "xl/workbook.xml" in names or (
        "[Content_Types].xml" in names and "xl/workbook.bin" not in names and "xl" in _tops(names)
    )


def _tops(names: list[str]) -> set[str]:
    return {name.split("/", 1)[0] for name in names}


def check_unpacked(unpacked: int, packed: int, name: str) -> None:
    """Refuse what unpacks to too much, in all or for its packed size (both in bytes)."""
    if unpacked > MAX_BYTES:
        raise DataError(
            f"{plain(name)} unpacks to more than {MAX_BYTES / 2**30:.0f} GiB. Import a smaller "
            "part of it."
        )
    if unpacked > FREE_BYTES and unpacked > MAX_RATIO * max(packed, 1):
        raise DataError(
            f"{plain(name)} unpacks to more than {MAX_RATIO} times its size, as a decompression "
            "bomb does, and was not read. If you trust it, unpack it and import the table in it."
        )


def gunzip(data: ByteSource, name: str) -> tuple[ByteSource, int]:
    """Unpack all gzip members one after the other; also the number of stray bytes after them."""
    unpacked = TempBuffer()
    members = 0
    with data.open() as packed:
        block = packed.read(_FEED)
        while True:
            while 0 < len(block) < len(GZIP) and (more := packed.read(_FEED)):
                block += more
            if not block.startswith(GZIP):
                break
            members += 1
            if members > MAX_GZIP_MEMBERS:
                raise DataError(
                    f"{plain(name)} has too many gzip members. Unpack it and import that."
                )
            stream = zlib.decompressobj(wbits=31)
            while not stream.eof:
                if not block:
                    raise DataError(
                        f"{plain(name)} ends too early: its gzip data is cut off after "
                        f"{count(unpacked.size, 'byte')} of content. Copy or download it again."
                    )
                try:
                    part = stream.decompress(block)
                except zlib.error as error:
                    raise DataError(
                        f"{plain(name)} is damaged: its gzip data does not check ({error}). Copy "
                        "or download it again."
                    ) from None
                check_unpacked(unpacked.size + len(part), data.size, name)
                unpacked.write(part)
                block = stream.unused_data or packed.read(_FEED)
        trailing = len(block.strip(b"\0"))
        while block := packed.read(_STEP):
            trailing += len(block.strip(b"\0"))
    return unpacked.blob(), trailing


@contextmanager
def _archive(data: ByteSource, name: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(data.open()) as archive:
            names = archive.namelist()
            for part, what in _OFFICE.items():
                if part in names:
                    raise DataError(f"{plain(name)} is {what}. Supported are {SUPPORTED}.")
            yield archive
    except _BROKEN:
        raise DataError(
            f"{plain(name)} is a damaged archive and cannot be unpacked. Copy or download it again."
        ) from None


def _unzip(data: ByteSource, name: str, wanted: str | None) -> Payload:
    with _archive(data, name) as archive:
        members = _tables(archive.infolist(), data.size, name)
        if wanted is None and len(members.tables) > 1:
            names = listed([quoted(table) for table in members.tables], 5)
            raise DataError(
                f"{plain(name)} holds {len(members.tables):,} tables ({names}). Unpack it and "
                "choose one of them."
            )
        member = archive.getinfo(wanted or members.tables[0])
        content = _extract(archive, member, data.size, name)
    warnings = list(members.warnings if wanted is None else ())
    shown = f"The member {quoted(member.filename)} of {plain(name)}"
    if content.head.startswith(GZIP):
        content, trailing = gunzip(content, name)
        if trailing:
            warnings.append(
                f"{shown} holds {count(trailing, 'byte')} after its end, which were left out."
            )
    if _packed(content):
        raise DataError(
            f"{shown} is itself an archive. Unpack {plain(name)} and import that member."
        )
    return Payload(content, name, member.filename, member.filename, tuple(warnings))


def _tables(members: list[zipfile.ZipInfo], packed: int, name: str) -> Members:
    shown = plain(name)
    if len(members) > MAX_MEMBERS:
        raise DataError(f"{shown} has {len(members):,} members. Import one table at a time.")
    files = [m for m in members if not m.is_dir() and not is_junk(m.filename)]
    for member in files:
        if _leads_outside(member):
            raise DataError(
                f"{shown} holds the member {quoted(member.filename)}, which points outside the "
                "archive, so it was not read. Unpack it with a tool you trust and import the table."
            )
    twice = [n for n, times in Counter(m.filename for m in files).items() if times > 1]
    if twice:
        raise DataError(
            f"{shown} holds more than one member called {quoted(min(twice))}. Unpack it and import "
            "the one that counts."
        )
    tables = [m for m in files if ending(m.filename) in ENDINGS] or (
        files if len(files) == 1 else []
    )
    if len(tables) > 1:
        tables = [m for m in tables if not _is_note(m.filename)] or tables
    if not tables:
        inside = f" but {listed([quoted(m.filename) for m in files], 5)}" if files else ""
        raise DataError(
            f"{shown} holds no table{inside}. Put one CSV, JSON, Parquet, XLSX or text file in it."
        )
    check_unpacked(sum(m.file_size for m in tables), packed, name)
    others = [quoted(m.filename) for m in files if m not in tables]
    if not others:
        return Members(tuple(m.filename for m in tables))
    single = len(tables) == 1
    read = quoted(tables[0].filename) if single else count(len(tables), "table")
    return Members(
        tuple(m.filename for m in tables),
        (
            f"Of {shown} only {'the member ' if single else ''}{read} "
            f"{'was' if single else 'were'} read; {listed(others, 5)} "
            f"{'was' if len(others) == 1 else 'were'} left out.",
        ),
    )


def _is_note(filename: str) -> bool:
    """Whether a text file beside tables only tells about them."""
    return ENDINGS[ending(filename)] == "text"


def is_junk(filename: str) -> bool:
    """Whether an operating system left this file, by its path with slashes."""
    parts = filename.split("/")
    return parts[0] == "__MACOSX" or parts[-1].lower() in _JUNK or parts[-1].startswith("._")


def _leads_outside(member: zipfile.ZipInfo) -> bool:
    parts = member.filename.replace("\\", "/").split("/")
    linked = stat.S_ISLNK(member.external_attr >> 16)
    return linked or ".." in parts or parts[0] == "" or parts[0].endswith(":")


def _extract(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, packed: int, name: str
) -> ByteSource:
    if member.flag_bits & 0x1:
        raise DataError(
            f"{plain(name)} is protected with a password, which is not supported. Unpack it and "
            "import the table in it."
        )
    check_unpacked(member.file_size, packed, name)
    unpacked = TempBuffer()
    with archive.open(member) as stream:
        while part := stream.read(_STEP):
            check_unpacked(unpacked.size + len(part), packed, name)
            unpacked.write(part)
    return unpacked.blob()
