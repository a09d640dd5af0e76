"""Writing a student where its user wants it, whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from llkd.errors import UserError
from llkd.installation import require
from llkd.jobs.progress import Progress
from llkd.library.texts import Texts
from llkd.store import Run
from llkd.store.home import atomic_folder


def save_student(
    folder: Path, own: Path, texts: Texts | None, run: Run | None, onnx: bool, progress: Progress
) -> Path:
    """Copy the student in ``own``, with its model card and ONNX files where it has a run.

    Raises UserError where ``folder`` holds something that is no saved student.
    """
    from llkd.students.saving import ABOUT

    target = folder.expanduser().resolve()
    if target.exists() and not target.is_dir():
        raise UserError(f"{target} is a file; a student is saved to a folder.")
    if target.is_dir() and any(target.iterdir()) and not (target / ABOUT).is_file():
        raise UserError(
            f"{target} holds something else, which saving would replace. Name a new folder."
        )
    if target == own.resolve():
        return target
    extra_files: Mapping[str, Path | str] = {}
    if texts is not None and run is not None:
        from llkd.workflows import student_export

        store, project = texts.workspace.store, texts.record
        own = student_export.portable_student(run)
        if onnx:
            require("onnx", "A student as ONNX")
        extra_files, _ = student_export.extra_files(store, project, run, onnx, progress)
    elif onnx:
        raise UserError("ONNX files are made of a student of train(), not of a loaded one.")
    sources = {str(f.relative_to(own)): f for f in own.rglob("*") if f.is_file()}
    with atomic_folder(target) as temporary:
        for name, part in {**sources, **extra_files}.items():
            place = temporary / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(part, str):
                place.write_text(part, encoding="utf-8")
            else:
                shutil.copyfile(part, place)
    return target
