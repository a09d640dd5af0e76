"""Asking a server about many texts at a time: each answer is yielded as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

from llkd.teachers.base import ScoredBatch
from llkd.teachers.calls.concurrency import Concurrency
from llkd.teachers.failures import HEARTBEAT_SECONDS, FailureTracker, UsabilityCheck

T = TypeVar("T")
Heartbeat = Callable[[], None] | None
_THREADS = "llkd-api"


class Endable(Protocol):
    """What sends the requests of a pass (``calls.metered.MeteredCalls``)."""

    def stop(self) -> None:
        """End pauses: a failed call is not tried again."""
        ...

    def end(self) -> None:
        """Send nothing any more."""
        ...


def answers(
    texts: Sequence[str],
    ask: Callable[[int, str], ScoredBatch],
    caller: Endable,
    concurrency: Concurrency,
    usability: UsabilityCheck,
    heartbeat: Callable[[], Heartbeat],
) -> Iterator[ScoredBatch]:
    """Yield what ``ask(index, text)`` gives for each text, as many at a time as the server bears.

    A failure is raised after what was answered. A text that the server failed on (Unavailable) is
    left out, and ModelError says at the end how many were; ``failures.IN_A_ROW`` of them end the
    pass. ``heartbeat()`` is what to call about once a second, by the thread that iterates; what
    that raises ends the pass after the calls on their way are yielded.
    """
    todo = iter(enumerate(texts))
    running: set[Future[ScoredBatch]] = set()
    failures = FailureTracker()
    pool = ThreadPoolExecutor(concurrency.most, thread_name_prefix=_THREADS)
    try:
        while True:
            while failures.failure is None and len(running) < concurrency.number:
                item = next(todo, None)
                if item is None:
                    break
                running.add(pool.submit(ask, *item))
            if not running or failures.over():
                break
            finished, running = wait(running, HEARTBEAT_SECONDS, return_when=FIRST_COMPLETED)
            for future in finished:
                error = future.exception()
                failures.note(error)
                if error is None:
                    batch = future.result()
                    failures.end_with(usability.note(batch))
                    yield batch
            failures.beat(heartbeat())
            if failures.failure is not None:
                caller.stop()
    finally:
        caller.end()
        pool.shutdown(wait=False, cancel_futures=True)
    failures.raise_failure()


def alone(work: Callable[[], T], caller: Endable, heartbeat: Callable[[], Heartbeat]) -> T:
    """What ``work`` gives, in a thread of its own: a long pause must not keep a job from stopping.

    Raises what it raises, and what the heartbeat raises.
    """
    failures = FailureTracker()
    pool = ThreadPoolExecutor(1, thread_name_prefix=_THREADS)
    try:
        future = pool.submit(work)
        while not wait([future], HEARTBEAT_SECONDS).done and not failures.over():
            failures.beat(heartbeat())
            if failures.failure is not None:
                caller.stop()
    finally:
        caller.end()
        pool.shutdown(wait=False, cancel_futures=True)
    failures.raise_failure()
    return future.result()
