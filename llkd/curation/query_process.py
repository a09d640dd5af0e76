"""A process of its own that keeps the student and turns typed texts into vectors.

The web process asks it, and loads no model itself. It is started by the first question, and ends
when nobody asks for ten minutes or this process ends.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import numpy as np

from llkd.curation.meaning import LONGEST_MEANING
from llkd.errors import LLKDError, UserError
from llkd.selection.signals import Floats

LOADING_SECONDS = 180.0
"""The first answer waits for the student to be loaded."""
_MODULE = "llkd.embedding.queries"


class QueryProcess:
    """One student in a process of its own; questions of several threads wait for one another."""

    def __init__(self, home: str, student: str) -> None:
        self._home, self._student = home, student
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def vector(self, text: str) -> Floats:
        """The embedding ``[d]`` of a typed text. Raises UserError with what went wrong."""
        question = json.dumps({"text": text[:LONGEST_MEANING]}).encode("ascii") + b"\n"
        with self._lock:
            for last in (False, True):
                try:
                    reply = self._ask(question)
                    break
                except OSError as error:  # it ended, as it does when nobody asks
                    self.close()
                    if last:
                        raise LLKDError(
                            f"The process that reads meanings ended ({error}). Free some memory "
                            "and try again."
                        ) from None
        if "error" in reply:
            raise UserError(str(reply["error"]))
        return np.asarray(reply["vector"], dtype=np.float64)

    @property
    def pid(self) -> int | None:
        """Of the process, while one is there."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End the process."""
        process, self._process, self._rest = self._process, None, b""
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
            return
        process.kill()
        process.wait()

    def _ask(self, question: bytes) -> dict[str, Any]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, self._student],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "LLKD_HOME": self._home},
            )
        stream = self._process.stdin
        if stream is None:
            raise BrokenPipeError("no way to ask")
        stream.write(question)
        stream.flush()
        reply: dict[str, Any] = json.loads(self._line(self._process))
        return reply

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        """Its next line. Raises OSError where it ends or takes too long."""
        if process.stdout is None:
            raise BrokenPipeError("no answer can come")
        until = time.monotonic() + LOADING_SECONDS
        while b"\n" not in self._rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                process.kill()
                raise TimeoutError("it took too long")
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                raise BrokenPipeError(f"it left with {process.wait()}")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line


_PROCESSES: dict[tuple[str, str], QueryProcess] = {}
_STARTING = threading.Lock()


def query_vector(home: str, student: str, text: str) -> Floats:
    """The embedding ``[d]`` of a typed text by a student, from the process that keeps it."""
    with _STARTING:
        process = _PROCESSES.get((home, student))
        if process is None:
            # One model in memory at a time: another home or student takes its place.
            for other in _PROCESSES.values():
                other.close()
            _PROCESSES.clear()
            process = _PROCESSES[home, student] = QueryProcess(home, student)
    return process.vector(text)


def running() -> list[int]:
    """The processes that are kept here."""
    return [process.pid for process in _PROCESSES.values() if process.pid is not None]


def stop() -> None:
    """End the processes that were started here."""
    with _STARTING:
        for process in _PROCESSES.values():
            process.close()
        _PROCESSES.clear()


atexit.register(stop)
