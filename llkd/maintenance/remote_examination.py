"""Whether an export or a backup in object storage is whole, without taking it anywhere."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from llkd.errors import NotFound, StoreError
from llkd.exporting import manifest_at
from llkd.maintenance.findings import Finding, Report
from llkd.maintenance.remote_backups import LIST, list_of_backup
from llkd.store.objects.address import read_address
from llkd.store.objects.bucket_folder import BucketFolder, each_in_threads

MEANS = {
    "export": "The export is not whole. Export again to the same prefix.",
    "backup": "The backup cannot be restored. Make another, under a new prefix.",
}


def examine_objects(place: str, *, deep: bool = False) -> dict[str, Any]:
    """Look at every file that an export or backup at ``s3://bucket/prefix`` lists.

    ``deep`` reads each and compares its sum. Raises NotFound where there is neither, StoreError
    where the server cannot be asked.
    """
    there = BucketFolder(read_address(place))
    kind, files = _listed(there)
    report = Report(Path(), projects=0, files=len(files))
    each_in_threads(partial(_look, there, kind, files, report, deep), sorted(files))
    report.findings.sort(key=lambda finding: finding.where)
    return {**report.document(), "home": str(there.address)}


def _listed(there: BucketFolder) -> tuple[str, dict[str, tuple[int | None, str]]]:
    """Whether an export or a backup is there; bytes, where they are known, and sum of each file."""
    if there.size(LIST) is not None:
        files = list_of_backup(there)["files"]
        return "backup", {name: (each["bytes"], each["sha256"]) for name, each in files.items()}
    try:
        manifest = manifest_at(str(there.address))
    except NotFound:
        raise NotFound(
            f"There is no whole export or backup at {there.address}: it has neither manifest.json "
            f"nor {LIST}."
        ) from None
    return "export", {name: (None, total) for name, total in manifest.files.items()}


def _look(
    there: BucketFolder,
    kind: str,
    files: dict[str, tuple[int | None, str]],
    report: Report,
    deep: bool,
    name: str,
) -> None:
    expected, total = files[name]
    size = there.size(name)
    what = None
    if size is None:
        what = "It is missing."
    elif expected is not None and size != expected:
        what = f"It has {size:,} bytes, and {expected:,} were written."
    elif deep:
        try:
            what = None if there.sum_of(name) == total else "It is not what was written."
        except StoreError as error:
            what = str(error)
    if what is not None:
        report.findings.append(Finding("object", "error", name, what, MEANS[kind]))
