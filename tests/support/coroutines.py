"""Coroutines in tests, whatever else the process runs."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def result_of(coroutine):
    """What the coroutine returns, or raises.

    It runs in a thread of its own: the browser's event loop occupies the main thread of a process
    that ran browser tests before.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
