"""Keeping a home in order: find what is wrong, mend what loses nothing, make a backup.

:func:`examine` only reads. :func:`mend` moves what is corrupt or belongs to nothing to
``<home>/quarantine/``, with a note; it deletes nothing but the half-written files of dead
processes. :func:`backup` makes a consistent copy while the app runs, :func:`backup_to` one in
object storage, which :func:`restore` takes back and :func:`examine_objects` looks at.
"""

from llkd.maintenance.backups import backup
from llkd.maintenance.doctor import examine, mend
from llkd.maintenance.findings import Finding, Report
from llkd.maintenance.remote_backups import backup_to, restore
from llkd.maintenance.remote_examination import examine_objects

__all__ = [
    "Finding",
    "Report",
    "backup",
    "backup_to",
    "examine",
    "examine_objects",
    "mend",
    "restore",
]
