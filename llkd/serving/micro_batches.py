"""What waits is worked on together: texts of many requests as one batch, in threads."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from llkd.serving.questions import RequestRefused

T = TypeVar("T")
R = TypeVar("R")

LONGEST_WAIT = 60
"""The most seconds after which a caller is told to come back."""


@dataclass
class _Call(Generic[T, R]):
    """The items of one request: how many are handed to a thread, and what came back."""

    items: Sequence[T]
    future: asyncio.Future[list[R]]
    results: dict[int, R] = field(default_factory=dict)
    begun: int = 0


class MicroBatches(Generic[T, R]):
    """Items of concurrent calls, worked on in batches by ``workers`` threads.

    ``work`` takes up to ``batch`` items and returns a result for each, or the exception that its
    caller is to get; it runs in several threads at once where there are several workers. At most
    ``waiting`` items wait; nothing is held back to fill a batch: a free worker takes its share of
    what waits at once.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Sequence[R | Exception]],
        *,
        waiting: int,
        batch: int,
        workers: int = 1,
    ) -> None:
        self._work, self._most_waiting, self._batch, self._workers = work, waiting, batch, workers
        self._calls: deque[_Call[T, R]] = deque()
        self.waiting = 0
        self.idle = workers
        self.batches = 0
        self._pace = 0.0
        self._arrived: asyncio.Event | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="llkd-batch")
        self._closing = False

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._arrived = asyncio.Event()
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._workers)]

    def check_room(self, items: int = 1) -> None:
        """Raise RequestRefused (429) where ``items`` more cannot wait."""
        if self.waiting + items > self._most_waiting:
            raise RequestRefused(
                f"Too much waits: {self.waiting:,} of at most {self._most_waiting:,} texts. Come "
                "back in a moment, or send fewer at once.",
                429,
                kind="rate_limit",
                retry_after=self.seconds_to_wait(),
            )

    def seconds_to_wait(self) -> float:
        """How long what waits now will take, by the pace of the latest batches; 1 unknown."""
        if not self._pace:
            return 1.0
        return min(float(LONGEST_WAIT), max(1.0, self.waiting / self._pace))

    async def submit(self, items: Sequence[T]) -> list[R]:
        """A result for each item. Raises RequestRefused where they cannot wait."""
        if not items:
            return []
        self.check_room(len(items))
        call = _Call[T, R](items, asyncio.get_running_loop().create_future())
        self._calls.append(call)
        self.waiting += len(items)
        assert self._arrived is not None, "start() comes first"  # noqa: S101 # nosec B101
        self._arrived.set()
        return await call.future

    async def close(self) -> None:
        """Finish what waits, then stop."""
        self._closing = True
        if self._arrived is not None:
            self._arrived.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._pool.shutdown(wait=True)

    async def _run(self) -> None:
        loop, arrived = asyncio.get_running_loop(), self._arrived
        assert arrived is not None  # noqa: S101 # nosec B101
        while True:
            parts = self._take()
            if not parts:
                if self._closing:
                    return
                arrived.clear()
                await arrived.wait()
                continue
            items = [call.items[place] for call, place in parts]
            self.idle -= 1
            began = time.perf_counter()
            try:
                results = await loop.run_in_executor(self._pool, self._work, items)
            except Exception as error:
                for call, _ in parts:
                    if not call.future.done():
                        call.future.set_exception(error)
            else:
                self._measure(len(items), time.perf_counter() - began)
                _hand_out(parts, results)
            finally:
                self.idle += 1

    def _take(self) -> list[tuple[_Call[T, R], int]]:
        """This worker's share of what waits; calls that nobody waits for any more are dropped."""
        share = min(self._batch, -(-self.waiting // max(1, self.idle)))
        parts: list[tuple[_Call[T, R], int]] = []
        while self._calls and len(parts) < share:
            call = self._calls[0]
            here = 0 if call.future.done() else min(share - len(parts), _left(call))
            parts += [(call, place) for place in range(call.begun, call.begun + here)]
            call.begun += here
            self.waiting -= here
            if call.future.done() or not _left(call):
                self._calls.popleft()
                self.waiting -= _left(call)
        return parts

    def _measure(self, items: int, seconds: float) -> None:
        self.batches += 1
        pace = self._workers * items / max(seconds, 1e-6)
        self._pace = pace if not self._pace else 0.9 * self._pace + 0.1 * pace


def _left(call: _Call[T, R]) -> int:
    """How many items of a call no thread has begun."""
    return len(call.items) - call.begun


def _hand_out(parts: Sequence[tuple[_Call[T, R], int]], results: Sequence[R | Exception]) -> None:
    for (call, place), result in zip(parts, results, strict=True):
        if call.future.done():
            continue
        if isinstance(result, Exception):
            call.future.set_exception(result)
            continue
        call.results[place] = result
        if len(call.results) == len(call.items):
            call.future.set_result([call.results[k] for k in range(len(call.items))])
