"""What killed processes leave: half-written files, folders of nothing, jobs without a process."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from llkd import jobs
from llkd.jobs.heartbeat import silence
from llkd.jobs.locks import alive
from llkd.maintenance.inspection import Inspection, Records
from llkd.store import Store, schema
from llkd.store.engine.database import writers_done
from llkd.store.files.quarantine import Quarantine
from llkd.store.home import Home, being_written, put_back

Folder = tuple[str, Path, int | None]
"""Of what kind, where, and the number of the project that it lies in."""
TEMPORARY = re.compile(r"\.(?P<name>.+)\.[^.]+\.(?P<kind>tmp|old)")
KEPT_APART = {"quarantine"}


def walked(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Every folder of a home with its files, temporary folders not entered."""
    for folder, inside, files in os.walk(root):
        here = Path(folder)
        inside[:] = sorted(
            name
            for name in inside
            if not TEMPORARY.fullmatch(name) and not (here == root and name in KEPT_APART)
        )
        yield here, [here / name for name in sorted(files)]


def check_temporaries(inspection: Inspection) -> None:
    """Half-written files and folders whose writer is dead."""
    for folder, _ in walked(inspection.home.root):
        for path in sorted(folder.iterdir()):
            match = TEMPORARY.fullmatch(path.name)
            if match is None or being_written(path):
                continue
            target = path.with_name(match["name"])
            if match["kind"] == "old" and (path / "old").is_dir() and not target.exists():
                inspection.report_finding(
                    "leftover", "error", path, f"{target.name} was being replaced when its "
                    "process died: the old one lies here, under another name.",
                    f"{target.name} is missing until it has its name back.",
                    "Gives it its name back.", partial(_name, target),
                )  # fmt: skip
            else:
                inspection.report_finding(
                    "leftover", "warning", path, "It was being written when its process died.",
                    "Nothing reads it; it takes room.", "Deletes it: it is half a file.",
                    partial(_remove, path),
                )  # fmt: skip


def _name(target: Path, _quarantine: Quarantine) -> None:
    put_back(target)


def _remove(path: Path, _quarantine: Quarantine) -> None:
    if being_written(path):
        return
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_orphans(inspection: Inspection, records: Records) -> None:
    """Folders of a project, pass, run, audit or job that the database does not name.

    Folders are listed first and records read after: a record is there before its folder shows, or
    (a project being imported, a job being made) is committed in the transaction that makes it.
    """
    home = inspection.home
    folders: list[Folder] = []
    for project in _numbered(home.projects):
        folders.append(("project", project, None))
        number = int(project.name)
        folders += [("pass", path, number) for path in _numbered(project / "labels")]
        folders += [("run", path, number) for path in _numbered(project / "runs")]
        folders += [("audit", path, number) for path in _numbered(project / "audits")]
    folders += [("job", path, None) for path in _numbered(home.jobs)]
    lost = _without_record(folders, _known(records))
    if not lost:
        return
    if not writers_done(inspection.home):
        return  # nobody can say whether an import is under way: looked at another time
    for kind, path, owner in _without_record(lost, _known(records)):
        inspection.report_finding(
            "orphan", "warning", path, f"It belongs to no {kind} of this home.",
            "Deleting or importing was cut short. Nothing reads it; it takes room.",
            "Moves it to quarantine.",
            partial(_aside, inspection.home, (kind, path, owner)),
            owner,
        )  # fmt: skip


def _without_record(folders: list[Folder], known: dict[str, set[int]]) -> list[Folder]:
    """Those whose number is not known, less what lies in another of them."""
    lost = [entry for entry in folders if int(entry[1].name) not in known[entry[0]]]
    outer = {path for _, path, _ in lost}
    return [entry for entry in lost if not outer & set(entry[1].parents)]


def _aside(home: Home, lost: Folder, quarantine: Quarantine) -> None:
    """Move a folder away unless a record has come meanwhile; none can come while this looks."""
    store = Store(home.root)
    try:
        with store.engine.begin():
            records = Records.of(store.engine, home)
            if _without_record([lost], _known(records)):
                quarantine.move(lost[1], f"it belongs to no {lost[0]}")
    finally:
        store.close()


def _numbered(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name.isdecimal())


def _known(records: Records) -> dict[str, set[int]]:
    """The numbers that records have, also those whose other values are damaged."""
    tables = {
        "project": schema.projects,
        "pass": schema.labeling_runs,
        "run": schema.runs,
        "audit": schema.audits,
        "job": schema.jobs,
    }
    with records.engine.connect() as connection:
        return {
            kind: set(connection.execute(sa.select(table.c.id)).scalars())
            for kind, table in tables.items()
        }


def check_jobs(inspection: Inspection, records: Records) -> None:
    """Jobs shown as alive: whether a process holds their lock, and whether it answers."""
    for job in records.jobs.all(states=("queued", "running")):
        where = f"job {job.id}"
        if not alive(inspection, job.id):
            inspection.report_finding(
                "job", "warning", where, f"{job.title!r} is shown as {job.state}, but its "
                "process is gone.", "It will be shown as died, and can be resumed.",
                "Marks it as died.", partial(_settle, inspection, job.id),
                job.project_id,
            )  # fmt: skip
            continue
        quiet = silence(inspection, job.id)
        if quiet is not None and quiet >= jobs.SILENT_SECONDS:
            inspection.report_finding(
                "job", "warning", where, f"{job.title!r} has not answered for {quiet:,.0f} s.",
                "It hangs, or the machine sleeps. What it has done is kept if you end it: llkd "
                f"cancel {job.id} --force",
            )  # fmt: skip


def _settle(inspection: Inspection, number: int, _quarantine: Quarantine) -> None:
    store = Store(inspection.home.root)
    try:
        jobs.refreshed(store, number)
    finally:
        store.close()
