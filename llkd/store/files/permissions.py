"""Who may read what is written: in a home its owner alone, elsewhere whoever the umask lets.

A home is made with the mode 0700, and all in it is as open as the home itself: one that its owner
opens to a group (``chmod 2770``) stays open to it. An export into a folder of the user's choice is
as open there as any other file that they make.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o700
# It can only be read by setting it: once, before there are threads.
UMASK = os.umask(0o077)
os.umask(UMASK)


_HOMES: set[Path] = set()


def is_home(root: Path) -> None:
    """From now on what is written below this folder is as open as the folder itself."""
    _HOMES.add(root)


def mode_in(folder: Path, *, of_folder: bool = False) -> int:
    """The permissions of a new file, or of a new folder, in this folder."""
    most = (0o777 if of_folder else 0o666) & ~UMASK
    place = folder.resolve()
    for folder_above in (place, *place.parents):
        if folder_above in _HOMES:
            return most & (stat.S_IMODE(folder_above.stat().st_mode) | 0o700)
    return most


def make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it that are missing; returns those that were, upper ones last.

    Raises OSError.
    """
    missing = []
    for folder_above in (folder, *folder.parents):
        if folder_above.exists():
            break
        missing.append(folder_above)
    for folder_above in reversed(missing):
        with suppress(FileExistsError):  # another process was faster
            folder_above.mkdir(mode=mode_in(folder_above.parent, of_folder=True))
    folder.mkdir(exist_ok=True)
    return missing


def make_home(folder: Path) -> None:
    """Make a home for its owner alone; one that is there keeps what its owner gave it."""
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(mode=PRIVATE)
    if not folder.is_dir():
        raise NotADirectoryError(20, "it is no folder", str(folder))


def settle(path: Path, mode: int) -> None:
    """Give a folder this mode, and all in it the same; files without the right to run."""
    path.chmod(mode)
    for inside, folders, files in os.walk(path):
        for name in folders:
            (Path(inside) / name).chmod(mode)
        for name in files:
            if not (Path(inside) / name).is_symlink():
                (Path(inside) / name).chmod(mode & 0o666)


def opener(path: str, flags: int) -> int:
    """For ``open``: a file that is made gets the permissions for its folder."""
    return os.open(path, flags, mode_in(Path(path).parent))


def begin_database(path: Path) -> None:
    """Make an empty file for SQLite, which gives its log beside it the same permissions."""
    with suppress(OSError):  # it is there, or SQLite says better what is wrong
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode_in(path.parent)))
