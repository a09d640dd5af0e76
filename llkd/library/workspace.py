"""The home that objects of the library work in: a person's own, or a temporary one.

A temporary home lives as long as any object that was made in it, and is removed with the last of
them or when Python ends; what a killed process leaves goes with the next one. Weights that have to
be converted once are kept outside it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
import weakref
from contextlib import suppress
from pathlib import Path

from llkd.errors import StoreError
from llkd.installation import prepare_libraries
from llkd.models.sources import shared_cache_folder
from llkd.store import Store
from llkd.store.home import being_written

_PREFIX = "llkd-home-"
_YOUNG_SECONDS = 60.0
"""Within these a home may have been made and not be held yet."""
PROJECT = "texts"
"""What the one project of a temporary home is called."""


class Workspace:
    """An open home. ``temporary`` says whether it goes with the objects that were made in it."""

    def __init__(self, store: Store, *, held: int | None = None) -> None:
        """Use :func:`open_workspace`. ``held`` is the open file that marks a temporary home."""
        self.store = store
        self.temporary = held is not None
        self._end = weakref.finalize(self, _end, store, held, os.getpid())

    @property
    def root(self) -> Path:
        """The folder of the home."""
        return self.store.home.root

    def close(self) -> None:
        """Let go of the database, and remove a temporary home now."""
        self._end()


def open_workspace(home: str | os.PathLike[str] | None, *, temporary: bool) -> Workspace:
    """The home in the folder ``home`` (LLKD_HOME, else ``workspace``), or a new temporary one.

    Raises StoreError where it cannot be written.
    """
    prepare_libraries()
    if not temporary:
        return Workspace(Store(None if home is None else os.fspath(home)))
    try:
        _clear_orphans()
        root = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
        held = os.open(root, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
    except OSError as error:
        raise StoreError(
            f"There is no room for a temporary home ({error.strerror}). Free some space in "
            f"{tempfile.gettempdir()}, or name a folder with home= and project=."
        ) from error
    try:
        workspace = Workspace(Store(root, own_database=True), held=held)
    except BaseException:
        os.close(held)
        shutil.rmtree(root, ignore_errors=True)
        raise
    _share_weights(root)
    return workspace


def _clear_orphans() -> None:
    """Remove temporary homes of processes that were killed: nobody holds them any more."""
    for root in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            old = time.time() - root.stat().st_mtime > _YOUNG_SECONDS
            if old and root.stat().st_uid == os.getuid() and not being_written(root):
                shutil.rmtree(root, ignore_errors=True)


def _share_weights(root: Path) -> None:
    """Keep converted weights where every temporary home finds them: they take some 300 MB."""
    with suppress(OSError):  # then they are converted in the temporary home
        shared = shared_cache_folder()
        shared.mkdir(parents=True, exist_ok=True)
        (root / "cache").mkdir(exist_ok=True)
        (root / "cache" / "models").symlink_to(shared, target_is_directory=True)


def _end(store: Store, held: int | None, owner: int) -> None:
    if os.getpid() != owner:  # a fork ends before its parent, which still works here
        return
    store.close()
    if held is not None:
        shutil.rmtree(store.home.root, ignore_errors=True)
        os.close(held)
