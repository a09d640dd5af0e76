"""Backups in object storage: a copy of a home is sent whole, its list last, and taken back whole.

The list (``backup.json``) holds name, size and SHA-256 of every file. A prefix without it holds no
backup, whatever lies there; so a backup that is cut off is none, and restoring one that is damaged
puts nothing into place.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path, PurePosixPath
from typing import Any

from llkd.errors import NotFound, StoreError, UserError, in_words
from llkd.exporting import sha256
from llkd.maintenance.backups import backup
from llkd.maintenance.doctor import examine
from llkd.store.home import Home, atomic_folder
from llkd.store.objects.address import read_address
from llkd.store.objects.bucket_folder import BucketFolder, each_in_threads

LIST = "backup.json"
PROGRAM = "LLKD Studio"
MOST_LIST = 256 << 20


def backup_to(home: str | Path | None, place: str) -> dict[str, Any]:
    """Copy a home to ``s3://bucket/prefix``; returns the same as :func:`backup`.

    The copy is first made and examined in a temporary folder of this machine. Raises UserError
    where objects lie there already, StoreError where it cannot be sent: then there is no backup.
    """
    began, there = time.monotonic(), BucketFolder(read_address(place))
    if there.names():
        raise UserError(f"{there.address} holds objects already. Choose a new prefix.")
    with tempfile.TemporaryDirectory(prefix="llkd-backup-") as temporary:
        copy = Path(temporary) / "home"
        document = backup(home, copy)
        _send(there, copy)
    seconds = round(time.monotonic() - began, 2)
    return {**document, "folder": str(there.address), "seconds": seconds}


def _send(there: BucketFolder, copy: Path) -> None:
    files = {path.relative_to(copy).as_posix(): path for path in copy.rglob("*") if path.is_file()}
    each_in_threads(lambda name: there.upload(files[name], name), sorted(files))
    listed = {
        name: {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for name, path in sorted(files.items())
    }
    folders = sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_dir())
    document = {"program": PROGRAM, "backup": 1, "folders": folders, "files": listed}
    there.write(LIST, json.dumps(document, ensure_ascii=False).encode())


def restore(place: str, target: str | Path) -> dict[str, Any]:
    """Make the home of a backup at ``s3://bucket/prefix`` again, as the new folder ``target``.

    Returns what was restored and what an examination says. The folder appears when every file is
    there with its recorded sum. Raises NotFound where there is no backup, UserError for a target
    that holds something, StoreError where a file is missing or damaged.
    """
    began, folder = time.monotonic(), Path(target).expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} holds something already. Choose a new or empty folder.")
    there = BucketFolder(read_address(place))
    document = list_of_backup(there)
    files = document["files"]
    try:
        with atomic_folder(folder, private=True) as home:
            for name in [*document["folders"], *(str(PurePosixPath(n).parent) for n in files)]:
                (home / name).mkdir(parents=True, exist_ok=True)
            each_in_threads(lambda name: _fetch(there, name, home, files[name]), list(files))
            report = examine(Home(home, own_database=True))
    except OSError as error:
        why = in_words(error) or f"{error.strerror or error}."
        raise StoreError(f"The home {folder} could not be written. {why}") from error
    return {
        "folder": str(folder),
        "from": str(there.address),
        "files": len(files),
        "bytes": sum(entry["bytes"] for entry in files.values()),
        "projects": report.projects,
        "faults": len(report.faults),
        "findings": [finding.document() for finding in report.findings],
        "seconds": round(time.monotonic() - began, 2),
    }


def _fetch(there: BucketFolder, name: str, home: Path, entry: dict[str, Any]) -> None:
    if there.download(name, home / name) != entry["sha256"]:
        raise StoreError(
            f"{there.address}/{name} is not the file that was backed up. Nothing was restored; "
            "take another backup."
        )


def list_of_backup(there: BucketFolder) -> dict[str, Any]:
    """The ``folders`` of a backup and its ``files``, with bytes and sha256 of each.

    Raises NotFound where there is none, UserError for a list that is none of ours.
    """
    if there.size(LIST) is None:
        raise NotFound(f"There is no whole backup at {there.address}: it has no {LIST}.")
    try:
        document = json.loads(there.read(LIST, MOST_LIST))
        names = [*document["folders"], *document["files"]]
        whole = document["program"] == PROGRAM and all(
            isinstance(entry["sha256"], str) and isinstance(entry["bytes"], int)
            for entry in document["files"].values()
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{there.address}/{LIST} cannot be read: {error}.") from None
    if not whole or not all(map(_is_inside, names)):
        raise UserError(f"{there.address}/{LIST} is no list of a backup of {PROGRAM}.")
    return dict(document)


def _is_inside(name: str) -> bool:
    """Whether a name leads nowhere but below the home."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\0" not in name
