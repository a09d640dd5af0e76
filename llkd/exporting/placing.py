"""Finished files of an export on their way into the folder; what a killed one left goes away.

Before the first file moves, the hidden folder that holds them gets a list of all that is to move
and of all that is to make room. An export that is killed meanwhile leaves that list behind: the
next one takes away what the list names, file by file and only where the bytes are still those.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from hashlib import file_digest
from pathlib import Path

from llkd.exporting.manifest import NAME, manifest_in
from llkd.store.files.permissions import make_folder, mode_in
from llkd.store.home import atomic_file, being_written

UNFINISHED = ".export.*.tmp"
LIST = "moving.json"


def place_files(
    files: Sequence[Path], stage: Path, folder: Path, sums: Mapping[str, str]
) -> list[Path]:
    """Move ``files`` from ``stage`` into ``folder``, in place of those of an earlier export there.

    ``sums``: the SHA-256 of each, by its path in the folder. Whoever calls writes the manifest
    afterwards. Raises OSError; then no file has moved that stays.
    """
    for file in files:
        with file.open("rb") as written:
            os.fsync(written.fileno())
    earlier = manifest_in(folder) or {"files": {}}
    with atomic_file(stage / LIST) as temporary:
        record = {"new": dict(sums), "earlier": earlier["files"]}
        temporary.write_text(json.dumps(record), encoding="utf-8", errors="backslashreplace")
    (folder / NAME).unlink(missing_ok=True)
    for name in earlier["files"]:
        path = _inside(folder, name)
        if path is not None:
            path.unlink()
    moved: list[Path] = []
    try:
        for file in files:
            target = folder / file.relative_to(stage)
            make_folder(target.parent)
            file.chmod(mode_in(target.parent))
            os.replace(file, target)
            moved.append(target)
    except OSError:
        for path in moved:
            path.unlink(missing_ok=True)
        raise
    return moved


def was_ours(folder: Path) -> bool:
    """Whether an export that was killed while its files moved had this folder."""
    return any((stage / LIST).is_file() for stage in folder.glob(UNFINISHED))


def unfinished(folder: Path) -> set[Path]:
    """The hidden folders of exports at work or killed."""
    return set(folder.glob(UNFINISHED))


def clear_away(stage: Path, folder: Path) -> None:
    """Take out of ``folder`` what a killed export moved there and did not finish.

    Nothing where the folder has a manifest since: then what is there is complete.
    """
    try:
        record = json.loads((stage / LIST).read_text(encoding="utf-8"))
        listed = [*record["earlier"].items(), *record["new"].items()]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return
    if being_written(stage) or manifest_in(folder) is not None:
        return
    emptied = set()
    for name, total in listed:
        path = _inside(folder, name)
        if path is not None and sha256(path) == total:
            path.unlink()
            emptied |= set(path.parents)
    for inner in sorted(emptied, reverse=True):
        if folder.resolve() in inner.parents and not any(inner.iterdir()):
            inner.rmdir()


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _inside(folder: Path, name: str) -> Path | None:
    """The file of this name in the folder; None where there is none, or it would be outside."""
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
