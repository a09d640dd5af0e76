"""One batch from its record to its end: each step is written down before and after it is made.

Killed at any moment, the next attempt goes on with the step that was under way. Between asking for
a batch and hearing its number the server may or may not have begun it: it is searched for by its
name in the list of batches before it is asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from llkd.errors import ModelError
from llkd.store.files.batch_journal import BatchJournal, BatchRecord
from llkd.teachers.api.retries import Caller
from llkd.teachers.batch.batch_server import BatchGone, BatchServer, NoBatches, ServerBatch
from llkd.teachers.calls import concurrent_pass
from llkd.teachers.calls.metered import Stopped, Unavailable, Unreadable
from llkd.teachers.calls.tries import RequestRefused, TryFailed

SETTLING_SECONDS = 10.0
"""After so long a batch that was asked for stands in the server's list, if there is one."""
CLOCK_SECONDS = 86_400.0
"""By so much the server's clock may differ from ours where a batch is searched for."""
LONGEST_POLL = 60.0
POLL_GROWTH = 1.5
SLICE_SECONDS = 0.5
T = TypeVar("T")


class Host(Protocol):
    """What steps need of the teacher."""

    heartbeat: Callable[[], None] | None

    def new_caller(self) -> Caller:
        """What tries a call until it is answered."""
        ...


class BatchSteps:
    """Makes the steps of batches at one server.

    ``why``: what the server said of the last batch that it refused; ``too_much``: that it was too
    large; ``fatal``: why no request can be answered; ``status``: what is waited for, for a person.
    """

    def __init__(
        self, host: Host, server: BatchServer, journal: BatchJournal, first_pause: float
    ) -> None:
        """``first_pause`` in seconds, before the second look at a batch."""
        self._host = host
        self._server = server
        self._journal = journal
        self._first = first_pause
        self.why = ""
        self.too_much = False
        self.fatal: ModelError | None = None
        self.status = ""

    def begun(self, record: BatchRecord) -> BatchRecord:
        """The batch once the server works on it. Raises RequestRefused, NoBatches, ModelError."""
        if record.state == "prepared":
            path = self._journal.requests(record.name)
            file_id = self._patiently(lambda: self._server.upload(path, record.name))
            record = self._journal.step(record.name, "uploaded", file_id=file_id)
        searched = False
        while record.state != "submitted":
            if record.state == "creating" or searched:
                batch = self._searched(record)
                if batch is not None:
                    return self._submitted(record, batch)
            record = self._journal.step(record.name, "creating")
            searched = True
            try:
                batch = self._alone(partial(self._server.create, record.file_id or "", record.name))
            except TryFailed as failure:
                self.status = f"{failure.sentence}; looking whether the batch has begun"
                self._pause(max(self._first, min(failure.after or 0.0, LONGEST_POLL)))
                continue
            except (RequestRefused, NoBatches):
                self._journal.step(record.name, "uploaded")  # it has certainly not begun
                raise
            return self._submitted(record, batch)
        return record

    def finished(self, record: BatchRecord) -> ServerBatch | None:
        """Wait until a batch is over, and fetch its lines; None where it was refused as a whole.

        Raises what the heartbeat raises, and ModelError where the server does not know it.
        """
        record = self.begun(record)
        number, pause = record.batch_id or "", self._first
        asked_to_stop = False
        while True:
            batch = self._patiently(lambda: self._server.look(number))
            if batch.over:
                break
            if self._journal.record(record.name).stopped and not asked_to_stop:
                asked_to_stop = True
                self._stop(number)
                continue
            # Without commas: a page shows what stands before the first.
            self.status = f"Waiting for a batch ({batch.answered} of {record.size} answered)"
            self._pause(pause)
            pause = min(LONGEST_POLL, pause * POLL_GROWTH)
        self.status = ""
        if batch.status == "failed" and not batch.files:
            self.why = batch.errors[0] if batch.errors else "It gives no reason."
            words = " ".join(batch.errors).casefold()
            self.too_much = "limit" in words and ("token" in words or "enqueued" in words)
            return None
        self._fetch(record, batch)
        return batch

    def _stop(self, number: str) -> None:
        try:
            self._patiently(lambda: self._server.cancel(number))
        except (RequestRefused, BatchGone):
            pass  # it was over in the meantime

    def _fetch(self, record: BatchRecord, batch: ServerBatch) -> None:
        """All lines of the answers and of the errors into one file, whole or not at all."""
        path = self._journal.answers(record.name)
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        part.touch()
        for file_id in batch.files:
            try:
                self._patiently(partial(self._server.download, file_id, part))
            except BatchGone as gone:
                self.why = str(gone)  # its lines are missing
        part.replace(path)

    def _searched(self, record: BatchRecord) -> ServerBatch | None:
        """The batch of this record at the server; None where it has certainly not begun."""
        since = record.since - CLOCK_SECONDS
        search = partial(self._server.search, record.name, record.file_id, since)
        while True:
            try:
                batch = self._patiently(search)
            except NoBatches as error:
                raise ModelError(
                    f"Whether the batch {record.name} has begun is not known, and the server does "
                    f"not list its batches ({error}). Nothing is sent twice: see docs/faults.md."
                ) from None
            remaining = record.since + SETTLING_SECONDS - time.time()
            if batch is not None or not 0 < remaining <= SETTLING_SECONDS:
                return batch
            self._pause(remaining)  # a list may be a little behind

    def _submitted(self, record: BatchRecord, batch: ServerBatch) -> BatchRecord:
        return self._journal.step(record.name, "submitted", batch_id=batch.batch_id)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (remaining := until - time.monotonic()) > 0:
            if self._host.heartbeat is not None:
                self._host.heartbeat()
            time.sleep(min(SLICE_SECONDS, remaining))

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """What ``attempt`` gives, tried again as a call is; then ModelError."""
        caller = self._host.new_caller()
        try:
            return concurrent_pass.alone(
                lambda: caller.until_answered(attempt), caller, lambda: self._host.heartbeat
            )
        except (Unavailable, Unreadable) as error:
            raise ModelError(str(error)) from None
        except Stopped:
            raise ModelError("Stopped before the server answered; resume goes on.") from None

    def _alone(self, attempt: Callable[[], T]) -> T:
        """What ``attempt`` gives, tried once."""
        caller = self._host.new_caller()
        return concurrent_pass.alone(attempt, caller, lambda: self._host.heartbeat)
