"""A project's inbox as a table: texts that its served student sent on, for another project."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Any

import pandas as pd

from llkd import exporting
from llkd.datasets.inbox import empty_inbox
from llkd.errors import UserError
from llkd.exporting.splits import normalised
from llkd.exporting.tables import table_writer
from llkd.store import Project, Store
from llkd.store.inbox import InboxEntry, inbox_of

PART = 2000
COLUMNS = (
    "id",
    "text",
    "label",
    "labelled_by",
    "student_label",
    "student_confidence",
    "reason",
    "times",
    "first",
)


def inbox_document(store: Store, project: Project, newest: int = 5) -> dict[str, Any]:
    """What is in the inbox: counts, and the newest texts."""
    inbox = inbox_of(store.home, project.id)
    try:
        counts = inbox.counts()
        last: deque[InboxEntry] = deque(inbox.entries(), maxlen=newest)
    finally:
        inbox.close()
    names = _names(project)
    return {
        "project": project.name,
        "texts": counts.texts,
        "repeats": counts.repeats,
        "left_out": counts.left_out,
        "full": counts.full,
        "newest": [_line(entry, names) for entry in last],
    }


def write_inbox(
    store: Store, project: Project, out: str | Path, *, clear: bool = False
) -> dict[str, Any]:
    """Write the inbox as a table that an import takes; ``clear`` then forgets what it held.

    Texts that read the same as one of the project are left out and counted. ``label`` is the
    teacher's, by its name of today; nothing for a text that it did not answer. Raises UserError
    where there is nothing to write, or for an ending that no table has.
    """
    path = Path(out).expanduser().resolve()
    if path.suffix.lower() not in exporting.ENDINGS:
        raise UserError(
            f"The ending of --out says its format: {', '.join(exporting.ENDINGS)}; it was "
            f"{path.name!r}."
        )
    inbox = inbox_of(store.home, project.id)
    try:
        if not inbox.counts().texts:
            raise UserError(empty_inbox(project))
        texts = store.projects.texts(project, ["text"])["text"]
        known = {normalised(str(text)) for text in texts}
        names = _names(project)
        numbers: list[int] = []
        written = labelled = 0
        part: list[dict[str, Any]] = []
        with table_writer(path) as write:
            for entry in inbox.entries():
                numbers.append(entry.number)
                if normalised(entry.text) in known:
                    continue
                line = _line(entry, names)
                labelled += line["label"] is not None
                written += 1
                part.append(line)
                if len(part) >= PART:
                    write(_frame(part))
                    part = []
            if part or not written:
                write(_frame(part))
        removed = inbox.remove(numbers) if clear else 0
    finally:
        inbox.close()
    return {
        "project": project.name,
        "out": str(path),
        "texts": written,
        "labelled": labelled,
        "known": len(numbers) - written,
        "cleared": removed,
    }


def _names(project: Project) -> dict[str, str]:
    """Today's name of each class, by every key that stands for it."""
    label_set = project.label_set
    if label_set is None:
        return {}
    return {key: label_set.names[place] for key, place in label_set.places.items()}


def _line(entry: InboxEntry, names: dict[str, str]) -> dict[str, Any]:
    label = None if entry.teacher_label is None else names.get(entry.teacher_label)
    return {
        "id": f"served-{entry.number}",
        "text": entry.text,
        "label": label,
        "labelled_by": None if label is None else "teacher",
        "student_label": names.get(entry.student_label),
        "student_confidence": round(entry.confidence, 6),
        "reason": entry.reason,
        "times": str(entry.times),
        "first": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.first)),
    }


def _frame(lines: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    return frame.astype({"student_confidence": "float64"})
