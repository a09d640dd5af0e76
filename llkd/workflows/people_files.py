"""Blind samples labelled elsewhere, and all labels by person as a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llkd.config import ClassKey
from llkd.datasets import read_records
from llkd.errors import DataError, NotFound
from llkd.evaluation import people
from llkd.evaluation.people.samples import checked_person
from llkd.exporting.tables import table_writer
from llkd.store import LabelSample, Project, Store
from llkd.workflows.audit_files import answer_columns, answer_key, write_unlabelled


@dataclass(frozen=True)
class ImportedLabels:
    """What came of a file: labels stored, those known before, and records without a label."""

    stored: int
    known: int
    blank: int


def write_blind(
    store: Store, project: Project, sample: LabelSample, out: str | Path, who: str
) -> int:
    """Write the texts that ``who`` has not labelled yet to a file; returns how many there were.

    ``.csv`` (safe for spreadsheets), ``.jsonl`` or ``.parquet`` with id, text and an empty column
    label: nobody's label and nothing of the teacher. Raises UserError for another ending.
    """
    rows = people.next_rows(store, sample, checked_person(who), len(sample.rows))
    write_unlabelled(store, project, rows, out)
    return len(rows)


def import_blind(
    store: Store, project: Project, sample: LabelSample, path: str | Path, who: str
) -> ImportedLabels:
    """Read second labels by id from a file with the columns id and label, and who, if there is one.

    A label is a class by its name, ``?`` for none of them, or empty: not labelled yet. All of the
    file is stored or nothing of it. Raises NotFound; DataError naming the first record that cannot
    be used; UserError for a first labeller's own text and a person without a name.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise NotFound(f"There is no file {file} to read labels from.")
    records = read_records(file, named=["id", "label"])
    label_set = store.projects.by_id(project.id).label_set
    if label_set is None:
        raise DataError("This project has no classes yet, so no label can be one.")
    ids, labels, names = answer_columns(records, who)
    all_ids = store.projects.texts(project, ["id"])["id"].to_numpy()
    place = {str(all_ids[row]): row for row in sample.rows}
    known = {(entry.row, entry.who): entry.key for entry in store.label_samples.labels(sample)}
    new: list[tuple[int, ClassKey | None, str]] = []
    again = blank = 0
    for number, (ident, label, name) in enumerate(zip(ids, labels, names, strict=True)):
        where = f"record {records.number(number)} of {records.name}"
        if not label:
            blank += 1
            continue
        if ident not in place:
            raise DataError(
                f"The id {ident[:60]!r} ({where}) is not among the texts of blind sample "
                f"{sample.id}. Nothing was stored."
            )
        key = answer_key(label_set, label, where)
        spot = (place[ident], name)
        if spot not in known:
            new.append((place[ident], key, name))
            known[spot] = key
        elif known[spot] == key:
            again += 1
        else:
            raise DataError(
                f"{name} labelled the text {ident[:60]!r} ({where}) otherwise before. Nothing was "
                "stored; undo the earlier label, or take the record out of the file."
            )
    people.second_labels(store, sample, new)
    return ImportedLabels(len(new), again, blank)


def write_labels(store: Store, project: Project, out: str | Path) -> int:
    """Write every person's labels in long form to a file; returns how many there are."""
    frame = people.labels_by_person(store, project).reset_index(drop=True)
    with table_writer(Path(out).expanduser().resolve()) as write:
        write(frame.assign(adjudicated=frame["adjudicated"].astype(int)))
    return len(frame)
