"""Texts of many calls are worked on together, and each call gets its own results, or its error."""

import asyncio
import threading
import time

import pytest

from llkd.serving.micro_batches import MicroBatches
from llkd.serving.questions import RequestRefused
from tests.support.coroutines import result_of


def run(scenario, work, **options):
    """What the coroutine ``scenario(batches)`` returns, with a started queue."""
    settings = {"waiting": 1000, "batch": 8, "workers": 1, **options}

    async def main():
        batches = MicroBatches(work, **settings)
        batches.start()
        try:
            return await scenario(batches)
        finally:
            await batches.close()

    return result_of(main())


def test_each_call_gets_its_results_in_order_in_few_batches():
    sizes, held = [], threading.Event()

    def work(items):
        held.wait(10)
        sizes.append(len(items))
        return [item * 10 for item in items]

    async def scenario(batches):
        calls = [
            asyncio.create_task(batches.submit(list(range(k, k + n))))
            for k, n in ((0, 1), (10, 20), (40, 3), (50, 0))
        ]
        await asyncio.sleep(0.05)
        held.set()
        return await asyncio.gather(*calls)

    results = run(scenario, work)
    assert results == [
        [0], [10 * k for k in range(10, 30)], [400, 410, 420], [],
    ]  # fmt: skip
    assert sum(sizes) == 24 and max(sizes) == 8 and len(sizes) <= 5


def test_workers_share_what_waits():
    barrier = threading.Barrier(2, timeout=30)

    def work(items):
        barrier.wait()  # passes only with two at once
        return items

    assert run(lambda b: b.submit(list(range(8))), work, workers=2) == list(range(8))


def test_an_error_reaches_its_callers_and_the_queue_goes_on():
    def work(items):
        if "bad" in items:
            raise ValueError("bad item")
        return items

    async def scenario(batches):
        with pytest.raises(ValueError, match="bad item"):
            await batches.submit(["bad"])
        return await batches.submit(["good"]), batches.waiting, batches.idle

    assert run(scenario, work) == (["good"], 0, 1)


def test_no_more_waits_than_may():
    held = threading.Event()

    def work(items):
        held.wait(30)
        return items

    async def scenario(batches):
        first = asyncio.create_task(batches.submit([0]))
        await asyncio.sleep(0.05)  # a worker has it
        waiting = asyncio.create_task(batches.submit([1, 2, 3]))
        await asyncio.sleep(0)
        with pytest.raises(RequestRefused) as caught:
            await batches.submit([4])
        held.set()
        return caught.value, await first, await waiting

    refusal, *results = run(scenario, work, waiting=3, batch=1)
    assert (refusal.status, refusal.kind, results) == (429, "rate_limit", [[0], [1, 2, 3]])
    assert refusal.retry_after >= 1


def test_a_call_that_is_given_up_frees_its_room():
    held, seen = threading.Event(), []

    def work(items):
        held.wait(30)
        seen.extend(items)
        return items

    async def scenario(batches):
        first = asyncio.create_task(batches.submit([0]))
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(batches.submit([1, 2]))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        held.set()
        await first
        return await batches.submit([3]), batches.waiting

    assert run(scenario, work, waiting=3) == ([3], 0)
    assert seen == [0, 3]


def test_closing_finishes_what_waits():
    def work(items):
        time.sleep(0.01)
        return items

    async def scenario(batches):
        calls = [asyncio.create_task(batches.submit([k])) for k in range(20)]
        await asyncio.sleep(0)
        await batches.close()
        return await asyncio.gather(*calls)

    assert run(scenario, work, batch=2) == [[k] for k in range(20)]
