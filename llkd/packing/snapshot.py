"""A project as it lies at one moment: that it is whole and at rest, and what goes along of it."""

from __future__ import annotations

import sqlalchemy as sa

from llkd import jobs
from llkd.errors import StoreError, UserError
from llkd.jobs.progress import Progress
from llkd.maintenance.contents import check_project
from llkd.maintenance.inspection import Inspection, Records
from llkd.store import Project, Store, schema
from llkd.store.files.batch_journal import waiting_requests
from llkd.store.packing.numbers import AUDITS, PASSES, RUNS
from llkd.store.packing.project_files import ProjectFile, project_files
from llkd.store.packing.records import numbers_of

_BY_TABLE = {PASSES: schema.labeling_runs, RUNS: schema.runs, AUDITS: schema.audits}
CHANGED = "The project changed while it was read. Try again when no script works on it."


def check_rest(store: Store, project: Project, progress: Progress) -> None:
    """Raise UserError where a job works on the project, or a server has requests of it."""
    jobs.refuse_busy(store, project, except_job=progress.job_id)
    for labeling_run in store.labeling_runs.all(project.id):
        waiting = waiting_requests(store.labeling_runs.account(labeling_run))
        if waiting:
            raise UserError(
                f"{waiting:,} requests of labelling run {labeling_run.id} are in batches at a "
                "server, and two projects would collect them. Resume its job until they are "
                "collected, or cancel them: llkd cancel JOB --batches"
            )


def check_whole(store: Store, project: Project) -> None:
    """Raise StoreError where a record or a file of the project is damaged or missing."""
    inspection = Inspection(store.home, deep=False)
    check_project(inspection, Records.of(store.engine, store.home), project)
    for finding in inspection.report.findings:
        if finding.severity == "error":
            raise StoreError(
                f"{finding.where}: {finding.what} A project is packed whole: see what can be "
                "mended with llkd doctor"
            )


def files_of(
    store: Store, source: sa.Connection, project: Project, *, embeddings: bool = True
) -> list[ProjectFile]:
    """The files that go along with the records that ``source`` sees."""
    known = {name: numbers_of(source, project.id, table) for name, table in _BY_TABLE.items()}
    return project_files(store.home, project.id, known, embeddings=embeddings)
