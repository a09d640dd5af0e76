"""What of an export would go to a hub: the files, their sizes and where in a repository they lie.

Only what the export's own manifest lists goes, byte for byte as it was written. The manifest itself
stays: a prompt in it may hold texts that were not kept, such as examples. The data set gets a short
``curated.json`` in its place, which says by which sum the rows can be told again.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llkd.errors import NotFound, StoreError, UserError
from llkd.exporting.manifest import PROGRAM, manifest_in
from llkd.exporting.placing import sha256

RepoKind = Literal["dataset", "model"]
DATASET: RepoKind = "dataset"
MODEL: RepoKind = "model"
PROVENANCE = "curated.json"
MARK: dict[RepoKind, str] = {DATASET: PROVENANCE, MODEL: "student.json"}
"""The file by which a repository is known for one that was pushed from here.

Pages read this module, and they load no student: a test holds the name against its own.
"""
_FOLDER: dict[RepoKind, str] = {DATASET: "hf", MODEL: "student"}
_ZIP: dict[RepoKind, tuple[str, str]] = {
    DATASET: ("dataset.zip", ""),
    MODEL: ("student.zip", "student/"),
}
_FACTS = ("program", "version", "rows", "rows_sha256", "rows_sha256_rule", "splits", "columns")


@dataclass(frozen=True)
class FileToSend:
    """One file: its path in the repository, its size in bytes, and where it is now.

    ``member`` is its name inside the zip file ``source``; ``words`` are its content where it is in
    no file.
    """

    path: str
    size: int
    source: Path | None = None
    member: str | None = None
    words: bytes | None = None


@dataclass(frozen=True)
class Shipment:
    """All that goes to one repository (``OWNER/NAME``), with remarks for whoever sends it."""

    kind: RepoKind
    name: str
    files: tuple[FileToSend, ...]
    remarks: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def document(self) -> dict[str, Any]:
        """As JSON: kind, repository, files with their bytes, remarks."""
        return {
            "kind": self.kind,
            "repository": self.name,
            "files": [{"path": file.path, "bytes": file.size} for file in self.files],
            "bytes": self.size,
            "remarks": list(self.remarks),
        }


def checked_name(name: str) -> str:
    """A repository as ``OWNER/NAME``. Raises UserError with what the hub's client finds wrong."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    words = name.strip()
    try:
        validate_repo_id(words)
    except HFValidationError:
        words = ""
    if words.count("/") != 1:
        raise UserError(
            f"{name[:100]!r} names no repository of a hub. Write OWNER/NAME: letters, digits, '-', "
            "'_' and '.', 96 of them at most, no '--' or '..', and not '.git' at the end."
        )
    return words


def shipments_of(
    folder: Path, dataset: str | None, model: str | None, *, verify: bool = True
) -> list[Shipment]:
    """What an export's folder would send to the repositories that are named.

    ``verify``: read every file and hold it against the manifest's sums. Raises NotFound where the
    folder holds no export, UserError where it has no such part or a file was altered since.
    """
    if dataset is None and model is None:
        raise UserError(
            "Say where to: a repository for the data set, for the student, or for both."
        )
    manifest = manifest_in(folder)
    if manifest is None:
        raise NotFound(
            f"There is no finished export in {folder}: a folder that holds one has a manifest.json."
        )
    wanted = {DATASET: dataset, MODEL: model}
    shipments = []
    for kind in (DATASET, MODEL):
        name = wanted[kind]
        if name is None:
            continue
        files = _files(folder, manifest, kind, verify)
        if kind == DATASET:
            files.append(_provenance(manifest))
        ordered = tuple(sorted(files, key=lambda file: file.path))
        shipments.append(Shipment(kind, checked_name(name), ordered, _remarks(manifest)))
    return shipments


def parts_of(folder: Path) -> list[RepoKind]:
    """Which of data set and student an export's folder could send."""
    listed = (manifest_in(folder) or {"files": {}})["files"]
    return [
        kind
        for kind in (DATASET, MODEL)
        if _ZIP[kind][0] in listed or any(n.startswith(f"{_FOLDER[kind]}/") for n in listed)
    ]


@contextmanager
def unpacked(shipment: Shipment, stage: Path) -> Iterator[dict[str, Path | bytes]]:
    """Every file of a shipment by its path in the repository; those in a zip lie in ``stage``."""
    places: dict[str, Path | bytes] = {}
    for number, file in enumerate(shipment.files):
        if file.words is not None:
            places[file.path] = file.words
        elif file.source is not None and file.member is not None:
            target = stage / str(number)
            with zipfile.ZipFile(file.source) as archive, archive.open(file.member) as packed:
                with target.open("wb") as out:
                    while block := packed.read(1 << 20):
                        out.write(block)
            places[file.path] = target
        elif file.source is not None:
            places[file.path] = file.source
    yield places


def _files(
    folder: Path, manifest: Mapping[str, Any], kind: RepoKind, verify: bool
) -> list[FileToSend]:
    sums = {str(name): str(total) for name, total in manifest["files"].items()}
    inner = f"{_FOLDER[kind]}/"
    names = [name for name in sums if name.startswith(inner)]
    zip_name, prefix = _ZIP[kind]
    if not names and zip_name not in sums:
        raise UserError(_absent(kind, folder))
    for name in names or [zip_name]:
        _check(folder, name, sums[name] if verify else None)
    if not names:
        return _members(folder / zip_name, prefix)
    return [
        FileToSend(name.removeprefix(inner), (folder / name).stat().st_size, folder / name)
        for name in names
    ]


def _absent(kind: RepoKind, folder: Path) -> str:
    if kind == DATASET:
        return (
            f"The export in {folder} has no data set folder. Export with the format hf or hf-zip "
            "(Data set folder), and push that."
        )
    return (
        f"The export in {folder} has no student. Export what a run trained on, with its student, "
        "and push that."
    )


def _check(folder: Path, name: str, total: str | None) -> None:
    """Raise UserError for a file that is gone, altered, or not inside the folder."""
    path = folder / name
    inside = path.resolve().is_relative_to(folder.resolve())
    if not inside or path.is_symlink() or not path.is_file():
        raise UserError(f"{name!r} of the export in {folder} is gone. Export again.")
    try:
        altered = total is not None and sha256(path) != total
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
    if altered:
        raise UserError(
            f"{name!r} in {folder} is not as the export wrote it, so nothing is sent. Export again."
        )


def _members(path: Path, prefix: str) -> list[FileToSend]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [
                FileToSend(
                    entry.filename.removeprefix(prefix), entry.file_size, path, entry.filename
                )
                for entry in archive.infolist()
                if not entry.is_dir() and entry.filename.startswith(prefix)
            ]
    except (OSError, zipfile.BadZipFile):
        raise UserError(f"{path} cannot be read as a zip file. Export again.") from None


def _provenance(manifest: Mapping[str, Any]) -> FileToSend:
    """What a reader of the data set needs of the manifest: no prompt, no setting, no name.

    Equal rows of one version give equal bytes, so that they need not be sent again.
    """
    facts = {name: manifest[name] for name in _FACTS if name in manifest}
    words = (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode()
    return FileToSend(PROVENANCE, len(words), words=words)


def _remarks(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    certificate = manifest.get("certificate")
    people = certificate.get("people") if isinstance(certificate, Mapping) else None
    if not people:
        return ()
    return (f"The card names who audited the labels: {', '.join(map(str, people))}.",)


def is_of_program(document: object) -> bool:
    """Whether a ``curated.json`` is one of ours."""
    return isinstance(document, dict) and document.get("program") == PROGRAM
