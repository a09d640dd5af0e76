"""What one call may use: memory, processor time, and time by the clock."""

from __future__ import annotations

import resource
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_CLOCK = 5  # seconds by the clock for each of the processor: other work may want it too
_SPARE = 64 << 20  # bytes, in which to say that memory is short
_GRACE = 5  # seconds from the signal that ends a process to the one that cannot be caught


@dataclass(frozen=True)
class Limits:
    """What a call may use.

    ``memory`` counts bytes of the process's own (files that it maps do not count), ``seconds`` are
    those of the processor, ``clock`` those by the clock, after which a call that only waits is
    ended (None is five times as much and a minute). Memory is limited on Linux only.
    """

    memory: int
    seconds: int
    clock: int | None = None

    @property
    def clock_seconds(self) -> int:
        """``clock``, or what stands for it."""
        return 60 + _CLOCK * self.seconds if self.clock is None else self.clock

    def apply(self) -> None:
        """Hold this process to them, and let the system end it before others where memory is short.

        RLIMIT_DATA and not RLIMIT_AS: a table read through a mapped file takes addresses, not
        memory.
        """
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (self.seconds, self.seconds + _GRACE))
        signal.setitimer(signal.ITIMER_REAL, self.clock_seconds)
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_DATA, (self.memory, self.memory + _SPARE))
            with suppress(OSError):
                Path("/proc/self/oom_score_adj").write_text("1000")


def more_memory() -> None:
    """Where memory has run short: some more, to say so."""
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
