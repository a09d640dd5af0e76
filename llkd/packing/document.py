"""What a packed project says of itself: its version, its project, every file with its sum."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from llkd.config import Settings

PROGRAM: Final = "LLKD Studio project"
FORMAT: Final = 1
"""The version of the file's form. One of a later version is refused."""
NAME = "project.json"
"""The entry that holds the document; it is written last."""
RECORDS, FILES = "records", "files"
"""Folders in the file: a table's records as JSON lines, and the files of the project's folder."""
ENDING = ".llkd"
MOST_DOCUMENT = 64 << 20
MOST_ENTRIES = 200_000


class Entry(Settings):
    """One entry: its name in the file, its size unpacked, and the SHA-256 of what is in it."""

    name: str = Field(min_length=1, max_length=1000)
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class RecordEntry(Entry):
    """The records of one table, a JSON object a line."""

    table: str
    rows: int = Field(ge=0)


class FileEntry(Entry):
    """A file of the project; ``modified`` is in nanoseconds since 1970."""

    modified: int = Field(ge=0, lt=2**63)


class ProjectEntry(Settings):
    """The project: its number in its records here, its name, its texts and their sum."""

    number: int = Field(ge=1, lt=2**31)
    name: str
    texts: int = Field(ge=0)
    texts_sha256: str


class PackDocument(Settings):
    """The whole. ``tables`` is the version of the tables that the records are of.

    ``left_out`` says what a person left out of the file.
    """

    program: Literal["LLKD Studio project"] = PROGRAM
    format: Literal[1] = FORMAT
    version: str
    tables: str
    project: ProjectEntry
    left_out: tuple[Literal["embeddings"], ...] = ()
    records: tuple[RecordEntry, ...]
    files: tuple[FileEntry, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry but the document itself."""
        return (*self.records, *self.files)

    @property
    def size(self) -> int:
        """The bytes of everything, unpacked."""
        return sum(entry.size for entry in self.entries)

    def counts(self) -> dict[str, Any]:
        """How many records there are of each table that has any."""
        return {entry.table: entry.rows for entry in self.records if entry.rows}
