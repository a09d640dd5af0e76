"""The file of a packed project: a ZIP of plain entries, written by pieces and read with limits.

Entries are regular files under names that :mod:`llkd.store.packing.project_files` allows, stored or
deflated, nothing else. All have one date, so that the same project packed twice is the same file.
"""

from __future__ import annotations

import hashlib
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from llkd.errors import DataError, NotFound
from llkd.packing.document import (
    FILES,
    FORMAT,
    MOST_DOCUMENT,
    MOST_ENTRIES,
    NAME,
    PROGRAM,
    RECORDS,
    Entry,
    PackDocument,
)
from llkd.store.packing.project_files import is_safe

PIECE = 1 << 20
MOST_RATIO = 200
"""What pack deflates shrinks far less; what shrinks more is made to fill a disk."""
SMALL = 1 << 20
"""A smaller entry may shrink as it likes."""
LONGEST_LINE = 64 << 20
_ONE_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_ENCRYPTED = 0x1
_STORED_ENDINGS = (".parquet", ".safetensors", ".db")
"""Parquet is compressed, weights hardly shrink, and a database may hold empty pages."""
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError,
    ValueError, OverflowError, KeyError, RecursionError,
)  # fmt: skip


class PackWriter:
    """Writes entries one after the other; each is summed while it is written."""

    def __init__(self, path: Path) -> None:
        """``path`` is replaced."""
        self._zip = zipfile.ZipFile(path, "w", allowZip64=True)

    def add(self, name: str, pieces: Iterable[bytes]) -> tuple[int, str]:
        """Write one entry; its size and SHA-256."""
        info = zipfile.ZipInfo(name, _ONE_DATE)
        info.create_system = _UNIX
        info.external_attr = (stat.S_IFREG | 0o600) << 16
        plain = name.endswith(_STORED_ENDINGS)
        info.compress_type = zipfile.ZIP_STORED if plain else zipfile.ZIP_DEFLATED
        total, size = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=True) as entry:
            for piece in pieces:
                entry.write(piece)
                total.update(piece)
                size += len(piece)
        return size, total.hexdigest()

    def close(self, document: PackDocument) -> str:
        """Write the document, then the directory; the SHA-256 of the document, of all of it."""
        words = json.dumps(document.model_dump(mode="json"), indent=1) + "\n"
        sha256 = self.add(NAME, [words.encode("utf-8")])[1]
        self._zip.close()
        return sha256


class PackReader:
    """Reads a packed project: first all that can be checked without unpacking, then its entries."""

    def __init__(self, path: Path) -> None:
        """Raises NotFound where there is no such file, DataError for one that is not to be used."""
        self.path = path
        if not path.is_file():
            raise NotFound(f"There is no file {path}.")
        with self._reading():
            if not zipfile.is_zipfile(path):
                raise self.refusal("it is no packed project, or was cut off")
            self._zip = zipfile.ZipFile(path)
        try:
            with self._reading():
                self._entries = self._checked_entries()
                data = b"".join(self._pieces(self._entries[NAME], MOST_DOCUMENT))
                self.sha256 = hashlib.sha256(data).hexdigest()
                self.document = self._checked_document(data)
                self._check_names()
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    def refusal(self, why: str) -> DataError:
        """The sentence for a file that is not taken in."""
        return DataError(
            f"{self.path.name} cannot be unpacked: {why}. Nothing was changed. Take the file as "
            "llkd pack wrote it."
        )

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        """What is in an entry, piece by piece. Raises DataError where it is not what is said."""
        total, size = hashlib.sha256(), 0
        with self._reading():
            for piece in self._pieces(self._entries[entry.name], entry.size):
                total.update(piece)
                size += len(piece)
                yield piece
        if size != entry.size or total.hexdigest() != entry.sha256:
            raise self.refusal(f"{entry.name} was altered")

    def lines(self, entry: Entry) -> Iterator[dict[str, Any]]:
        """The JSON objects of an entry, one a line. Raises DataError."""
        rest = b""
        for piece in self.pieces(entry):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > LONGEST_LINE:
                raise self.refusal(f"{entry.name} holds a line that has no end")
            yield from (self._object(entry, line) for line in lines)
        if rest:
            raise self.refusal(f"{entry.name} was cut off")

    def _object(self, entry: Entry, line: bytes) -> dict[str, Any]:
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise self.refusal(f"{entry.name} holds a line that is no record")
        return values

    def _pieces(self, info: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
        left = most
        with self._zip.open(info) as entry:
            while piece := entry.read(min(PIECE, left + 1)):
                left -= len(piece)
                if left < 0:
                    raise self.refusal(f"{info.filename[:200]} holds more than it says")
                yield piece

    def _checked_entries(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > MOST_ENTRIES:
            raise self.refusal(f"it has {len(infos):,} entries")
        entries: dict[str, zipfile.ZipInfo] = {}
        seen_names: set[str] = set()
        for info in infos:
            name = info.filename
            shown = name[:100].encode("ascii", "replace").decode()
            if info.orig_filename != name or not (name == NAME or _is_ours(name)):
                raise self.refusal(f"it has an entry under the name {shown!r}")
            if name.casefold() in seen_names:
                raise self.refusal(f"it has {shown!r} twice")
            if not stat.S_ISREG(info.external_attr >> 16) or info.is_dir():
                raise self.refusal(f"{shown!r} in it is no plain file")
            known = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            if not known or info.flag_bits & _ENCRYPTED:
                raise self.refusal(f"{shown!r} in it is packed in another way")
            if info.file_size > SMALL + MOST_RATIO * info.compress_size:
                raise self.refusal(
                    f"{shown!r} in it would unpack to {info.file_size / 2**20:,.0f} MiB from "
                    f"{info.compress_size / 2**20:,.1f}"
                )
            seen_names.add(name.casefold())
            entries[name] = info
        if NAME not in entries:
            raise self.refusal(f"it has no {NAME}, so it is no packed project")
        return entries

    def _checked_document(self, data: bytes) -> PackDocument:
        values = json.loads(data)
        if not isinstance(values, dict) or values.get("program") != PROGRAM:
            raise self.refusal("it is no packed project")
        form = values.get("format")
        if isinstance(form, int) and form > FORMAT:
            raise self.refusal(
                f"a newer version of the program wrote it ({str(values.get('version'))[:20]}); "
                "use that version, or a later one"
            )
        try:
            return PackDocument.model_validate(values)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
            raise self.refusal(f"its {NAME} was altered ({where[:100]})") from None

    def _check_names(self) -> None:
        """The document names every entry once, in the folder it belongs to, with its size."""
        sizes = {entry.name: entry.size for entry in self.document.entries}
        there = {name: info.file_size for name, info in self._entries.items() if name != NAME}
        if len(sizes) != len(self.document.entries) or sizes != there:
            odd = sorted(set(sizes.items()) ^ set(there.items())) or [("an entry", 0)]
            raise self.refusal(f"its {NAME} and its entries differ ({odd[0][0][:100]})")
        for folder, entries in ((RECORDS, self.document.records), (FILES, self.document.files)):
            for entry in entries:
                if not entry.name.startswith(f"{folder}/"):
                    raise self.refusal(f"{entry.name[:100]} lies in another folder than it says")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Whatever a broken file makes of itself becomes the sentence."""
        try:
            yield
        except DataError:
            raise
        except (*_BROKEN, OSError) as error:
            why = " ".join(str(error).split())[:150].rstrip(".") or type(error).__name__
            raise self.refusal(f"it was cut off or altered ({why})") from error


def _is_ours(name: str) -> bool:
    folder, slash, rest = name.partition("/")
    return bool(slash) and folder in (RECORDS, FILES) and is_safe(rest)


def read_pieces(file: IO[bytes]) -> Iterator[bytes]:
    """An open file, piece by piece."""
    while piece := file.read(PIECE):
        yield piece
