"""Files to import that lie in object storage: fetched into a temporary folder, whole."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from llkd.datasets.files import File
from llkd.errors import NotFound
from llkd.store.objects.address import read_address
from llkd.store.objects.bucket_folder import BucketFolder, each_in_threads


@dataclass(frozen=True)
class FetchedObjects:
    """A file, or a folder of files; they are there as long as ``folder`` is not let go of."""

    file: File
    name: str
    folder: tempfile.TemporaryDirectory[str]


def fetch_objects(place: str) -> FetchedObjects:
    """The object at ``s3://bucket/key``, or all below a prefix, as files with their own names.

    Raises UserError for no address, NotFound where nothing lies there, StoreError where the server
    cannot be asked or not all of it comes.
    """
    above, name = read_address(place).parted()
    folder = tempfile.TemporaryDirectory(prefix="llkd-import-")
    target = Path(folder.name) / "fetched"
    try:
        there = BucketFolder(above)
        if there.size(name) is not None:
            target = target.with_suffix("".join(PurePosixPath(name).suffixes[-2:]))
            there.download(name, target)
        else:
            _fetch_below(place, target)
    except BaseException:
        folder.cleanup()
        raise
    return FetchedObjects(File(str(target), name), name, folder)


def _fetch_below(place: str, target: Path) -> None:
    there = BucketFolder(read_address(place))
    names = [name for name in there.names() if ".." not in PurePosixPath(name).parts]
    if not names:
        raise NotFound(f"There is nothing at {place}. Check the address and its capitals.")
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
    each_in_threads(partial(_fetch, there, target), names)


def _fetch(there: BucketFolder, target: Path, name: str) -> None:
    there.download(name, target / name)
