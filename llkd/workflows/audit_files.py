"""Audits labelled elsewhere: the drawn texts as a file, and a file of answers read back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from llkd.config import ClassKey, LabelSet
from llkd.datasets import Records, read_records
from llkd.datasets.checks.columns import find_column, guess_id
from llkd.errors import DataError, NotFound, UserError
from llkd.evaluation.audits import next_rows
from llkd.evaluation.audits.population import checked_name
from llkd.exporting.tables import table_writer
from llkd.store import Audit, Project, Store

CANNOT_TELL = "?"
"""In a file of answers: none of the classes, or cannot tell. It counts as a wrong label."""
BLIND_COLUMNS = ("id", "text", "label")


@dataclass(frozen=True)
class ImportedAnswers:
    """What came of a file: answers stored, those known before, and records without a label."""

    stored: int
    known: int
    blank: int


def write_drawn(
    store: Store, project: Project, audit: Audit, count: int, out: str | Path, who: str
) -> int:
    """Write the next ``count`` texts of a person to a file; returns how many there were.

    ``.csv`` (safe for spreadsheets), ``.jsonl`` or ``.parquet`` with id, text and an empty column
    label: blind, without the teacher's label and its confidence. Raises UserError for another
    ending.
    """
    rows = next_rows(store, audit, who, count)
    write_unlabelled(store, project, rows, out)
    return len(rows)


def write_unlabelled(store: Store, project: Project, rows: list[int], out: str | Path) -> None:
    """Write texts to be labelled elsewhere: id, text and an empty column label."""
    frame = store.projects.texts(project, ["id", "text"]).iloc[rows].reset_index(drop=True)
    with table_writer(Path(out).expanduser().resolve()) as write:
        write(frame.assign(label=pd.Series([""] * len(frame), dtype=object)))


def import_answers(
    store: Store, project: Project, audit: Audit, path: str | Path, who: str
) -> ImportedAnswers:
    """Read answers by id from a file with the columns id and label, and who, if there is one.

    A label is a class by its name, ``?`` for none of them, or empty: not answered yet. All of the
    file is stored or nothing of it. Raises NotFound; DataError naming the first record that cannot
    be used: an id that was not drawn or stands twice, a class that is not there, or another answer
    than the person gave before.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise NotFound(f"There is no file {file} to read answers from.")
    records = read_records(file, named=["id", "label"])
    label_set = store.projects.by_id(project.id).label_set
    if label_set is None:
        raise UserError("This project has no classes yet, so no answer can be one.")
    ids, labels, people = answer_columns(records, who)
    place = _places(store, project, audit)
    known = {
        (answer.place, "" if audit.people == 1 else answer.who): answer.key
        for answer in store.audits.answers(audit)
        if not answer.final
    }
    answers: list[tuple[int, ClassKey | None, str]] = []
    again = blank = 0
    for number, (ident, label, name) in enumerate(zip(ids, labels, people, strict=True)):
        where = f"record {records.number(number)} of {records.name}"
        if not label:
            blank += 1
            continue
        if ident not in place:
            raise DataError(
                f"The id {ident[:60]!r} ({where}) is not among the texts that audit {audit.id} "
                "draws. Only texts that were drawn at random can be counted; nothing was stored."
            )
        key = answer_key(label_set, label, where)
        spot = (place[ident], "" if audit.people == 1 else name)
        if spot not in known:
            answers.append((place[ident], key, name))
            known[spot] = key
        elif known[spot] == key:
            again += 1
        else:
            raise DataError(
                f"The text {ident[:60]!r} ({where}) was answered otherwise before. Nothing was "
                "stored; undo the earlier answer, or take the record out of the file."
            )
    store.audits.answer_all(audit, sorted(answers, key=lambda entry: entry[0]))
    return ImportedAnswers(len(answers), again, blank)


def answer_columns(records: Records, who: str) -> tuple[list[str], list[str], list[str]]:
    """Ids, labels and people, one a record."""
    ident = "id" if "id" in records.columns else guess_id(records)
    if ident is None or "label" not in records.columns:
        raise DataError(
            f"{records.name} needs the columns id and label; its columns are "
            f"{', '.join(records.columns)}."
        )
    ids, labels = (
        [str(value or "").strip() for value in records.table.column(name).to_pylist()]
        for name in (ident, find_column(records, "label", "label"))
    )
    if "who" not in records.columns:
        return ids, labels, [checked_name(who)] * len(ids)
    named = records.table.column("who").to_pylist()
    return ids, labels, [checked_name(str(value or "").strip() or who) for value in named]


def _places(store: Store, project: Project, audit: Audit) -> dict[str, int]:
    """Where in the order of drawing the text of an id stands."""
    ids = store.projects.texts(project, ["id"])["id"].to_numpy()
    return {str(ids[row]): place for place, row in enumerate(store.audits.order(audit))}


def answer_key(label_set: LabelSet, label: str, where: str) -> ClassKey | None:
    """The class that a file names, None for ``?``. Raises DataError for what is neither."""
    label_class = label_set.find(label)
    if label_class is not None:
        return label_class.identity
    if label == CANNOT_TELL:
        return None
    raise DataError(
        f"{label[:60]!r} ({where}) is no class. The classes are {', '.join(label_set.names)}, and "
        f"{CANNOT_TELL} is for none of them. Nothing was stored."
    )
