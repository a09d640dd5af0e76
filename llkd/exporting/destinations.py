"""Where an export goes: a folder, or a prefix in object storage.

Under a prefix it is whole or not at all, as in a folder: what is there is only replaced when all of
the new is with the server, and the manifest comes last. New files arrive under other names
(``.export-<mark>/…``), the list of what is to be replaced after them; then the old manifest goes,
the server itself copies each file to its name, and the new manifest is written. An export that is
cut off leaves the earlier one, or a list by which the next one goes on and tidies up.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llkd.errors import LLKDError, NotFound, StoreError, UserError
from llkd.exporting.curated import checked_folder
from llkd.exporting.manifest import NAME, PROGRAM, manifest_in, read_manifest
from llkd.exporting.manifest_document import Manifest
from llkd.store.objects.address import is_object_address, read_address
from llkd.store.objects.bucket_folder import BucketFolder, each_in_threads

STAGED = ".export-"
LIST = ".export-moving.json"
MOST_MANIFEST = 64 << 20


class FolderDestination:
    """A folder of this machine."""

    def __init__(self, out: str | Path) -> None:
        """Raises UserError where it holds other things."""
        self.path = checked_folder(out)

    def __str__(self) -> str:
        return str(self.path)

    def earlier(self) -> dict[str, Any] | None:
        """The manifest of the export that is there."""
        return manifest_in(self.path)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """The folder to write to."""
        yield self.path

    def place(self, file: Path) -> str:
        """Where a file of the folder is in the end."""
        return str(file)


class BucketDestination:
    """A prefix in object storage; what is written to its folder is sent when all of it is there."""

    def __init__(self, out: str) -> None:
        """Raises UserError where other objects lie there, StoreError where it cannot be read."""
        self._there = BucketFolder(read_address(out))
        names = self._there.names()  # first: a refusal of a listing says its reason
        self._earlier = _manifest_of(self._there)
        strange = [name for name in names if not name.startswith(STAGED)]
        if self._earlier is None and LIST not in names and strange:
            raise UserError(
                f"{self._there.address} holds other objects, which an export must not mix with. "
                "Choose an empty or new prefix with --out."
            )

    def __str__(self) -> str:
        return str(self._there.address)

    def earlier(self) -> dict[str, Any] | None:
        """The manifest of the export that is there."""
        return self._earlier

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder of this machine; what lies in it at the end replaces what is there.

        Raises StoreError where it cannot be sent.
        """
        with tempfile.TemporaryDirectory(prefix="llkd-export-") as temporary:
            self._folder = Path(temporary) / "export"
            yield self._folder
            self._send()

    def place(self, file: Path) -> str:
        """Where a file of the folder is in the end."""
        return f"{self}/{file.relative_to(self._folder).as_posix()}"

    def _send(self) -> None:
        files = {
            path.relative_to(self._folder).as_posix(): path
            for path in sorted(self._folder.rglob("*"))
            if path.is_file()
        }
        manifest = files.pop(NAME)
        staged = f"{STAGED}{secrets.token_hex(8)}"
        try:
            each_in_threads(
                lambda name: self._there.upload(files[name], f"{staged}/{name}"), list(files)
            )
        except StoreError as error:
            raise StoreError(f"{error} What was there before is unchanged.") from error
        self._replace(staged, list(files), manifest, self._names_before(list(files)))

    def _names_before(self, new: Sequence[str]) -> list[str]:
        """Files of earlier exports, also of one that was cut off, that are not in the new one."""
        listed = [*(self._earlier or {"files": {}})["files"]]
        if self._there.size(LIST) is not None:
            listed += _names_in(self._there.read(LIST, MOST_MANIFEST))
        return sorted({name for name in listed if ".." not in name.split("/")} - set(new))

    def _replace(
        self, staged: str, names: list[str], manifest: Path, superseded: list[str]
    ) -> None:
        there = self._there
        try:
            there.write(LIST, json.dumps([*names, *superseded]).encode())
            there.remove(NAME)
            each_in_threads(lambda name: there.copy(f"{staged}/{name}", name), names)
            each_in_threads(there.remove, superseded)
            there.upload(manifest, NAME)
        except StoreError as error:
            raise StoreError(
                f"{error} The export there is not whole, and has no manifest; export again."
            ) from error
        try:
            left = [name for name in there.names() if name.startswith((STAGED, LIST))]
            each_in_threads(there.remove, left)
        except LLKDError:
            return  # the export is whole; the next one tidies up


Destination = FolderDestination | BucketDestination


def destination(out: str | Path) -> Destination:
    """Where to export to. Raises UserError where other things lie there."""
    return BucketDestination(str(out)) if is_object_address(out) else FolderDestination(out)


def manifest_at(place: str | Path) -> Manifest:
    """A manifest to rebuild from: its file or folder, here or in object storage.

    Raises NotFound, StoreError; UserError for what is no manifest of ours.
    """
    if not is_object_address(place):
        return read_manifest(Path(place).expanduser())
    address = read_address(place)
    if address.parted()[1] == NAME:
        address = address.parted()[0]
    there = BucketFolder(address)
    if there.size(NAME) is None:
        raise NotFound(f"There is no manifest at {place}. Name the manifest.json of an export.")
    with tempfile.TemporaryDirectory(prefix="llkd-manifest-") as temporary:
        file = Path(temporary) / NAME
        file.write_bytes(there.read(NAME, MOST_MANIFEST))
        return read_manifest(file)


def _manifest_of(there: BucketFolder) -> dict[str, Any] | None:
    if there.size(NAME) is None:
        return None
    try:
        document = json.loads(there.read(NAME, MOST_MANIFEST))
    except (ValueError, RecursionError):
        return None
    ours = isinstance(document, dict) and document.get("program") == PROGRAM
    return document if ours and isinstance(document.get("files"), dict) else None


def _names_in(content: bytes) -> list[str]:
    """The names in a list that an export left; those that no export writes are left out."""
    try:
        names = json.loads(content)
    except (ValueError, RecursionError):
        return []
    plain = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return [name for name in names if name] if plain else []
