"""What a file is by its first bytes: a container, a table format, or something not supported."""

from __future__ import annotations

import re
from pathlib import PurePath

from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.wording import plain
from llkd.errors import DataError

SUPPORTED = "CSV, TSV, JSON, JSON Lines, Parquet, XLSX and plain text, also as .gz or .zip"
ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".psv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".txt": "text",
    ".text": "text",
}
BINARY_ENDINGS = frozenset({".xls", ".xlsx", ".xlsm", ".parquet", ".pq", ".ods", ".docx", ".pdf"})
GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
PARQUET = b"PAR1"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PARE", "an encrypted Parquet file", "Save it without encryption."),
    (b"\xfd7zXZ\x00", "compressed with xz", "Unpack it, or compress it as .gz."),
    (b"BZh", "compressed with bzip2", "Unpack it, or compress it as .gz."),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it, or compress it as .gz."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it and import the table in it."),
    (b"Rar!\x1a\x07", "a RAR archive", "Unpack it and import the table in it."),
    (b"\x89PNG\r\n", "a PNG picture", ""),
    (b"\xff\xd8\xff", "a JPEG picture", ""),
    (b"GIF8", "a GIF picture", ""),
    (b"%PDF-", "a PDF document", "Export its texts as CSV or plain text."),
    (b"{\\rtf", "a rich-text (RTF) document", "Save it as plain text."),
    (b"SQLite format 3\x00", "an SQLite database", "Export the table as CSV."),
    (b"\x89HDF\r\n", "an HDF5 file", "Export the table as CSV or Parquet."),
    (b"ARROW1", "an Arrow or Feather file", "Save the table as Parquet."),
    (b"FEA1", "a Feather file", "Save the table as Parquet."),
    (b"\x93NUMPY", "a NumPy file", "Save the texts as CSV."),
    (b"Obj\x01", "an Avro file", "Save the table as Parquet."),
    (b"ORC", "an ORC file", "Save the table as Parquet."),
    (b"\x7fELF", "a program", ""),
)
_WRITTEN: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (
        re.compile(rb"(<!--.*?-->\s*)?<(!doctype\s+html|html|head|body|table)\b", re.I | re.S),
        "an HTML page",
        "A sign-in or error page may have been saved in place of the file: download it again, or "
        "export the table as CSV.",
    ),
    (re.compile(rb"<\?xml\b"), "an XML document", "Export the table as CSV."),
    (
        re.compile(rb"version https://git-lfs\.github\.com/spec/"),
        "a Git LFS pointer and not the data",
        "Fetch the data with 'git lfs pull'.",
    ),
    (
        re.compile(
            rb"(--[^\n]*\n\s*)*(INSERT INTO\s+\S+\s*(\([^)]*\)\s*)?VALUES\b|CREATE TABLE\s)", re.I
        ),
        "a database dump",
        "Export the table as CSV.",
    ),
)


def ending(name: str) -> str:
    """The file name's ending in small letters, with any ``.gz`` taken off: ``.csv``."""
    path = PurePath(name.lower().removesuffix(".gz"))
    return path.suffix


def refuse_foreign(data: ByteSource, name: str) -> None:
    """Raise DataError when ``data`` is a known kind of file that is not supported."""
    if data.head.startswith(OLE):
        _refuse_ole(data, name)
    for magic, what, advice in _MAGIC:
        if data.head.startswith(magic):
            raise DataError(_sentence(name, what, advice))
    head = data.head[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    for pattern, what, advice in _WRITTEN:
        if pattern.match(head):
            raise DataError(_sentence(name, what, advice))


def _refuse_ole(data: ByteSource, name: str) -> None:
    if data.holds("EncryptedPackage".encode("utf-16-le")):
        raise DataError(
            f"{plain(name)} is protected with a password. Save it without one, or export the "
            "sheet as CSV."
        )
    what = "an old Office file (.xls or .doc)"
    raise DataError(_sentence(name, what, "Save the table as .xlsx or CSV."))


def _sentence(name: str, what: str, advice: str) -> str:
    rest = f" {advice}" if advice else ""
    return f"{plain(name)} is {what}, which cannot be imported.{rest} Supported are {SUPPORTED}."
