"""Work in its own process: start, watch, cancel, resume; honest about what is alive.

A job is a typed request (:mod:`llkd.jobs.requests`), stored with it; :mod:`llkd.jobs.registry`
says what does it. Its process holds an exclusive lock on ``jobs/<id>/lock`` for as long as it
lives, whatever happens to the page, the browser or the web server; the lock, not a process number,
decides whether it is alive. The starter takes the lock and hands the open
file to the child, so there is no moment in between without one. One job per device runs at a
time, the others wait in order. POSIX only (Linux, macOS).
"""

from llkd.jobs.control import (
    SILENT_SECONDS,
    all_jobs,
    cancel,
    live_jobs,
    log_path,
    log_tail,
    refreshed,
    resume,
    seconds_since_asked,
    start,
    unanswering,
)
from llkd.jobs.progress import Progress, ProgressBars, SilentProgress
from llkd.jobs.registry import JOB_KINDS, JobKind, job_kind, kinds_of, unit_of
from llkd.jobs.removal import archive_project, delete_run, job_on, refuse_busy, reports_on
from llkd.jobs.running import JobContext, Work, run, run_request, run_stored
from llkd.jobs.stored_requests import known_request, request_of

__all__ = [
    "JOB_KINDS",
    "SILENT_SECONDS",
    "JobContext",
    "JobKind",
    "Progress",
    "ProgressBars",
    "SilentProgress",
    "Work",
    "all_jobs",
    "archive_project",
    "cancel",
    "delete_run",
    "job_kind",
    "job_on",
    "kinds_of",
    "known_request",
    "live_jobs",
    "log_path",
    "log_tail",
    "refreshed",
    "refuse_busy",
    "reports_on",
    "request_of",
    "resume",
    "run",
    "run_request",
    "run_stored",
    "seconds_since_asked",
    "start",
    "unanswering",
    "unit_of",
]
