"""A student's answer to every text of a file, written part by part."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from llkd import exporting
from llkd.datasets import Rows, read_rows
from llkd.errors import NotFound, UserError
from llkd.jobs.progress import Progress
from llkd.selection import signals
from llkd.selection.signals import Floats, Ints
from llkd.store import Project, Run, Store

PART = 2048


def check(run: Run, file: str | Path, out: str | Path | None) -> Path:
    """The table to write: ``out``, or a CSV in this folder named after the file.

    Raises UserError for a run without a student, an ending that no table has, and a table that is
    the file itself; NotFound where there is no such file.
    """
    if not run.student_folder.is_dir():
        raise UserError(f"Run {run.id} has no finished student yet. Wait for it, or resume it.")
    if not Path(file).expanduser().exists():
        raise NotFound(f"There is no file {str(file)!r}.")
    source = Path(file).expanduser().resolve()
    # "texts.csv.gz" and "texts.csv" give the same name, which is what a person expects.
    usual = f"{source.name.partition('.')[0] or source.name.lstrip('.')}-predictions.csv"
    path = Path(out if out is not None else usual).expanduser().resolve()
    if path == source:
        raise UserError(f"{path} is the file to classify. Choose another name with --out.")
    if path.suffix.lower() not in exporting.ENDINGS:
        raise UserError(
            f"The ending of --out says its format: {', '.join(exporting.ENDINGS)}; it was "
            f"{path.name!r}."
        )
    if path.is_dir():
        raise UserError(f"{path} is a folder; --out names a file.")
    return path


def predict_file(
    store: Store,
    project: Project,
    run: Run,
    file: str | Path,
    job: Progress,
    *,
    out: str | Path | None = None,
    text_column: str | None = None,
) -> dict[str, Any]:
    """Classify every record of a file that import can read, and write a table.

    Its columns: id, text, label, confidence and ``prob_<class>`` for each class. No record is left
    out: repeated texts are answered each time, blank ones have no label and are counted. The table
    appears when it is whole. Raises DataError, NotFound, UserError, StoreError.
    """
    from llkd.students import load_saved

    began = time.time()
    path = check(run, file, out)

    def reading(done: int) -> None:
        job.check()
        job.progress(done, None, "Reading the file")

    rows = read_rows(file, text_column=text_column, progress=reading)
    job.progress(0, len(rows), "Loading the student", always=True)
    student = load_saved(run.student_folder)
    names = run.class_names
    counts, total = np.zeros(len(names), dtype=np.int64), 0.0
    job.begin(0, len(rows))
    with exporting.table_writer(path) as write:
        for start in range(0, len(rows), PART):
            texts, blank = _part(rows, start)

            def classified(done: int, base: int = start + blank) -> None:
                job.check()
                job.progress(base + done, len(rows), "Classifying")

            probabilities = student.probabilities(texts, on_batch=classified)
            frame, label = _frame(rows, start, probabilities, names)
            write(frame)
            counts += np.bincount(label, minlength=len(names))
            total += float(probabilities.max(axis=1).sum()) if len(texts) else 0.0
    answered = int(counts.sum())
    job.progress(len(rows), len(rows), "Classifying", always=True)
    result = {
        "run": run.id,
        "file": Path(file).name,
        "out": str(path),
        "text_column": rows.column,
        "rows": len(rows),
        "classified": answered,
        "blank": rows.blank,
        "mean_confidence": total / answered,
        "per_class": {name: int(n) for name, n in zip(names, counts, strict=True)},
        "warnings": list(rows.warnings),
        "seconds": round(time.time() - began, 2),
    }
    store.events.record(project.id, "predict", result)
    return result


def _part(rows: Rows, start: int) -> tuple[list[str], int]:
    """The texts of a part, and how many of its records are blank."""
    part = rows.texts[start : start + PART]
    texts = [text for text in part if text is not None]
    return texts, len(part) - len(texts)


def _frame(
    rows: Rows, start: int, probabilities: Floats, names: list[str]
) -> tuple[pd.DataFrame, Ints]:
    """One part of the table, and the classes of its texts."""
    part = rows.texts[start : start + PART]
    there = np.array([text is not None for text in part])
    spread = np.full((len(part), len(names)), np.nan)
    spread[there] = probabilities
    predicted = signals.pseudo_label(spread)
    labels = np.array([*names, None], dtype=object)[predicted]
    frame = pd.DataFrame(
        {
            "id": pd.Series(rows.ids[start : start + PART], dtype=object),
            "text": pd.Series([text or "" for text in part], dtype=object),
            "label": pd.Series(labels, dtype=object),
            "confidence": signals.confidence(spread),
            **{f"prob_{name}": spread[:, k] for k, name in enumerate(names)},
        }
    )
    return frame, predicted[there]
