"""The trained student, as a folder or one zip file, with further files in it."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from llkd.errors import UserError
from llkd.store.home import atomic_file, atomic_folder

ExtraFiles = Mapping[str, Path | str]


def write_student(
    student: Path, folder: Path, zipped: bool = False, extra_files: ExtraFiles | None = None
) -> list[Path]:
    """Copy a trained student's folder to ``folder/student``, or to ``folder/student.zip``.

    ``extra_files`` maps names to files, or to words, that are put with it, in place of its own of
    that name. Raises UserError where there is no student.
    """
    if not student.is_dir():
        raise UserError(
            "This run has no finished student yet. Wait for it to finish, or resume it."
        )
    own = {str(f.relative_to(student)): f for f in student.rglob("*") if f.is_file()}
    parts: dict[str, Path | str] = {**own, **(extra_files or {})}
    if zipped:
        path = folder / "student.zip"
        with atomic_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for name, part in sorted(parts.items()):
                if isinstance(part, str):
                    archive.writestr(f"student/{name}", part)
                else:
                    archive.write(part, f"student/{name}")
        return [path]
    with atomic_folder(folder / "student") as temporary:
        for name, part in parts.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(part, str):
                (temporary / name).write_text(part, encoding="utf-8")
            else:
                shutil.copyfile(part, temporary / name)
    return [folder / "student" / name for name in sorted(parts)]
