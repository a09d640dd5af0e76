"""A curated set, the student and the manifest, written where people take them from.

All of it is made in a hidden folder inside the wanted one, and moved into place when it is whole;
the manifest comes last. So a folder with a manifest is complete, and one whose export was stopped
or killed has none.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from llkd import __version__
from llkd.errors import StoreError, UserError
from llkd.exporting.formats import Progress, write_rows
from llkd.exporting.json_rows import ROWS_RULE
from llkd.exporting.manifest import (
    NAME,
    PROGRAM,
    REBUILDABLE,
    environment,
    manifest_in,
    portable,
    write_manifest,
)
from llkd.exporting.manifest_document import Manifest
from llkd.exporting.placing import clear_away, place_files, sha256, unfinished, was_ours
from llkd.exporting.student import ExtraFiles, write_student
from llkd.store.files.permissions import make_folder
from llkd.store.home import being_written, held

NOTES = [
    "In CSV a cell that a spreadsheet could take for a formula (= + - @, full-width ones too, also "
    "behind spaces or quotes; a tab or a line end) has ' in front, so that no spreadsheet runs it, "
    "and so has what follows a semicolon, tab or line end inside a text. Importing the CSV into "
    "LLKD Studio takes these quotes away again. JSONL and Parquet hold the texts exactly.",
    "A folder with this file is complete: it is written last.",
]


def checked_folder(out: str | Path) -> Path:
    """The folder to write to. Raises UserError where it holds other things already."""
    folder = Path(out).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; an export needs a folder. Choose another --out.")
    if folder.is_dir() and manifest_in(folder) is None and not was_ours(folder):
        if set(folder.iterdir()) - unfinished(folder):
            raise UserError(
                f"The folder {folder} holds other files, which an export must not mix with. "
                "Choose an empty or new folder with --out."
            )
    return folder


def write_curated(
    table: pa.Table,
    folder: Path,
    formats: Sequence[str],
    class_names: Sequence[str],
    manifest: Mapping[str, Any],
    student: Path | None = None,
    zip_student: bool = False,
    extra_files: ExtraFiles | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Write the rows in every format, the student, then ``manifest.json`` with SHA-256 sums.

    The files of an earlier export there go when the new ones are whole. ``student`` is the folder
    of a trained one, ``extra_files`` what goes with it (see :func:`write_student`). ``progress``
    may raise to stop: then all is as it was.
    Raises StoreError; UserError for a student that is not there, before anything is written.
    """
    if student is not None and not student.is_dir():
        raise UserError(
            "This run has no finished student yet. Wait for it to finish, resume it, or leave the "
            "student out."
        )
    contents = portable(manifest)
    with staged_folder(folder) as stage:
        files, total = write_rows(
            table, stage, formats, class_names, contents, progress or (lambda *_: None)
        )
        if student is not None:
            files += write_student(student, stage, zip_student, extra_files)
        sums = {file.relative_to(stage).as_posix(): sha256(file) for file in files}
        document = {
            "program": PROGRAM,
            "version": __version__,
            "manifest": REBUILDABLE,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "environment": environment(),
            **contents,
            "rows": table.num_rows,
            "rows_sha256": total,
            "rows_sha256_rule": ROWS_RULE,
            "files": sums,
            "notes": NOTES,
        }
        moved = place_files(files, stage, folder, sums)
        write_manifest(folder / NAME, document)
    return [*moved, folder / NAME]


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder to write in, gone afterwards, with what a killed export left of its own."""
    new = not folder.exists()
    try:
        make_folder(folder)
        for leftover in unfinished(folder):
            if not being_written(leftover):
                clear_away(leftover, folder)
                shutil.rmtree(leftover, ignore_errors=True)
        stage = Path(tempfile.mkdtemp(dir=folder, prefix=".export.", suffix=".tmp"))
    except OSError as error:
        raise StoreError(f"Cannot make the folder {folder}: {error.strerror}.") from error
    try:
        with held(stage):
            yield stage
    except OSError as error:
        raise StoreError(
            f"Cannot write the export to {folder}: {error.strerror or error}. "
            "Nothing of it is kept."
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if new and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def write_again(
    table: pa.Table,
    folder: Path,
    manifest: Manifest,
    class_names: Sequence[str],
    check: Callable[[str, list[str]], None],
) -> list[Path]:
    """Write the rows as the manifest of an earlier export says, with that manifest.

    ``check`` is given the sum of the rows and the names of files that came out unlike the earlier
    ones, and may raise: then nothing is kept. A student is not written again.
    """
    with staged_folder(folder) as stage:
        document = manifest.document()
        formats = list(manifest.options.formats)
        files, total = write_rows(table, stage, formats, class_names, document, lambda *_: None)
        sums = {file.relative_to(stage).as_posix(): sha256(file) for file in files}
        check(total, [name for name, sha in sums.items() if manifest.files.get(name) != sha])
        moved = place_files(files, stage, folder, sums)
        write_manifest(folder / NAME, manifest.with_files(sums))
    return [*moved, folder / NAME]
