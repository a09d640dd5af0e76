"""Start, watch, cancel and resume jobs, from a page or a command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llkd.config import ExecutorConfig, build
from llkd.errors import UserError
from llkd.jobs.heartbeat import forget_beats, mark, seconds_since, silence
from llkd.jobs.locks import LOCK_FD, alive, take_lock
from llkd.jobs.requests import JobRequest
from llkd.jobs.stored_requests import known_request, request_of
from llkd.jobs.typed_keys import KEYS_FD, check_keys, key_pipe, note_typed
from llkd.store import Job, Store
from llkd.store.files.permissions import opener

FORCE_AFTER_SECONDS = 20.0
SILENT_SECONDS = 10.0
"""A job beats every second; one that has not for so long does not answer."""
LOG_LINE = 500
"""Characters of a log's line that are shown."""


def start(
    store: Store,
    request: JobRequest,
    *,
    title: str | None = None,
    keys: Mapping[str, str] | None = None,
) -> Job:
    """Start the work in the background; returns its record at once.

    ``title``: what lists call it, where the request's own does not serve; ``keys``: those that the
    person who starts it has typed (``host:port`` to key), which only its process gets to know.
    Raises NotFound for a project that is not there.
    """
    with key_pipe(keys) as pipe:
        job, lock = registered_request(store, request, title)
        note_typed(store, job, request, keys)
        _spawn(store, job, lock, pipe)
    return store.jobs.get(job.id)


def registered_request(
    store: Store, request: JobRequest, title: str | None = None
) -> tuple[Job, int]:
    """A new record of this request and its lock."""
    name = request.project_name
    project_id = None if name is None else store.projects.get(name).id
    document = request.model_dump(mode="json")
    return registered(
        store, request.kind, title or request.title, document, project_id, request.device
    )


def registered(
    store: Store,
    kind: str,
    title: str,
    request: dict[str, Any] | None,
    project_id: int | None,
    device: str | None,
) -> tuple[Job, int]:
    """A new record and its lock. Nobody sees the record before the lock is held."""
    locks: list[int] = []
    job = store.jobs.create(
        kind,
        title,
        request,
        project_id,
        device,
        before_it_shows=lambda job_id: locks.append(take_lock(store, job_id)),
    )
    return job, locks[0]


def resume(
    store: Store,
    job_id: int,
    *,
    keys: Mapping[str, str] | None = None,
    executor: Mapping[str, Any] | None = None,
) -> Job:
    """Queue an ended job again; it goes on from what was kept.

    ``keys`` as for :func:`start`; ``executor``: settings of ``ExecutorConfig`` that are others from
    now on, as where its cluster is gone. Raises UserError if it is alive, if it was started with a
    key that is not there any more, or if its work is done here alone.
    """
    job = refreshed(store, job_id)
    if job.state == "finished":
        raise UserError(f"Job {job_id} has finished; there is nothing to resume.")
    check_keys(store, job, keys)
    elsewhere = _elsewhere(store, job, executor) if executor else {}
    with key_pipe(keys) as pipe:
        lock = take_lock(store, job_id)
        _queue_again(store, job, lock, elsewhere)
        note_typed(store, job, known_request(store, job), keys)
        _spawn(store, store.jobs.get(job_id), lock, pipe)
    return store.jobs.get(job_id)


def _elsewhere(store: Store, job: Job, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What changes in the record where the work goes on elsewhere. Raises UserError."""
    request = request_of(store, job)
    before = getattr(request, "executor", None)
    if before is None:
        raise UserError(
            f"Job {job.id} ({job.title}) is done on this machine alone: resume it without --on."
        )
    executor = build(ExecutorConfig, before.model_dump(), changes)
    changed = request.model_copy(update={"executor": executor})
    return {"request": changed.model_dump(mode="json"), "device": changed.device}


def _queue_again(store: Store, job: Job, lock: int, elsewhere: Mapping[str, Any]) -> None:
    """Make the record that of a job not yet begun. Raises UserError, the lock let go."""
    forget_beats(store, job.id)
    again = {
        "pid": None,
        "started": None,
        "finished": None,
        "heartbeat": time.time(),
        "cancel_requested": None,
        "error": None,
        "message": "",
        "attempts": job.attempts + 1,
        **elsewhere,
    }
    if not store.jobs.queue_again(job.id, ("failed", "cancelled", "died"), **again):
        os.close(lock)
        raise UserError(f"Job {job.id} is {job.state}; only an ended job can be resumed.")


def cancel(store: Store, job_id: int, force: bool = False) -> Job:
    """Ask a job to stop; what it has done is kept. ``force`` ends its process group at once."""
    job = refreshed(store, job_id)
    if not job.live:
        raise UserError(f"Job {job_id} is {job.state} already.")
    if force:  # before anything is written: the process may have stopped amid a write of its own
        _kill(store, job)
    if job.cancel_requested is None:
        store.jobs.update(job_id, cancel_requested=time.time())
        store.jobs.remember(job_id, asked_to_stop=mark())
    if force:
        _say_killed(store, job_id)
    return store.jobs.get(job_id)


def seconds_since_asked(job: Job) -> float | None:
    """How long ago the job was asked to stop; None where it was not."""
    if job.cancel_requested is None:
        return None
    return seconds_since(job.context.get("asked_to_stop")) or 0.0


def unanswering(store: Store, job: Job) -> float | None:
    """Seconds without a beat of a job that lives and does not answer; None for one that does."""
    quiet = silence(store, job.id) if job.live else None
    return quiet if quiet is not None and quiet >= SILENT_SECONDS else None


def refreshed(store: Store, job_id: int) -> Job:
    """The job as it truly is: one whose process is gone is marked as died."""
    _settle(store, store.jobs.get(job_id))
    return store.jobs.get(job_id)


def all_jobs(store: Store, project_id: int | None = None) -> list[Job]:
    """Every job as it truly is, newest first."""
    for job in store.jobs.all(states=("queued", "running")):
        _settle(store, job)
    return store.jobs.all(project_id)


def live_jobs(store: Store) -> list[Job]:
    """Queued and running jobs, the oldest in the queue first."""
    live = [job for job in store.jobs.all(states=("queued", "running")) if not _settle(store, job)]
    return sorted(live, key=lambda job: (job.queued, job.id))


def log_path(store: Store, job_id: int) -> Path:
    """The job's log file."""
    return store.home.job_log(job_id)


def log_tail(store: Store, job_id: int, lines: int = 20) -> str:
    """The last lines of the job's log, long ones cut; empty where there is none."""
    path = log_path(store, job_id)
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64_000))
        text = file.read().decode("utf-8", "replace")
    # A progress bar overwrites its line: only what it showed last is worth reading.
    last = text.rstrip().split("\n")[-lines:]
    shown = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in last]
    return "\n".join(f"{line[:LOG_LINE]} …" if len(line) > LOG_LINE else line for line in shown)


def _spawn(store: Store, job: Job, lock: int, pipe: int | None) -> None:
    # What it is to do lies in the store: a list of processes shows everybody a command. Without -P
    # a random.py of the folder that the app was started in would be run.
    command = [sys.executable, "-P", "-m", "llkd", "--job", str(job.id)]
    environment = {
        **os.environ,
        "LLKD_HOME": str(store.home.root),
        LOCK_FD: str(lock),
        "PYTHONUNBUFFERED": "1",
    }
    descriptors = (lock,) if pipe is None else (lock, pipe)
    if pipe is not None:
        environment[KEYS_FD] = str(pipe)
    package_parent = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(
        part for part in (package_parent, os.environ.get("PYTHONPATH")) if part
    )
    try:
        with open(log_path(store, job.id), "ab", opener=opener) as log:
            started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=descriptors,
                env=environment,
                cwd=job.context.get("cwd"),
            )
        # Before it can say so itself: one that hangs as it starts can be ended by force too.
        store.jobs.update(job.id, pid=started.pid)
    except OSError as error:
        store.jobs.move(job.id, ("queued",), "failed", error=f"Could not start: {error.strerror}.")
    finally:
        os.close(lock)


def _settle(store: Store, job: Job) -> bool:
    """Bring a live record in line with its process; says whether the job has ended."""
    if not job.live:
        return True
    if not alive(store, job.id):
        last = log_tail(store, job.id, 3).strip()
        message = "Its process ended without a word (killed, or out of memory). Resume goes on."
        ended = {"finished": time.time(), "error": message + (f"\n{last}" if last else "")}
        store.jobs.move(job.id, ("queued", "running"), "died", **ended)
        return True
    if (seconds_since_asked(job) or 0.0) > FORCE_AFTER_SECONDS:
        _kill(store, job)
        _say_killed(store, job.id)
        return True
    return False


def _kill(store: Store, job: Job) -> None:
    # The process number is safe to use only while the lock says that the process lives.
    if job.pid is not None and alive(store, job.id):
        try:
            group = os.getpgid(job.pid)
            if group == job.pid:
                os.killpg(group, signal.SIGKILL)
            else:
                os.kill(job.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _say_killed(store: Store, job_id: int) -> None:
    # Another process may have seen it gone first, and taken it for one that died by itself.
    message = "Stopped by force; resume goes on from what was kept."
    moved = {"error": message, "finished": time.time()}
    store.jobs.move(job_id, ("queued", "running", "died"), "cancelled", **moved)
