"""A cluster as the job sees it: its size, its workers, and what comes of the work given to them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import IO, Any

from llkd.cluster.driver import answers
from llkd.cluster.messages import (
    Begin,
    ClusterSize,
    Connect,
    Connected,
    Done,
    Failed,
    Lost,
    Ready,
    Stop,
    Submit,
)
from llkd.config.executor import CLIENT, ExecutorConfig
from llkd.errors import ClusterError, UserError
from llkd.installation import require

CONNECT_SECONDS = 90.0
"""How long connecting may take: a client of Ray waits forever for a server that is none."""
HEAD_SECONDS = 20.0
PLACE_SECONDS = 120.0
LOOK_SECONDS = 0.5
AHEAD = 2
"""Pieces of work that are handed over for each worker, so that none is idle for long."""
_PACKAGE = Path(__file__).resolve().parents[1]
_LOG = logging.getLogger(__name__)
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
Check = Callable[[], None]


def never() -> None:
    """Nobody stops it."""


class Cluster:
    """A connection to a cluster, in a process of its own. Close it, and its workers end."""

    def __init__(self, executor: ExecutorConfig, check: Check = never) -> None:
        """Connect. ``check`` is called about once a second, and raises where the job is to end.

        Raises UserError where Ray is not installed, or nothing answers at the address, and
        ClusterError where the cluster cannot be used.
        """
        require("ray", "Work on a Ray cluster")
        self._executor, self.check = executor, check
        self.identity: Any = None
        self.nodes: dict[int, str] = {}
        """The node of every worker that is ready, by the worker's number."""
        _check_address(executor)
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the rest)
        self._channel, self._process = _started(self._log)
        try:
            self.size = self._connected()
        except BaseException:
            self.close()
            raise

    @property
    def connected(self) -> bool:
        """Whether the process that speaks to the cluster is there."""
        return self._process.poll() is None

    def begin(self, make: str, setup: Any, gpus_usual: bool = True) -> None:
        """Begin workers and wait for the first: ``make`` (``module:name``) makes its work.

        Raises UserError where the cluster is too small, and what the work raises as ClusterError.
        """
        workers, cpus, gpus = planned(self._executor, self.size, gpus_usual)
        self.workers, self.gpus = workers, gpus
        self._send(Begin(make, setup, workers, cpus, gpus))
        while not self.nodes:
            self._receive()

    def results(self, items: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Yield the position of every item and what came of it, in the order they are done.

        A worker that ends is replaced and its item done by another. Raises ClusterError where the
        cluster is gone or the work fails, and what ``check`` raises.
        """
        waiting = enumerate(items)
        handed_over: set[int] = set()
        more = True
        while more or handed_over:
            while more and len(handed_over) < AHEAD * self.workers:
                following = next(waiting, None)
                if following is None:
                    more = False
                    break
                self._send(Submit(*following))
                handed_over.add(following[0])
            if not handed_over:
                return
            message = self._receive()
            if isinstance(message, Done) and message.number in handed_over:
                handed_over.discard(message.number)
                yield message.number, message.result

    def close(self) -> None:
        """Let go of the workers, and of the cluster where it was started for this."""
        with suppress(OSError, ValueError):
            self._channel.send(Stop())
        try:
            self._process.wait(8)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._channel.close()
        self._log.close()

    def _connected(self) -> ClusterSize:
        address = None if self._executor.host_and_port is None else self._executor.on
        local = self._executor.starts_workers_here
        self._send(Connect(address, local, str(_PACKAGE), HEAD_SECONDS, PLACE_SECONDS))
        deadline = time.monotonic() + CONNECT_SECONDS
        while time.monotonic() < deadline:
            message = self._receive()
            if isinstance(message, Connected):
                return message.size
        hint = ""
        if address is not None and not address.startswith(CLIENT):
            hint = (
                " With HOST:PORT this machine must be a node of it (ray start --address=HOST:PORT);"
                " from outside, use ray://HOST:10001."
            )
        raise UserError(
            f"No Ray cluster answered at {self._executor.on} within {CONNECT_SECONDS:g} s.{hint}"
        )

    def _send(self, message: Any) -> None:
        try:
            self._channel.send(message)
        except OSError as error:
            raise self._gone() from error

    def _receive(self) -> Any:
        """The next message; None where none came for a moment. Raises ClusterError."""
        self.check()
        try:
            if not self._channel.poll(LOOK_SECONDS):
                return None
            message = self._channel.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        if isinstance(message, Failed):
            kind = UserError if message.user else ClusterError
            raise kind(message.sentence)
        if isinstance(message, Ready):
            self.identity = message.identity
            self.nodes[message.worker] = message.node
        elif isinstance(message, Lost):
            self.nodes.pop(message.worker, None)
            _LOG.warning("A worker on %s ended; its work goes to another.", message.node)
        return message

    def _gone(self) -> ClusterError:
        self.check()  # a wish to stop comes first
        with suppress(OSError, ValueError):
            self._log.seek(0)
            lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
            for line in lines[-10:]:
                _LOG.warning("ray: %s", line[:300])
        return ClusterError(
            f"The Ray cluster ({self._executor.on}) is gone: the connection to its head node broke."
        )


def planned(
    executor: ExecutorConfig, size: ClusterSize, gpus_usual: bool
) -> tuple[int, float, float]:
    """Workers, and CPUs and GPUs of each. Raises UserError where the cluster cannot hold them."""
    cpus = executor.worker_cpus
    usual = 1.0 if size.gpus and gpus_usual else 0.0
    gpus = usual if executor.worker_gpus is None else executor.worker_gpus
    places = sum(node.places(cpus, gpus) for node in size.nodes)
    if places < (executor.cluster_workers or 1):
        wanted = executor.cluster_workers or 1
        raise UserError(
            f"{wanted} worker{'s' * (wanted > 1)} of {cpus:g} CPUs and {gpus:g} GPUs do not fit: "
            f"the cluster has room for {places}. {size.sentence}"
        )
    free = int(size.free_cpus // cpus)
    if gpus:
        free = min(free, int(size.free_gpus // gpus))
    return executor.cluster_workers or max(1, min(places, free)), cpus, gpus


def _check_address(executor: ExecutorConfig) -> None:
    place = executor.host_and_port
    if place is not None and not answers(*place):
        raise UserError(
            f"Nothing answers at {place[0]}:{place[1]}. Is the Ray cluster running, and is this "
            "its port (6379 for HOST:PORT, 10001 for ray://HOST:PORT unless it was set)?"
        )


def _started(log: IO[bytes]) -> tuple[Connection, subprocess.Popen[bytes]]:
    mine, others = Pipe()
    paths = [str(_PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    environment = {
        **_QUIET,
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }
    with others:
        descriptor = others.fileno()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "llkd.cluster.driver", str(descriptor)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(descriptor,),
            env=environment,
        )
    return mine, process
