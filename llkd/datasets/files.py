"""What a person names for one import, file by file: files, folders, and the tables of an archive.

A folder is read to any depth in the order of its names. No link out of it is followed; hidden
files, what an operating system left there and files of other kinds are left out and told.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llkd.datasets.limits import MAX_FILES
from llkd.datasets.readers.containers import base_name, is_junk, zip_members
from llkd.datasets.readers.signatures import ENDINGS, SUPPORTED, ending
from llkd.datasets.wording import count, listed, plain, quoted
from llkd.errors import DataError

_SYSTEM = ("/proc", "/sys", "/dev")


@dataclass(frozen=True)
class File:
    """A file or folder to import; ``name`` is its own name where ``path`` is a temporary copy."""

    path: str
    name: str | None = None


@dataclass(frozen=True)
class Part:
    """One table to read: a file, or a member of a zip archive. ``label`` names it to a person."""

    path: str
    name: str
    member: str | None = None

    @property
    def label(self) -> str:
        """``reviews.csv``, ``2024/reviews.csv`` or ``all.zip/reviews.csv``."""
        return self.name if self.member is None else f"{self.name}/{self.member}"


@dataclass(frozen=True)
class TableParts:
    """The tables of one import, and what to tell about what was left out."""

    parts: tuple[Part, ...]
    warnings: tuple[str, ...] = ()


def find_parts(files: Sequence[File]) -> TableParts:
    """Every table in the files and folders, in their order.

    Raises:
        NotFound: there is no such file or folder.
        DataError: there is nothing to read, an archive is damaged, or a link leads elsewhere.
    """
    named: list[tuple[str, str]] = []
    warnings: list[str] = []
    for file in files:
        path = Path(file.path)
        if _is_folder(path):
            inside, folder_warnings = _in_folder(path, file.name or path.name)
            named += inside
            warnings += folder_warnings
        else:
            named.append((str(path), base_name(path, file.name)))
    named = _with_distinct_names(named)
    if len(named) > MAX_FILES:
        raise DataError(
            f"There are {len(named):,} files, but at most {MAX_FILES:,} can be imported at once. "
            "Join them, or import a part."
        )
    parts: list[Part] = []
    for where, name in named:
        members = zip_members(where, name)
        if members is None or len(members.tables) == 1:
            parts.append(Part(where, name))
            continue
        parts += [Part(where, name, table) for table in members.tables]
        warnings += members.warnings
    if not parts:
        raise DataError("There is no file to import. Name at least one.")
    if len(parts) > MAX_FILES:
        raise DataError(
            f"There are {len(parts):,} tables, but at most {MAX_FILES:,} can be imported at once. "
            "Join them, or import a part."
        )
    return TableParts(tuple(parts), tuple(warnings))


def inside(path: str | Path, root: str | Path) -> Path:
    """The real path of ``path``, taken from ``root`` where it is relative.

    Raises:
        DataError: it lies outside ``root``, with every link followed.
    """
    real_root = Path(root).expanduser().resolve()
    try:
        real = (real_root / Path(path).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError):
        real = Path("/")
    if real != real_root and real_root not in real.parents:
        raise DataError(
            f"{quoted(path, 200)} is not inside {quoted(real_root, 200)}, the only folder that "
            "this server imports from. Put the file there, or upload it."
        )
    return real


def refuse_special(path: Path) -> None:
    """Raise DataError for what is no ordinary file or folder: a device, a pipe, a kernel file."""
    try:
        real = path.resolve()
        kind = real.stat().st_mode
    except (OSError, RuntimeError, ValueError):
        return  # a missing file is the reader's to complain about
    system = any(str(real) == top or str(real).startswith(top + "/") for top in _SYSTEM)
    if system or not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise DataError(
            f"{quoted(path, 200)} is no ordinary file. Choose a file of texts, or a folder of them."
        )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _in_folder(folder: Path, name: str) -> tuple[list[tuple[str, str]], list[str]]:
    root = folder.resolve()
    read: list[str] = []
    others: list[str] = []
    for relative in _below(root, name):
        suffix = ending(relative)
        (read if suffix in ENDINGS or suffix == ".zip" else others).append(relative)
    tables = [relative for relative in read if ENDINGS.get(ending(relative)) != "text"]
    if tables and len(tables) < len(read):
        others += [relative for relative in read if relative not in set(tables)]
        read = tables
    if not read:
        held = f" but {listed([quoted(o) for o in others], 5)}" if others else ""
        raise DataError(
            f"The folder {quoted(name)} holds no table{held}. Supported are {SUPPORTED}."
        )
    warnings = []
    if others:
        single = len(others) == 1
        warnings.append(
            f"{count(len(others), 'file')} of the folder {quoted(name)} "
            f"{'was' if single else 'were'} left out, as no table: "
            f"{listed([quoted(o) for o in sorted(others)], 5)}."
        )
    return [(str(root / relative), relative) for relative in read], warnings


def _below(root: Path, name: str) -> list[str]:
    """Files below a folder by relative path, sorted; hidden ones and leftovers aside."""
    file_paths: list[str] = []

    def failed(error: OSError) -> None:
        raise DataError(
            f"The folder {quoted(error.filename, 200)} cannot be read: {error.strerror}. Check its "
            "permissions."
        )

    for folder, folders, files in os.walk(root, onerror=failed):
        links = [f for f in folders if os.path.islink(os.path.join(folder, f))]
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in links)
        for file in sorted(files + links):
            path = Path(folder, file)
            relative = path.relative_to(root).as_posix()
            if file.startswith(".") or is_junk(relative):
                continue
            if path.is_symlink() and root not in path.resolve().parents:
                raise DataError(
                    f"The folder {quoted(name)} holds the link {quoted(relative)}, which leads out "
                    "of it, so nothing was read. Remove the link, or put the file itself there."
                )
            if path.is_dir():  # a link to a folder that is read anyhow
                continue
            refuse_special(path)
            file_paths.append(relative)
            if len(file_paths) > MAX_FILES:
                raise DataError(
                    f"The folder {quoted(name)} holds more than {MAX_FILES:,} files. Choose a "
                    "folder that holds only what is to be imported."
                )
    return file_paths


def _with_distinct_names(files: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Paths with names of their own: equal ones get their folder before them, or a number.

    Raises:
        DataError: the same file stands there twice.
    """
    names_so_far: set[str] = set()
    used_names: set[str] = set()
    renamed_files: list[tuple[str, str]] = []
    for where, name in files:
        real = os.path.realpath(where)
        if real in names_so_far:
            raise DataError(
                f"{plain(name)} is named twice. Name each file once; a text that should count "
                "twice needs a file of its own."
            )
        names_so_far.add(real)
        path = Path(where)
        if name in used_names and path.name == name:
            name = f"{path.parent.name}/{name}"
        unique, number = name, 2
        while unique in used_names:
            unique = f"{name} ({number})"
            number += 1
        used_names.add(unique)
        renamed_files.append((where, unique))
    return renamed_files
