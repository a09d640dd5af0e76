"""From a path to the bytes of one data file, out of gzip or zip where need be.

Everything stays in memory and within limits; a member's name is only shown, never used as a path.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

from llkd.datasets.limits import FREE_BYTES, MAX_BYTES, MAX_GZIP_MEMBERS, MAX_MEMBERS, MAX_RATIO
from llkd.datasets.signatures import ENDINGS, GZIP, SUPPORTED, ZIP, ending
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


@dataclass(frozen=True)
class Payload:
    """The bytes of one data file, the name that hints at its format, and where they came from."""

    data: bytes
    name: str
    hint: str
    member: str | None = None
    warnings: tuple[str, ...] = ()


def open_payload(path: str | Path, name: str | None = None) -> Payload:
    """Read the file at ``path`` and unpack it once.

    Args:
        path: the file, at most 1 GiB.
        name: its original name where ``path`` is a temporary copy.

    Raises:
        NotFound: there is no such file.
        DataError: it cannot be read, is too large, damaged, or no safe archive of one table.
    """
    path = Path(path)
    name = PurePosixPath(name.replace("\\", "/")).name if name else path.name
    data = _read(path, name)
    if data.startswith(GZIP):
        unpacked, trailing = gunzip(data, name)
        if _packed(unpacked):
            raise DataError(f"{plain(name)} is compressed twice. Unpack it once and import that.")
        told = f"{plain(name)} holds {count(trailing, 'byte')} after its end, which were left out."
        return Payload(unpacked, name, name, None, (told,) if trailing else ())
    if data.startswith(ZIP):
        return _unzip(data, name)
    return Payload(data, name, name)


def _read(path: Path, name: str) -> bytes:
    try:
        if not path.exists():
            raise NotFound(f"There is no file {quoted(path, 200)}. Check the path.")
        if not path.is_file():
            raise DataError(f"{plain(name)} is not a file. Choose one file to import.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(
                f"{plain(name)} has {size / 2**30:.1f} GiB, but at most {MAX_BYTES / 2**30:.0f} "
                "GiB can be imported. Split it into smaller files."
            )
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataError(f"{plain(name)} cannot be read: {reason}. Check the file.") from None


def _packed(data: bytes) -> bool:
    return data.startswith(GZIP) or (data.startswith(ZIP) and not is_workbook(data))


def is_workbook(data: bytes) -> bool:
    """Whether the zip archive ``data`` is an XLSX workbook."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return _is_workbook(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
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


def gunzip(data: bytes, name: str) -> tuple[bytes, int]:
    """Unpack all gzip members one after the other; also the number of stray bytes after them."""
    view = memoryview(data)
    parts: list[bytes] = []
    total = start = members = 0
    while bytes(view[start : start + 2]) == GZIP:
        members += 1
        if members > MAX_GZIP_MEMBERS:
            raise DataError(f"{plain(name)} has too many gzip members. Unpack it and import that.")
        stream = zlib.decompressobj(wbits=31)
        while not stream.eof:
            block = view[start : start + _FEED]
            if not block:
                raise DataError(
                    f"{plain(name)} ends too early: its gzip data is cut off after "
                    f"{count(total, 'byte')} of content. Copy or download it again."
                )
            try:
                part = stream.decompress(block)
            except zlib.error as error:
                raise DataError(
                    f"{plain(name)} is damaged: its gzip data does not check ({error}). Copy or "
                    "download it again."
                ) from None
            start += len(block) - len(stream.unused_data)
            total += len(part)
            check_unpacked(total, len(data), name)
            parts.append(part)
    return b"".join(parts), len(bytes(view[start:]).strip(b"\0"))


def _unzip(data: bytes, name: str) -> Payload:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if _is_workbook(names):
                return Payload(data, name, name)
            for part, what in _OFFICE.items():
                if part in names:
                    raise DataError(f"{plain(name)} is {what}. Supported are {SUPPORTED}.")
            member, warnings = _choose(members, name)
            content = _extract(archive, member, len(data), name)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, zlib.error, OSError):
        raise DataError(
            f"{plain(name)} is a damaged archive and cannot be unpacked. Copy or download it again."
        ) from None
    if _packed(content):
        raise DataError(
            f"The member {quoted(member.filename)} of {plain(name)} is itself compressed. Unpack "
            f"{plain(name)} and import that member."
        )
    return Payload(content, name, member.filename, member.filename, tuple(warnings))


def _choose(members: list[zipfile.ZipInfo], name: str) -> tuple[zipfile.ZipInfo, list[str]]:
    shown = plain(name)
    if len(members) > MAX_MEMBERS:
        raise DataError(f"{shown} has {len(members):,} members. Import one table at a time.")
    files = [m for m in members if not m.is_dir() and not _junk(m.filename)]
    for member in files:
        if _leads_outside(member):
            raise DataError(
                f"{shown} holds the member {quoted(member.filename)}, which points outside the "
                "archive, so it was not read. Unpack it with a tool you trust and import the table."
            )
    tables = [m for m in files if ending(m.filename) in ENDINGS] or (
        files if len(files) == 1 else []
    )
    if len(tables) > 1:
        tables = [m for m in tables if ENDINGS[ending(m.filename)] != "text"] or tables
    if not tables:
        inside = f" but {listed([quoted(m.filename) for m in files], 5)}" if files else ""
        raise DataError(
            f"{shown} holds no table{inside}. Put one CSV, JSON, Parquet, XLSX or text file in it."
        )
    if len(tables) > 1:
        names = listed([quoted(m.filename) for m in tables], 5)
        raise DataError(
            f"{shown} holds {len(tables):,} tables ({names}). Unpack it and import one of them."
        )
    warnings = []
    if len(files) > 1:
        others = [quoted(m.filename) for m in files if m is not tables[0]]
        warnings.append(
            f"Of {shown} only the member {quoted(tables[0].filename)} was read; "
            f"{listed(others, 5)} {'was' if len(others) == 1 else 'were'} left out."
        )
    return tables[0], warnings


def _junk(filename: str) -> bool:
    parts = filename.split("/")
    return parts[0] == "__MACOSX" or parts[-1].lower() in _JUNK or parts[-1].startswith("._")


def _leads_outside(member: zipfile.ZipInfo) -> bool:
    parts = member.filename.replace("\\", "/").split("/")
    linked = stat.S_ISLNK(member.external_attr >> 16)
    return linked or ".." in parts or parts[0] == "" or parts[0].endswith(":")


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, packed: int, name: str) -> bytes:
    if member.flag_bits & 0x1:
        raise DataError(
            f"{plain(name)} is protected with a password, which is not supported. Unpack it and "
            "import the table in it."
        )
    check_unpacked(member.file_size, packed, name)
    parts: list[bytes] = []
    total = 0
    with archive.open(member) as stream:
        while part := stream.read(_STEP):
            total += len(part)
            check_unpacked(total, packed, name)
            parts.append(part)
    return b"".join(parts)
