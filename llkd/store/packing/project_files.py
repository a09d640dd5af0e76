"""The files of a project that go along with it, and what they are called under other numbers.

Left out are locks and half-written files of processes, uploads that jobs read, what was found
damaged, folders that no record names, and what is made again at first use (ONNX, copies of old
students for other programs). The code beside a student's weights stays here too: who takes the
project in writes its own.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from llkd.errors import StoreError
from llkd.store.cost_ledger import Ledger
from llkd.store.engine.read_only import read_only_connection
from llkd.store.files.score_files import DAMAGED
from llkd.store.home import Home
from llkd.store.inbox import Inbox
from llkd.store.packing.numbers import AUDITS, PASSES, RUNS, Numbers

FOLDERS = {"labels": PASSES, "runs": RUNS, "audits": AUDITS}
"""Folders of a project whose own folders are called by the numbers of records."""
EMBEDDINGS, PROBES, SERVED = "embeddings", "probes", "served"
LEFT_OUT = {"uploads", "locks", "languages"}
OF_A_RUN_LEFT_OUT = {"onnx", "student-portable", "config.json"}
"""Made again: the first two when they are needed, the settings from the run's record."""
CODE = ".py"
_LOGS = ("-wal", "-shm", "-journal")
SAFE = re.compile(r"[A-Za-z0-9_+=,@-][A-Za-z0-9._+=,@-]{0,150}")
"""What every part of the path of a packed file is like."""
ENDINGS = {
    ".parquet", ".safetensors", ".json", ".jsonl", ".db", ".txt", ".md", ".model", ".jinja",
    ".bpe", ".tiktoken", ".vocab",
}  # fmt: skip
"""What packed files are: data, read by readers of ours and never run."""
_DATABASE = ".db"


@dataclass(frozen=True)
class ProjectFile:
    """One file: where it lies, and its name below the project's folder, with slashes."""

    path: Path
    name: str

    @property
    def is_database(self) -> bool:
        """Whether it is a SQLite file, which others may be writing."""
        return self.name.endswith(_DATABASE)


def project_files(
    home: Home, project_id: int, known: dict[str, set[int]], *, embeddings: bool = True
) -> list[ProjectFile]:
    """The files that go along, sorted by name.

    ``known``: the numbers that records have, by table. Raises StoreError for a file of ours under
    a name that no file of ours has.
    """
    folder = home.project(project_id)
    files = [
        ProjectFile(path, path.relative_to(folder).as_posix())
        for path in _walked(folder)
        if not _stays(PurePosixPath(path.relative_to(folder).as_posix()), known, embeddings)
    ]
    for file in files:
        if not is_safe(file.name):
            raise StoreError(
                f"{file.path} has a name that no file of a project has. Move it out of the home, "
                "then pack the project again."
            )
    return sorted(files, key=lambda file: file.name)


def is_safe(name: str) -> bool:
    """Whether a packed file may have this name: plain parts, no way up, data that is never run."""
    parts = name.split("/")
    plain = all(SAFE.fullmatch(part) for part in parts) and len(parts) <= 8
    return plain and PurePosixPath(name).suffix in ENDINGS


def place_of(name: str, numbers: Numbers) -> str:
    """A file's name below the folder of the project that has other numbers.

    Raises StoreError for a file of a record that is not there.
    """
    parts = name.split("/")
    if parts[0] in FOLDERS:
        number = int(parts[1]) if len(parts) > 2 and parts[1].isdecimal() else 0
        place = numbers.of(FOLDERS[parts[0]], number)
        if not place:
            raise StoreError(f"{name} belongs to no record.")
        return "/".join([parts[0], str(place), *parts[2:]])
    if parts[0] == PROBES and len(parts) == 2:
        # A probe's name begins with the number of the labelling run whose labels it learned.
        run, dash, rest = parts[1].partition("-")
        if dash and run.isdecimal():
            return f"{PROBES}/{numbers.of(PASSES, int(run))}{dash}{rest}"
    return name


def renumber_folder(folder: Path, numbers: Numbers) -> None:
    """Give everything in a project's folder the names under its new numbers.

    What belongs to no record is refused by :func:`place_of`.
    """
    names = [path.relative_to(folder).as_posix() for path in _walked(folder)]
    moves = {name: place_of(name, numbers) for name in names}
    aside = folder / ".renumbered"
    for name, place in moves.items():
        if name != place:
            _move(folder / name, aside / place)
    for path in list(_walked(aside)) if aside.exists() else []:
        _move(path, folder / path.relative_to(aside))
    for inside, _, _ in os.walk(folder, topdown=False):
        if not any(Path(inside).iterdir()):
            Path(inside).rmdir()
    folder.mkdir(exist_ok=True)
    inbox = folder / SERVED / "inbox.db"
    if inbox.exists():
        with closing(sqlite3.connect(inbox, isolation_level=None)) as file:
            runs = {run for (run,) in file.execute("SELECT DISTINCT run FROM texts")}
            file.execute("BEGIN")
            for run in runs:  # below zero first: a new number may be an old one of another
                file.execute(
                    "UPDATE texts SET run = ? WHERE run = ?", (-1 - _of(run, numbers), run)
                )
            file.execute("UPDATE texts SET run = -1 - run WHERE run < 0")
            file.execute("COMMIT")


def copy_database(source: Path, target: Path) -> None:
    """A snapshot of a SQLite file that others may be writing. Raises StoreError."""
    try:
        with (
            closing(read_only_connection(source, 60.0)) as old,
            closing(sqlite3.connect(target, isolation_level=None)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise StoreError(
            f"{source} cannot be copied ({error}). See what can be saved with: llkd doctor"
        ) from error


def check_database_file(path: Path, scratch: Path) -> None:
    """Raise StoreError where a SQLite file holds other tables than ours, or is not whole.

    A file of a stranger may hold triggers and views, which would run as soon as it is used.
    ``scratch``: an empty folder for files to compare with.
    """
    allowed = set()
    Ledger(scratch / "account.db").close()
    journal = Ledger(scratch / "journal.db")
    journal.batch_journal().close()
    journal.close()
    inbox = Inbox(scratch / "inbox.db")
    with inbox._open():
        pass
    inbox.close()
    for ours in scratch.glob("*.db"):
        allowed |= _tables(ours)
    try:
        tables = _tables(path)
        with closing(read_only_connection(path)) as file:
            file.execute("PRAGMA trusted_schema=OFF")
            whole = [row[0] for row in file.execute("PRAGMA integrity_check(1)")] == ["ok"]
    except sqlite3.Error as error:
        raise StoreError(f"{path.name} is no account of ours ({error}).") from error
    if tables - allowed or not whole:
        raise StoreError(f"{path.name} is no account of ours, or is damaged.")


def _tables(path: Path) -> set[tuple[str, str, str | None]]:
    with closing(read_only_connection(path)) as file:
        file.execute("PRAGMA trusted_schema=OFF")
        return set(file.execute("SELECT type, name, sql FROM sqlite_master").fetchall())


def _of(run: object, numbers: Numbers) -> int:
    number = numbers.of(RUNS, run)
    return number if isinstance(number, int) else 0


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(path, target)


def _walked(folder: Path) -> Iterator[Path]:
    """Every file below a folder; neither links nor what lies in folders that begin with a dot."""
    for inside, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(inside) / name
            if not name.startswith(".") and not path.is_symlink():
                yield path


def _stays(name: PurePosixPath, known: dict[str, set[int]], embeddings: bool) -> bool:
    """Whether a file is left out."""
    parts = name.parts
    if parts[0] in LEFT_OUT or (parts[0] == EMBEDDINGS and not embeddings):
        return True
    if name.name in ("lock", "beat") or name.name.endswith((".lock", DAMAGED, CODE, *_LOGS)):
        return True
    if any(part.endswith(".parts") for part in parts):  # of embeddings that are being made
        return True
    if parts[0] not in FOLDERS or len(parts) < 2:
        return False
    number = parts[1]
    if not number.isdecimal() or int(number) not in known.get(FOLDERS[parts[0]], set()):
        return True
    return parts[0] == "runs" and len(parts) > 2 and parts[2] in OF_A_RUN_LEFT_OUT
