"""Job records: what a job is, how far it is, how it ended. `llkd.jobs` gives them life."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from llkd.errors import ConfigError, NotFound
from llkd.store import schema
from llkd.store.damaged import DamagedRecord, documents, read_record, read_records
from llkd.store.engine.database import can_be, new_id
from llkd.store.engine.moments import present

LIVE = ("queued", "running")
ENDED = ("finished", "failed", "cancelled", "died")


@dataclass(frozen=True)
class Job:
    """One job. ``done`` of ``total`` in units of its kind; times in seconds since 1970."""

    id: int
    project_id: int | None
    kind: str
    title: str
    arguments: list[str]
    """The command that a version before 0.4.0 stored in place of a request."""
    request: dict[str, Any] | None
    """What is to be done, as ``llkd.jobs.requests`` reads it."""
    context: dict[str, Any]
    device: str | None
    state: str
    pid: int | None
    attempts: int
    created: float
    queued: float
    started: float | None
    finished: float | None
    heartbeat: float | None
    done: int
    total: int | None
    message: str
    cancel_requested: float | None
    result: dict[str, Any] | None
    error: str | None

    @property
    def live(self) -> bool:
        """Queued or running."""
        return self.state in LIVE

    @property
    def share(self) -> float:
        """Progress from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Time left at the pace so far; None before there is a pace."""
        if self.state != "running" or not self.total or self.started is None:
            return None
        began = self.context.get("began_at", 0)
        moved = self.done - began
        since = self.context.get("pace_from", self.started)
        spent = (self.heartbeat or time.time()) - since
        return (self.total - self.done) * spent / moved if moved > 0 and spent > 0 else None


class JobRecords:
    """The job table of one home."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def create(
        self,
        kind: str,
        title: str,
        request: dict[str, Any] | None = None,
        project_id: int | None = None,
        device: str | None = None,
        before_it_shows: Callable[[int], object] = lambda job_id: None,
        *,
        arguments: Sequence[str] = (),
    ) -> Job:
        """A queued job; ``before_it_shows`` is called with its number while nobody sees it yet."""
        now = present()
        with self._engine.begin() as connection:
            insertion = connection.execute(
                sa.insert(schema.jobs).values(
                    kind=kind,
                    title=title[:300],
                    arguments=list(arguments),
                    request=request,
                    # Relative paths in the request mean the same when it is resumed.
                    context={"cwd": os.getcwd()},
                    project_id=project_id,
                    device=device,
                    state="queued",
                    created=now,
                    queued=self._last_place(connection, now),
                    heartbeat=now,
                )
            )
            job_id = new_id(insertion)
            before_it_shows(job_id)
            return self._get(connection, job_id)

    def get(self, job_id: int) -> Job:
        """One job. Raises NotFound."""
        with self._engine.connect() as connection:
            return self._get(connection, job_id)

    def all(
        self, project_id: int | None = None, states: tuple[str, ...] | None = None
    ) -> list[Job]:
        """Jobs, newest first."""
        query = sa.select(schema.jobs).order_by(schema.jobs.c.id.desc())
        if project_id is not None:
            query = query.where(schema.jobs.c.project_id == project_id)
        if states is not None:
            query = query.where(schema.jobs.c.state.in_(states))
        with self._engine.connect() as connection:
            return read_records(connection.execute(query), "job", _from_row)[0]

    def damaged(self) -> list[DamagedRecord]:
        """Jobs whose record cannot be read; :meth:`all` leaves them out."""
        with self._engine.connect() as connection:
            return read_records(connection.execute(sa.select(schema.jobs)), "job", _from_row)[1]

    def update(self, job_id: int, **values: Any) -> None:
        """Set columns of one job."""
        if "message" in values:
            values["message"] = values["message"][:500]
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(schema.jobs).where(schema.jobs.c.id == job_id).values(**values)
            )

    def move(self, job_id: int, before: tuple[str, ...], state: str, **values: Any) -> bool:
        """Change the state only if it is one of ``before`` now; says whether it did."""
        with self._engine.begin() as connection:
            done = connection.execute(
                sa.update(schema.jobs)
                .where((schema.jobs.c.id == job_id) & schema.jobs.c.state.in_(before))
                .values(state=state, **values)
            )
            return int(done.rowcount) == 1

    def queue_again(self, job_id: int, before: tuple[str, ...], **values: Any) -> bool:
        """Put a job whose state is one of ``before`` at the end of the queue; says if it did."""
        with self._engine.begin() as connection:
            done = connection.execute(
                sa.update(schema.jobs)
                .where((schema.jobs.c.id == job_id) & schema.jobs.c.state.in_(before))
                .values(state="queued", queued=self._last_place(connection, present()), **values)
            )
            return int(done.rowcount) == 1

    def remember(self, job_id: int, **facts: Any) -> None:
        """Merge facts into the job's context (which labelling or run it works on)."""
        with self._engine.begin() as connection:
            job = self._get(connection, job_id)
            connection.execute(
                sa.update(schema.jobs)
                .where(schema.jobs.c.id == job_id)
                .values(context={**job.context, **facts})
            )

    @staticmethod
    def _last_place(connection: sa.Connection, now: float) -> float:
        """A place behind all that were queued before, also where the clock was set back."""
        last = connection.execute(sa.select(sa.func.max(schema.jobs.c.queued))).scalar()
        return now if last is None or now > last else last + 1e-3

    @staticmethod
    def _get(connection: sa.Connection, job_id: int) -> Job:
        query = sa.select(schema.jobs).where(schema.jobs.c.id == job_id)
        row = connection.execute(query).one_or_none() if can_be(job_id) else None
        if row is None:
            raise NotFound(f"There is no job {job_id}. See: llkd jobs")
        return read_record(row, "job", _from_row)


def _from_row(values: dict[str, Any]) -> Job:
    documents(values, "context", optional=("request", "result"))
    if not isinstance(values["arguments"], list):
        raise ConfigError("arguments hold no list")
    return Job(**values)
