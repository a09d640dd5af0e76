"""Inside a job's process: wait for the device, beat, report, record the outcome."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from llkd.errors import JobCancelled, LLKDError, StoreError, UserError, in_words
from llkd.jobs.control import live_jobs, registered, registered_request
from llkd.jobs.heartbeat import beat
from llkd.jobs.locks import device_lock as take_device
from llkd.jobs.locks import inherited_lock, take_lock
from llkd.jobs.progress import Part, within
from llkd.jobs.registry import job_kind
from llkd.jobs.requests import JobRequest
from llkd.jobs.stored_requests import request_of
from llkd.store import Job, Store
from llkd.store.engine.postgresql import patience

HEARTBEAT_SECONDS = 1.0
PROGRESS_SECONDS = 0.5
CLOCK_JUMP_SECONDS = 5.0
RESTART_SECONDS = 60.0
"""How long work waits for a database server that went away before it gives up."""

Work = Callable[["JobContext"], dict[str, Any]]
Show = Callable[[int, int | None, str], None]
Waiting = Callable[[str], None]


class JobContext:
    """What running work sees of its job: progress out, the wish to stop in."""

    def __init__(self, store: Store, job: Job, show: Show) -> None:
        self.store = store
        self.job_id = job.id
        self.facts = dict(job.context)
        self._show = show
        self._stop = threading.Event()
        self._written = float("-inf")
        self._news: dict[str, Any] = {}
        self._troubled = False
        self._part: Part | None = None

    def remember(self, **facts: Any) -> None:
        """Keep facts that a resumed attempt needs (which run it works on)."""
        self.store.jobs.remember(self.job_id, **facts)
        self.facts.update(facts)

    def begin(self, done: int, total: int) -> None:
        """Say how much there is and how much was done by earlier attempts."""
        before = 0 if self._part is None else self._part[0] * total
        self.remember(began_at=before + done, pace_from=time.time())
        self.progress(done, total, always=True)

    def begin_part(self, part: int, parts: int, name: str) -> None:
        """From now on progress is that of one part of equal parts (from 0), and named so."""
        self._part = (part, parts, name)

    def progress(
        self, done: int, total: int | None = None, message: str = "", always: bool = False
    ) -> None:
        """Tell how far the work is; written to the store at most twice a second."""
        done, total, message = within(self._part, done, total, message)
        self._show(done, total, message)
        self._news = {"done": done, "message": message}
        if total is not None:
            self._news["total"] = total
        if always or time.monotonic() - self._written >= PROGRESS_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what was told last. A database locked, full or away stops no work for that."""
        if self._news:
            self._written = time.monotonic()
            try:
                with patience(0.0):
                    self.store.jobs.update(self.job_id, heartbeat=time.time(), **self._news)
            except StoreError as error:
                if not self._troubled:
                    logging.getLogger("llkd").warning("progress not written: %s", error)
                self._troubled = True
            else:
                self._news, self._troubled = {}, False

    def clock_jumped(self, seconds: float) -> None:
        """The time of day was set forward by ``seconds``: times noted before move with it."""
        job = self.store.jobs.get(self.job_id)
        if job.started is not None:
            self.store.jobs.update(self.job_id, started=job.started + seconds)
        if "pace_from" in job.context:
            self.remember(pace_from=job.context["pace_from"] + seconds)

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


def _no_wait(message: str) -> None:
    """Say nothing."""


def run(
    store: Store,
    work: Work,
    *,
    kind: str,
    title: str,
    project_id: int | None = None,
    device: str | None = "auto",
    show: Show = _no_show,
    waiting: Waiting = _no_wait,
) -> dict[str, Any]:
    """Do ``work`` of one's own in this process as a job, which cannot be resumed.

    It waits for the device, beats, and records the outcome. Returns what ``work`` returns; its
    exceptions are recorded and raised again.
    """
    job, lock = registered(store, kind, title, None, project_id, device)
    return _run(store, job, lock, work, show, waiting)


def run_request(
    store: Store,
    request: JobRequest,
    *,
    show: Show = _no_show,
    waiting: Waiting = _no_wait,
) -> dict[str, Any]:
    """Do what is asked for in this process, as a job that can be resumed. As :func:`run`."""
    job, lock = registered_request(store, request)
    return _run(store, job, lock, _work_of(store, job, request), show, waiting)


def run_stored(
    store: Store, job_id: int, *, show: Show = _no_show, waiting: Waiting = _no_wait
) -> dict[str, Any]:
    """Do in this process what a queued job is asked to do. As :func:`run`.

    Raises UserError for a job that is not queued, or whose request cannot be read.
    """
    job = store.jobs.get(job_id)
    lock = inherited_lock() or take_lock(store, job.id)
    if job.state != "queued":
        raise UserError(f"Job {job_id} is {job.state}; only a queued job can be run.")
    work = _work_of(store, job, request_of(store, job))
    return _run(store, job, lock, work, show, waiting)


def _work_of(store: Store, job: Job, request: JobRequest) -> Work:
    def work(context: JobContext) -> dict[str, Any]:
        # As it is now: the job may have waited for its turn.
        project = None if job.project_id is None else store.projects.by_id(job.project_id)
        return job_kind(request.kind).resolved()(store, project, request, context)

    return work


def _run(
    store: Store, job: Job, lock: int, work: Work, show: Show, waiting: Waiting
) -> dict[str, Any]:
    context = JobContext(store, job, show)
    store.jobs.update(job.id, pid=os.getpid(), heartbeat=time.time())
    beat(store, job.id)
    ended = threading.Event()
    heart = threading.Thread(target=_beat, args=(context, ended), daemon=True)
    heart.start()
    handlers = _on_signals(context)
    device_lock: int | None = None
    try:
        with patience(RESTART_SECONDS):
            device_lock = _wait_for_turn(store, job, context, waiting)
            store.jobs.move(job.id, ("queued",), "running", started=time.time())
            result = work(context)
            context.flush()
            ended_well = {"result": result, "finished": time.time(), "error": None}
            store.jobs.move(job.id, ("running",), "finished", **ended_well)
        return result
    except BaseException as error:
        context.flush()
        try:
            with patience(RESTART_SECONDS):
                _record_failure(store, job.id, error)
        except StoreError as unwritten:  # then it is shown as died, with this in its log
            logging.getLogger("llkd").warning("the outcome was not written: %s", unwritten)
        raise
    finally:
        ended.set()
        heart.join()
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
    elif (sentence := in_words(error)) is not None:
        state, message = "failed", f"{sentence} Resume goes on from what was kept."
    else:
        logging.getLogger("llkd").exception("the job failed")
        state = "failed"
        message = f"Something unexpected happened ({type(error).__name__}); the log says more."
    store.jobs.move(job_id, ("queued", "running"), state, error=message, finished=time.time())


def _beat(context: JobContext, ended: threading.Event) -> None:
    log = logging.getLogger("llkd")
    offset = time.time() - time.monotonic()
    troubled = False
    while not ended.wait(HEARTBEAT_SECONDS):
        try:
            beat(context.store, context.job_id)
            jump = time.time() - time.monotonic() - offset
            if abs(jump) > CLOCK_JUMP_SECONDS:
                offset += jump
                context.clock_jumped(jump)
            context.store.jobs.update(context.job_id, heartbeat=time.time())
            job = context.store.jobs.get(context.job_id)
            if job.cancel_requested is not None or not job.live:
                context.stop()
            troubled = False
        except StoreError as error:  # said once, for a server may be away for hours
            if not troubled:
                log.warning("heartbeat not written: %s", error)
            troubled = True
        except Exception:  # a busy database must not end the heartbeat
            log.warning("heartbeat not written", exc_info=True)


def _on_signals(context: JobContext) -> list[tuple[int, Any]]:
    """Make SIGTERM and the first Ctrl-C a wish to stop; a second Ctrl-C interrupts."""
    if threading.current_thread() is not threading.main_thread():
        return []

    def _request_stop(number: int, _frame: FrameType | None) -> None:
        if context.should_stop() and number == signal.SIGINT:
            raise KeyboardInterrupt
        context.stop()

    return [(n, signal.signal(n, _request_stop)) for n in (signal.SIGTERM, signal.SIGINT)]


def _wait_for_turn(store: Store, job: Job, context: JobContext, waiting: Waiting) -> int | None:
    """Wait until this job is the first of its device's queue; returns the device's lock."""
    if job.device is None:
        return None
    announced: int | None = None
    while True:
        context.check()
        before = [j for j in live_jobs(store) if j.device == job.device and j.id != job.id]
        mine = store.jobs.get(job.id)
        first = next((j for j in before if (j.queued, j.id) < (mine.queued, mine.id)), None)
        if first is None:
            lock = take_device(store, job.device)
            if lock is not None:
                return lock
        elif first.id != announced:
            announced = first.id
            message = f"Waiting for job {first.id} ({first.title}) to finish."
            waiting(message)
            store.jobs.update(job.id, message=message)
        time.sleep(0.3)
