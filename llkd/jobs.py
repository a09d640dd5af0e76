"""Work in its own process: start, watch, cancel, resume; honest about what is alive.

A job is a command a person could type. Its process holds an exclusive lock on ``jobs/<id>/lock``
for as long as it lives, whatever happens to the page, the browser or the web server; the lock,
not a process number, decides whether it is alive. The starter takes the lock and hands the open
file to the child, so there is no moment in between without one. One job per device runs at a
time, the others wait in order. POSIX only (Linux, macOS).
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from llkd.errors import JobCancelled, LLKDError, UserError
from llkd.store import Job, Store

HEARTBEAT_SECONDS = 1.0
FORCE_AFTER_SECONDS = 20.0
_LOCK_FD = "LLKD_JOB_LOCK_FD"

Work = Callable[["JobContext"], dict[str, Any]]


def start(
    store: Store,
    arguments: Sequence[str],
    *,
    kind: str,
    title: str,
    project_id: int | None = None,
    device: str | None = "auto",
) -> Job:
    """Start ``python -m llkd <arguments>`` in the background; returns its record at once."""
    job = store.jobs.create(kind, title, list(arguments), project_id, device)
    _spawn(store, job)
    return store.jobs.get(job.id)


def resume(store: Store, job_id: int) -> Job:
    """Queue an ended job again; it goes on from what was kept. Raises UserError if it is alive."""
    job = refreshed(store, job_id)
    if job.state == "finished":
        raise UserError(f"Job {job_id} has finished; there is nothing to resume.")
    again = {
        "queued": time.time(),
        "started": None,
        "finished": None,
        "heartbeat": time.time(),
        "cancel_requested": None,
        "error": None,
        "message": "",
        "attempts": job.attempts + 1,
    }
    if not store.jobs.move(job_id, ("failed", "cancelled", "died"), "queued", **again):
        raise UserError(f"Job {job_id} is {job.state}; only an ended job can be resumed.")
    _spawn(store, store.jobs.get(job_id))
    return store.jobs.get(job_id)


def cancel(store: Store, job_id: int, force: bool = False) -> Job:
    """Ask a job to stop; what it has done is kept. ``force`` ends its process group at once."""
    job = refreshed(store, job_id)
    if not job.live:
        raise UserError(f"Job {job_id} is {job.state} already.")
    if job.cancel_requested is None:
        store.jobs.update(job_id, cancel_requested=time.time())
    if force:
        _kill(store, job)
    return store.jobs.get(job_id)


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
    found = [job for job in store.jobs.all(states=("queued", "running")) if not _settle(store, job)]
    return sorted(found, key=lambda job: (job.queued, job.id))


def log_path(store: Store, job_id: int) -> Path:
    """The job's log file."""
    return store.home.job(job_id) / "log.txt"


def log_tail(store: Store, job_id: int, lines: int = 20) -> str:
    """The last lines of the job's log; empty where there is none."""
    path = log_path(store, job_id)
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64_000))
        text = file.read().decode("utf-8", "replace")
    # A progress bar overwrites its line: only what it showed last is worth reading.
    shown = [line.rsplit("\r", 1)[-1] for line in text.splitlines()]
    return "\n".join(shown[-lines:])


class JobContext:
    """What running work sees of its job: progress out, the wish to stop in."""

    def __init__(
        self, store: Store, job: Job, show: Callable[[int, int | None, str], None]
    ) -> None:
        self.store = store
        self.job_id = job.id
        self.facts = dict(job.context)
        self._show = show
        self._stop = threading.Event()
        self._written = 0.0

    def remember(self, **facts: Any) -> None:
        """Keep facts that a resumed attempt needs (which run it works on)."""
        self.store.jobs.remember(self.job_id, **facts)
        self.facts.update(facts)

    def begin(self, done: int, total: int) -> None:
        """Say how much there is and how much was done by earlier attempts."""
        self.remember(began_at=done, pace_from=time.time())
        self.progress(done, total, always=True)

    def progress(
        self, done: int, total: int | None = None, message: str = "", always: bool = False
    ) -> None:
        """Tell how far the work is; written to the store at most twice a second."""
        self._show(done, total, message)
        now = time.time()
        if always or now - self._written >= 0.5:
            self._written = now
            values: dict[str, Any] = {"done": done, "heartbeat": now, "message": message}
            if total is not None:
                values["total"] = total
            self.store.jobs.update(self.job_id, **values)

    def should_stop(self) -> bool:
        """Whether a person asked the job to stop."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raise JobCancelled if a person asked the job to stop."""
        if self._stop.is_set():
            raise JobCancelled("Stopped on request. What was done is kept; resume goes on from it.")

    def stop(self) -> None:
        """Make :meth:`should_stop` true."""
        self._stop.set()


def _no_show(done: int, total: int | None, message: str) -> None:
    """Show nothing."""


def run(
    store: Store,
    work: Work,
    *,
    kind: str,
    title: str,
    arguments: Sequence[str],
    project_id: int | None = None,
    device: str | None = "auto",
    job_id: int | None = None,
    show: Callable[[int, int | None, str], None] = _no_show,
    waiting: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Do ``work`` in this process as a job: wait for the device, beat, record the outcome.

    ``job_id`` names the record that :func:`start` made; without it a record is made here.
    Returns what ``work`` returns; its exceptions are recorded and raised again.
    """
    if job_id is None:
        job = store.jobs.create(kind, title, list(arguments), project_id, device)
        lock = _take_lock(store, job.id)
    else:
        job = store.jobs.get(job_id)
        lock = _inherited_lock() or _take_lock(store, job.id)
    context = JobContext(store, job, show)
    store.jobs.update(job.id, pid=os.getpid(), heartbeat=time.time())
    ended = threading.Event()
    beat = threading.Thread(target=_beat, args=(context, ended), daemon=True)
    beat.start()
    handlers = _on_signals(context)
    device_lock: int | None = None
    try:
        device_lock = _wait_for_turn(store, job, context, waiting)
        store.jobs.move(job.id, ("queued",), "running", started=time.time())
        result = work(context)
        store.jobs.move(
            job.id, ("running",), "finished", result=result, finished=time.time(), error=None
        )
        return result
    except BaseException as error:
        _record_failure(store, job.id, error)
        raise
    finally:
        ended.set()
        beat.join()
        for number, handler in handlers:
            signal.signal(number, handler)
        for descriptor in (device_lock, lock):
            if descriptor is not None:
                os.close(descriptor)


def _record_failure(store: Store, job_id: int, error: BaseException) -> None:
    if isinstance(error, JobCancelled | KeyboardInterrupt):
        state, message = "cancelled", "Stopped on request; resume goes on from what was done."
    elif isinstance(error, LLKDError):
        state, message = "failed", str(error)
    elif isinstance(error, MemoryError):
        state = "failed"
        message = "Not enough memory. Use smaller batches or close other programs, then resume."
    else:
        logging.getLogger("llkd").exception("the job failed")
        state = "failed"
        message = f"Something unexpected happened ({type(error).__name__}); the log says more."
    store.jobs.move(job_id, ("queued", "running"), state, error=message, finished=time.time())


def _spawn(store: Store, job: Job) -> None:
    lock = _take_lock(store, job.id)
    command = [sys.executable, "-m", "llkd", *job.arguments]
    command += ["--home", str(store.home.root), "--job", str(job.id)]
    environment = {**os.environ, _LOCK_FD: str(lock), "PYTHONUNBUFFERED": "1"}
    package_parent = str(Path(__file__).resolve().parents[1])
    environment["PYTHONPATH"] = os.pathsep.join(
        part for part in (package_parent, os.environ.get("PYTHONPATH")) if part
    )
    try:
        with log_path(store, job.id).open("ab") as log:
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
                env=environment,
            )
    except OSError as error:
        store.jobs.move(job.id, ("queued",), "failed", error=f"Could not start: {error.strerror}.")
    finally:
        os.close(lock)


def _take_lock(store: Store, job_id: int) -> int:
    folder = store.home.job(job_id)
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    for _ in range(20):  # a watcher's look at the lock may stand in the way for a moment
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except OSError:
            time.sleep(0.05)
    os.close(descriptor)
    raise UserError(f"Job {job_id} is running in another process already.")


def _inherited_lock() -> int | None:
    value = os.environ.pop(_LOCK_FD, None)
    if value is None:
        return None
    descriptor = int(value)
    # Children of this process must not keep the job looking alive after it.
    os.set_inheritable(descriptor, False)
    return descriptor


def _alive(store: Store, job_id: int) -> bool:
    path = store.home.job(job_id) / "lock"
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)


def _settle(store: Store, job: Job) -> bool:
    """Bring a live record in line with its process; says whether the job has ended."""
    if not job.live:
        return True
    # A record is made a moment before its lock is taken.
    if not _alive(store, job.id) and time.time() - job.queued > 2.0:
        last = log_tail(store, job.id, 3).strip()
        message = "Its process ended without a word (killed, or out of memory). Resume goes on."
        ended = {"finished": time.time(), "error": message + (f"\n{last}" if last else "")}
        store.jobs.move(job.id, ("queued", "running"), "died", **ended)
        return True
    asked = job.cancel_requested
    if asked is not None and time.time() - asked > FORCE_AFTER_SECONDS:
        _kill(store, job)
        return True
    return False


def _kill(store: Store, job: Job) -> None:
    # The process number is safe to use only while the lock says that the process lives.
    if job.pid is not None and _alive(store, job.id):
        try:
            group = os.getpgid(job.pid)
            if group == job.pid:
                os.killpg(group, signal.SIGKILL)
            else:
                os.kill(job.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    message = "Stopped by force; resume goes on from what was kept."
    store.jobs.move(job.id, ("queued", "running"), "cancelled", error=message, finished=time.time())


def _beat(context: JobContext, ended: threading.Event) -> None:
    log = logging.getLogger("llkd")
    while not ended.wait(HEARTBEAT_SECONDS):
        try:
            context.store.jobs.update(context.job_id, heartbeat=time.time())
            job = context.store.jobs.get(context.job_id)
            if job.cancel_requested is not None or not job.live:
                context.stop()
        except Exception:  # a busy database must not end the heartbeat
            log.warning("heartbeat not written", exc_info=True)


def _on_signals(context: JobContext) -> list[tuple[int, Any]]:
    """Make SIGTERM and the first Ctrl-C a wish to stop; a second Ctrl-C interrupts."""
    if threading.current_thread() is not threading.main_thread():
        return []

    def _asked(number: int, _frame: FrameType | None) -> None:
        if context.should_stop() and number == signal.SIGINT:
            raise KeyboardInterrupt
        context.stop()

    return [(n, signal.signal(n, _asked)) for n in (signal.SIGTERM, signal.SIGINT)]


def _wait_for_turn(
    store: Store, job: Job, context: JobContext, waiting: Callable[[str], None]
) -> int | None:
    """Wait until this job is the first of its device's queue; returns the device's lock."""
    if job.device is None:
        return None
    said: int | None = None
    while True:
        context.check()
        before = [j for j in live_jobs(store) if j.device == job.device and j.id != job.id]
        mine = store.jobs.get(job.id)
        first = next((j for j in before if (j.queued, j.id) < (mine.queued, mine.id)), None)
        if first is None:
            lock = _device_lock(store, job.device)
            if lock is not None:
                return lock
        elif first.id != said:
            said = first.id
            message = f"Waiting for job {first.id} ({first.title}) to finish."
            waiting(message)
            store.jobs.update(job.id, message=message)
        time.sleep(0.3)


def _device_lock(store: Store, device: str) -> int | None:
    name = "".join(ch if ch.isalnum() else "-" for ch in device)
    descriptor = os.open(store.home.locks / f"device-{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
