"""The workers of one job: placed, given work one piece at a time, and replaced where they end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from llkd.cluster.messages import Begin, Done, Failed, Lost, Ready, Reply, Submit
from llkd.cluster.worker import Worker

TRIES = 5
"""How many workers one piece of work, or the start of a worker, may end before it is given up."""
WAIT_SECONDS = 0.2


class Ended(Exception):
    """Nothing more can be done; the message says why."""

    def __init__(self, sentence: str, user: bool = False) -> None:
        super().__init__(sentence)
        self.failed = Failed(sentence, user)


@dataclass
class _Actor:
    number: int
    actor: Any
    pending: Any
    """The reference of what it does now; None while it is idle."""
    stage: str = "placing"
    node: str = "a node"
    work: Submit | None = None


@dataclass
class _Tries:
    """How often each piece of work, and how often in a row a start, has ended a worker."""

    of_work: dict[int, int] = field(default_factory=dict)
    of_starts: int = 0

    def count(self, work: Submit | None) -> None:
        if work is None:
            self.of_starts += 1
            if self.of_starts >= TRIES:
                raise Ended(
                    f"{TRIES} workers ended one after the other as they started. Most often a node "
                    "has too little memory for what they load: use fewer workers, or a smaller "
                    "model."
                )
            return
        self.of_work[work.number] = self.of_work.get(work.number, 0) + 1
        if self.of_work[work.number] >= TRIES:
            raise Ended(
                f"The same piece of work ended {TRIES} workers one after the other. Most often a "
                "node has too little memory for it: use fewer workers, or a smaller model."
            )


class Pool:
    """Keeps so many workers at work. Runs in the process that is connected to the cluster."""

    def __init__(self, begin: Begin, place_seconds: float, tell: Callable[[Any], None]) -> None:
        """``tell`` passes a message to the job."""
        import ray

        self._begin, self._place_seconds, self._tell = begin, place_seconds, tell
        self._setup = ray.put(begin.setup)
        options = {"num_cpus": begin.cpus, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
        if begin.gpus:
            options["num_gpus"] = begin.gpus
        self._remote = ray.remote(**options)(Worker)
        self._queue: deque[Submit] = deque()
        self._tries = _Tries()
        self._identity: tuple[str, Any] | None = None
        self._numbers = 0
        self._without_since = time.monotonic()
        self._actors = [self._new() for _ in range(begin.workers)]

    def submit(self, work: Submit) -> None:
        """Have this done as soon as a worker is idle."""
        self._queue.append(work)

    def turn(self) -> None:
        """Take what is ready and hand out work. Raises Ended where nothing more can be done."""
        import ray

        pending = [actor.pending for actor in self._actors if actor.pending is not None]
        if pending:
            ready, _ = ray.wait(pending, timeout=WAIT_SECONDS)
            for actor in [each for each in self._actors if each.pending in ready]:
                self._take(actor)
        else:
            time.sleep(WAIT_SECONDS)
        for actor in self._actors:
            if actor.stage == "ready" and actor.pending is None and self._queue:
                actor.work = self._queue.popleft()
                actor.pending = actor.actor.work.remote(actor.work.item)
        self._check_places()

    def _new(self) -> _Actor:
        self._numbers += 1
        actor = self._remote.remote(self._begin.gpus)
        return _Actor(self._numbers, actor, actor.place.remote())

    def _take(self, actor: _Actor) -> None:
        import ray

        work, actor.work, reference, actor.pending = actor.work, None, actor.pending, None
        try:
            value = ray.get(reference, timeout=60)
        except ray.exceptions.RayError as error:
            self._replace(actor, work, error)
            return
        if actor.stage == "placing":
            actor.stage, actor.node = "preparing", str(value)
            actor.pending = actor.actor.prepare.remote(self._begin.make, self._setup)
            return
        reply: Reply = value
        if reply.error is not None:
            raise Ended(f"{reply.error} (A worker on {actor.node} says so.)", reply.user)
        if actor.stage == "preparing":
            actor.stage = "ready"
            self._tries.of_starts = 0
            self._check_identity(actor, reply.value)
            self._tell(Ready(actor.number, actor.node, reply.value))
        elif work is not None:
            self._tries.of_work.pop(work.number, None)
            self._tell(Done(work.number, reply.value))

    def _replace(self, actor: _Actor, work: Submit | None, error: Exception) -> None:
        import ray

        if isinstance(error, ray.exceptions.RuntimeEnvSetupError):
            raise Ended(f"The workers cannot be set up: {_first_line(error)}")
        self._tell(Lost(actor.number, actor.node))
        self._tries.count(work)
        if work is not None:
            self._queue.appendleft(work)
        ray.kill(actor.actor)  # one that is only out of reach must not go on beside its successor
        self._actors[self._actors.index(actor)] = self._new()

    def _check_identity(self, actor: _Actor, identity: Any) -> None:
        if self._identity is None:
            self._identity = (actor.node, identity)
        node, first = self._identity
        if identity != first:
            raise Ended(
                f"The workers on {node} and {actor.node} would not do the same: "
                f"{_difference(first, identity)}. Name a precision, or use nodes of one kind."
            )

    def _check_places(self) -> None:
        if any(actor.stage != "placing" for actor in self._actors):
            self._without_since = time.monotonic()
        elif time.monotonic() - self._without_since > self._place_seconds:
            begin = self._begin
            raise Ended(
                f"No worker of {begin.cpus:g} CPUs and {begin.gpus:g} GPUs found a place on the "
                f"cluster within {self._place_seconds:g} s: others use it. Wait for them, or ask "
                "for less.",
                user=True,
            )


def _difference(first: Any, other: Any) -> str:
    if isinstance(first, dict) and isinstance(other, dict):
        names = [name for name in first if first[name] != other.get(name)]
        if names:
            name = names[0]
            return f"{name} is {first[name]!s:.60} on one and {other.get(name)!s:.60} on the other"
    return "they have other settings"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
