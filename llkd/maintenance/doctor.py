"""The examination from top to bottom, and mending what loses nothing."""

from __future__ import annotations

from pathlib import Path

from llkd.errors import LLKDError, UserError
from llkd.jobs.locks import alive, held_devices
from llkd.maintenance import contents, damaged_records, databases, machine, orphans
from llkd.maintenance.findings import Finding, Report
from llkd.maintenance.inspection import Inspection
from llkd.store.files.quarantine import Quarantine
from llkd.store.home import Home

ROUNDS = 3
"""A mended database shows what the damaged one hid."""


def examine(home: str | Path | Home | None = None, *, deep: bool = False) -> Report:
    """Look at everything in a home, changing nothing; ``deep`` reads every value of every file.

    Raises UserError where there is no home.
    """
    return _examined(home, deep)[0]


def mend(home: str | Path | Home | None = None, *, deep: bool = False) -> Report:
    """Examine a home, mend what loses nothing, and examine it again: what remains is reported.

    Nothing is mended that a living job works on. Raises UserError where there is no home.
    """
    root = _there(home)
    quarantine = Quarantine(root)
    mended: list[Finding] = []
    left: dict[tuple[str, str], str] = {}
    for _ in range(ROUNDS):
        report, busy = _examined(home, deep)
        done = [entry for entry in report.findings if _mended(entry, quarantine, busy, left)]
        mended += done
        if not done:
            break
    else:
        report, _ = _examined(home, deep)
    for finding in report.findings:
        finding.left = left.get((finding.check, finding.where))
    report.mended, report.quarantine = mended, quarantine.folder
    return report


def _there(home: str | Path | Home | None) -> Home:
    root = home if isinstance(home, Home) else Home(home)
    known = (root.database, root.projects, root.jobs, root.locks)
    if not root.root.is_dir() or not any(path.exists() for path in known):
        raise UserError(f"There is no home at {root.root}. Name it with --home or LLKD_HOME.")
    return root


def _examined(home: str | Path | Home | None, deep: bool) -> tuple[Report, dict[int | None, int]]:
    """The report, and the living jobs by project (None: a job of no project)."""
    inspection = Inspection(_there(home), deep)
    busy: dict[int | None, int] = {}
    machine.check_room(inspection)
    machine.check_permissions(inspection)
    records = databases.check_database(inspection)
    databases.check_answers(inspection)
    machine.check_models(inspection)
    orphans.check_temporaries(inspection)
    if records is None:
        for number in _locked_jobs(inspection):
            busy[None] = number
        return inspection.report, busy
    try:
        live = [job for job in records.jobs.all() if job.live and alive(inspection, job.id)]
        busy.update({job.project_id: job.id for job in live})
        damaged_records.check_records(inspection, records)
        orphans.check_jobs(inspection, records)
        machine.check_clock(inspection, records)
        projects = records.projects.all()
        inspection.report.projects = len(projects)
        for project in projects:
            contents.check_project(inspection, records, project)
        orphans.check_orphans(inspection, records)
        if not live and (held := held_devices(inspection)):
            inspection.report_finding(
                "lock", "warning", f"device {held[0]}", "A process holds it, but no job runs.",
                "Jobs wait for it. Look for a process of this program that hangs, and end it.",
            )  # fmt: skip
    finally:
        records.engine.dispose()
    return inspection.report, busy


def _locked_jobs(inspection: Inspection) -> list[int]:
    """Jobs that some process works on, as their locks tell it."""
    numbers = [int(path.name) for path in inspection.home.jobs.glob("*") if path.name.isdecimal()]
    return [number for number in numbers if alive(inspection, number)]


def _mended(
    finding: Finding,
    quarantine: Quarantine,
    busy: dict[int | None, int],
    left: dict[tuple[str, str], str],
) -> bool:
    if finding.mend is None:
        return False
    place = (finding.check, finding.where)
    at_work = _at_work(finding, busy)
    if at_work is not None:
        left[place] = f"Job {at_work} is at work; mend when it has ended (llkd cancel {at_work})."
        return False
    try:
        finding.mend(quarantine)
    except (LLKDError, OSError) as error:
        left[place] = str(error)
        return False
    left.pop(place, None)
    return True


def _at_work(finding: Finding, busy: dict[int | None, int]) -> int | None:
    """The living job that may use what is to be mended."""
    if finding.check in {"job", "leftover", "orphan"}:
        return None  # dead, by its lock, or of nothing that lives
    if finding.project_id is None:
        return next(iter(busy.values()), None)
    return busy.get(finding.project_id, busy.get(None))
