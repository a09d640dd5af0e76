"""Write a curated set, with a manifest from which the same rows can be made again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llkd.errors import ConfigError, UserError
from llkd.library.labels import Labels
from llkd.library.progress import shown_progress
from llkd.library.selection import Selection
from llkd.library.student import Student
from llkd.library.training import labels_of
from llkd.library.wording import python_words


@dataclass(frozen=True)
class Export:
    """What was written: the folder, its files, and the rows of each split by class."""

    folder: Path
    files: list[Path]
    rows: int
    splits: dict[str, dict[str, int]]
    manifest: Path


def export(
    data: Labels | Selection,
    folder: str | os.PathLike[str],
    *,
    formats: Sequence[str] = ("csv",),
    columns: Sequence[str] | None = None,
    validation: float = 0.0,
    seed: int = 0,
    student: Student | None = None,
    onnx: bool = False,
    progress: bool = True,
) -> Export:
    """Write the kept texts with their labels, and the manifest.

    ``llkd rebuild FOLDER`` makes the same rows again while the home is there.

    Args:
        data: what :meth:`Labels.keep` kept, or all labels.
        folder: a new one, an empty one, or that of an earlier export, which it replaces.
        formats: of ``csv``, ``jsonl``, ``parquet``, ``hf`` (a folder for ``datasets``),
            ``label-studio`` and ``argilla``.
        columns: groups of columns beside the text and its label; by default not gold, not notes.
        validation: the share of a validation split, from 0 to 0.9.
        seed: of the draw of that split.
        student: a student of :func:`train` to put along, with its model card.
        onnx: that student also as ONNX files (needs the extra ``onnx``).
        progress: show a bar.

    Raises:
        UserError: nothing is kept, or the folder holds something else or is an address.
        StoreError: it cannot be written; then what was there before is unchanged.
    """
    labels = labels_of("export", data)
    selection = data if isinstance(data, Selection) else labels.keep()
    if isinstance(formats, str) or isinstance(columns, str):
        raise ConfigError("formats= and columns= are lists of names, such as formats=['csv'].")
    if "://" in os.fspath(folder):
        raise UserError(
            f"export() writes to a folder of this machine, and {os.fspath(folder)!r} is an "
            "address. Name a folder; to object storage writes the command llkd export."
        )
    texts = labels.texts
    if student is not None and not texts.same_project(student.texts):
        raise UserError("student= is a student that train() made of these texts.")
    with python_words():
        from llkd import exporting, workflows

        store, project = texts.workspace.store, texts.record
        groups = exporting.USUAL_GROUPS
        if columns is not None:
            groups = exporting.checked_groups(",".join(columns) or "none")
        with shown_progress(progress) as shown:
            document = workflows.export(
                store,
                project,
                Path(folder),
                selection.selection_rule,
                formats=exporting.checked_formats(",".join(formats)),
                columns=groups,
                validation=validation,
                seed=seed,
                student=student is not None,
                student_run=None if student is None else student.training_run,
                onnx=onnx,
                job=shown,
            )
    return Export(
        folder=Path(document["folder"]),
        files=[Path(file) for file in document["files"]],
        rows=int(document["rows"]),
        splits=document["splits"],
        manifest=Path(document["manifest"]),
    )
