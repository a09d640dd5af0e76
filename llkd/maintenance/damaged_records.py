"""Records of the database with values that cannot be read: named, and mended where nothing is lost.

A value is put back from where it stands a second time (a run's folder, a project's newest teacher
pass) or, where the rest of the record is of use without it, emptied; the damaged text goes to
quarantine first. Other records are only named: a backup has them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from llkd.maintenance.inspection import Inspection, Records
from llkd.maintenance.lost_classes import CLASSES_MAY_BE_OLDER, classes_again
from llkd.store import Store, schema
from llkd.store.damaged import DamagedRecord
from llkd.store.files.quarantine import Quarantine
from llkd.store.files.run_files import RunFiles

TABLES = {
    "project": schema.projects,
    "teacher pass": schema.labeling_runs,
    "run": schema.runs,
    "job": schema.jobs,
    "saved selection": schema.selections,
    "saved view": schema.text_views,
    "audit": schema.audits,
    "certificate": schema.certificates,
    "label sample": schema.label_samples,
}
LOST_REPORT = "What was noted when these texts were imported was damaged and is lost."
EMPTY: dict[tuple[str, str], Any] = {
    ("teacher pass", "teacher"): {},
    ("teacher pass", "content_free"): None,
    ("teacher pass", "fits"): None,
    ("teacher pass", "rounds"): None,
    ("run", "summary"): None,
    ("job", "arguments"): [],
    ("job", "request"): None,
    ("job", "context"): {},
    ("job", "result"): None,
}
"""What a record can do without. A run without its summary counts as unfinished."""
MISSING = object()


def check_records(inspection: Inspection, records: Records) -> None:
    """Name every record that cannot be read."""
    damaged = [*records.projects.listed()[1], *records.jobs.damaged()]
    with records.engine.connect() as connection:
        numbers = list(connection.execute(sa.select(schema.projects.c.id)).scalars())
    for number in numbers:
        damaged += records.labeling_runs.damaged(number)
        damaged += records.runs.damaged(number)
        damaged += records.selections.damaged(number)
        damaged += records.text_views.damaged(number)
        damaged += records.audits.damaged(number)
        damaged += records.label_samples.damaged(number)
    for record in damaged:
        _name(inspection, records, record)


def _name(inspection: Inspection, records: Records, record: DamagedRecord) -> None:
    values = {column: _value(inspection, records, record, column) for column in record.raw}
    can = all(value is not MISSING for value in values.values())
    older = can and (record.kind == "project" and "label_set" in record.raw)
    inspection.report_finding(
        "record", "error", f"{record.kind} {record.number}",
        f"Its record is damaged: {', '.join(record.raw)} cannot be read ({record.reason}).",
        "It is left out of lists and cannot be used; all others can."
        + ("" if can else " Put the database back from a backup, or go on without it.")
        + (f" {CLASSES_MAY_BE_OLDER}" if older else ""),
        "Keeps the damaged text in quarantine and puts back what is known of it." if can else None,
        partial(_repair, inspection.home.root, record, values) if can else None,
        _project_of(records, record),
    )  # fmt: skip


def _project_of(records: Records, record: DamagedRecord) -> int | None:
    if record.kind == "project":
        return record.number
    table = TABLES[record.kind]
    query = sa.select(table.c.project_id).where(table.c.id == record.number)
    with records.engine.connect() as connection:
        project_id = connection.execute(query).scalar()
    return None if project_id is None else int(project_id)


def _value(inspection: Inspection, records: Records, record: DamagedRecord, column: str) -> Any:
    """What to put in place of a damaged value; MISSING where nobody knows."""
    place = (record.kind, column)
    special: dict[tuple[str, str], Callable[[], Any]] = {
        ("project", "report"): lambda: _report(records, record.number),
        ("project", "label_set"): lambda: _label_set(records, record.number),
        ("run", "config"): lambda: _beside(inspection, records, record, "config", "training"),
        ("run", "labels"): lambda: _beside(inspection, records, record, "config", "labels"),
        ("run", "summary"): lambda: _beside(inspection, records, record, "summary", None),
    }
    value = special[place]() if place in special else MISSING
    return EMPTY.get(place, MISSING) if value is MISSING else value


def _report(records: Records, number: int) -> dict[str, Any]:
    query = sa.select(schema.projects.c.rows).where(schema.projects.c.id == number)
    with records.engine.connect() as connection:
        rows = int(connection.execute(query).scalar() or 0)
    return {"rows": rows, "kept": rows, "dropped": {}, "labels": [], "warnings": [LOST_REPORT]}


def _label_set(records: Records, number: int) -> Any:
    label_set = classes_again(records, number)
    return MISSING if label_set is None else label_set.model_dump(mode="json")


def _beside(
    inspection: Inspection,
    records: Records,
    record: DamagedRecord,
    file: Literal["config", "summary"],
    key: str | None,
) -> Any:
    """What the run's folder still tells."""
    project_id = _project_of(records, record)
    if project_id is None:
        return MISSING
    try:
        files = RunFiles(inspection.home.run(project_id, record.number))
        path = files.config if file == "config" else files.summary
        document = json.loads(path.read_text(encoding="utf-8"))
        return document if key is None else document[key]
    except (OSError, ValueError, LookupError, TypeError):
        return MISSING


def _repair(
    root: Path, record: DamagedRecord, values: dict[str, Any], quarantine: Quarantine
) -> None:
    table = TABLES[record.kind]
    for column, raw in record.raw.items():
        name = f"{record.kind.replace(' ', '-')}-{record.number}-{column}"
        quarantine.keep(name, raw, f"the damaged value of {column}; put back: {values[column]!r}")
    store = Store(root)
    try:
        with store.engine.begin() as connection:
            update = sa.update(table).where(table.c.id == record.number)
            connection.execute(update.values(**_stored(values)))
    finally:
        store.close()


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    return {name: sa.null() if value is None else value for name, value in values.items()}
