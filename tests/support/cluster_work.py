"""Work for workers of a cluster in tests: it waits, or it ends its worker."""

import os
import time


class SleepingWork:
    """Doubles numbers after a while; ``"end"`` ends the worker."""

    identity = {"kind": "sleeping"}

    def __init__(self, seconds):
        self.seconds = seconds

    def __call__(self, item):
        if item == "end":
            os._exit(3)
        time.sleep(self.seconds)
        return 2 * item


def sleeping(seconds):
    return SleepingWork(seconds)
