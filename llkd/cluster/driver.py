"""The process that speaks to the cluster: ``python -m llkd.cluster.driver DESCRIPTOR``.

It ends when the job's process does, because it then reads no more from the pipe; with it end the
workers, and a cluster that was started for the job.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from llkd.cluster.messages import (
    Begin,
    ClusterSize,
    Connect,
    Connected,
    Failed,
    Node,
    Stop,
    Submit,
)
from llkd.cluster.pool import Ended, Pool
from llkd.config.executor import CLIENT

STORE_BYTES = 200_000_000
"""Memory of the object store of a cluster that is started for a job; more goes to the disk."""
WATCH_SECONDS = 2.0
_STARTED_LATE = ("client server failed", "timed out during startup")
HEAD_GONE = "The head node of the cluster does not answer any more."


def main(descriptor: int) -> None:
    """Do what comes through the pipe until it closes or says to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the job, which then says to stop
    channel = Connection(descriptor)
    inbox: queue.Queue[Any] = queue.Queue()
    sending = threading.Lock()

    def tell(message: Any) -> None:
        with sending:
            channel.send(message)

    threading.Thread(target=_read, args=(channel, inbox), daemon=True).start()
    try:
        _serve(inbox, tell)
    except Ended as ended:
        tell(ended.failed)
    except BrokenPipeError:
        os._exit(1)
    _leave()


def _read(channel: Connection, inbox: queue.Queue[Any]) -> None:
    try:
        while True:
            inbox.put(channel.recv())
    except (EOFError, OSError):  # the job's process is gone
        os._exit(1)


def _serve(inbox: queue.Queue[Any], tell: Callable[[Any], None]) -> None:
    connect: Connect = inbox.get()
    size, watched = _connected(connect)
    if watched is not None:
        watch = (watched, connect.head_seconds, tell)
        threading.Thread(target=_watch_head, args=watch, daemon=True).start()
    tell(Connected(size))
    pool: Pool | None = None
    while True:
        try:
            message = inbox.get(block=pool is None)
        except queue.Empty:
            message = None
        if isinstance(message, Stop):
            return
        if isinstance(message, Begin):
            pool = Pool(message, connect.place_seconds, tell)
        elif pool is not None:
            if isinstance(message, Submit):
                pool.submit(message)
                continue  # more may wait
            try:
                pool.turn()
            except ConnectionError as error:
                raise Ended(HEAD_GONE) from error


def _connected(connect: Connect) -> tuple[ClusterSize, tuple[str, int] | None]:
    """Connect; the cluster's size, and the address whose silence means that it is gone."""
    import ray

    address = connect.address or _running_here()
    started_here = address is None
    if started_here and not connect.local:
        raise Ended(
            "No Ray cluster runs on this machine. Start one (ray start --head), name another's "
            "address, or use --on ray, which starts one for the job.",
            user=True,
        )
    options: dict[str, Any] = {"address": address or "local"}
    if started_here:
        options |= {"include_dashboard": False, "object_store_memory": STORE_BYTES}
    options |= {"logging_level": logging.ERROR, "log_to_driver": False}
    options["runtime_env"] = {"py_modules": [connect.package]}
    try:
        _init(options)
    except (Exception, SystemExit) as error:
        raise Ended(_refusal(error, address or "this machine"), user=True) from error
    nodes = tuple(
        Node(
            str(node["NodeManagerAddress"]),
            float(node["Resources"].get("CPU", 0)),
            float(node["Resources"].get("GPU", 0)),
        )
        for node in ray.nodes()
        if node["Alive"]
    )
    free = ray.available_resources()
    size = ClusterSize(nodes, free.get("CPU", 0.0), free.get("GPU", 0.0), started_here)
    if address is not None and address.startswith(CLIENT):
        head = address.removeprefix(CLIENT)
    else:
        head = str(ray.get_runtime_context().gcs_address)
    host, _, port = head.rpartition(":")
    return size, (host.strip("[]"), int(port)) if port.isdigit() else None


def _init(options: dict[str, Any]) -> None:
    """Connect. A busy machine needs a second try to start a node, or a client's server on it."""
    import ray

    for tries_left in (2, 1, 0):
        try:
            ray.init(**options)
            return
        except Exception as error:
            late = any(words in str(error) for words in _STARTED_LATE)
            if not tries_left or not late:
                raise
            ray.shutdown()


def _running_here() -> str | None:
    """The address of a cluster that runs on this machine and answers; None where there is none."""
    from ray._private.utils import read_ray_address

    address = os.environ.get("RAY_ADDRESS") or read_ray_address()
    if not address or address in {"auto", "local"}:
        return None
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    return address if port.isdigit() and answers(host.strip("[]"), int(port)) else None


def answers(host: str, port: int, seconds: float = 5.0) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection((host, port), seconds).close()
    except OSError:
        return False
    return True


def _refusal(error: BaseException, address: str) -> str:
    words = " ".join(str(error).split())
    if "ersion mismatch" in words:
        return (
            f"The Ray cluster at {address} has another version of Ray or Python than this "
            f"machine, and they must be the same: {words[:300]}"
        )
    if "uthentication" in type(error).__name__ or "uthentication token" in words:
        return (
            f"The Ray cluster at {address} asks for its token. Put it into ~/.ray/auth_token or "
            "RAY_AUTH_TOKEN on this machine, and set RAY_AUTH_MODE=token."
        )
    if isinstance(error, ConnectionError) and "RAY_AUTH_MODE" not in os.environ:
        return (
            f"The Ray cluster at {address} does not let this machine in. Most often it asks for "
            "its token: put it into ~/.ray/auth_token here, and set RAY_AUTH_MODE=token."
        )
    return f"The Ray cluster at {address} cannot be used: {words[:300] or type(error).__name__}"


def _watch_head(address: tuple[str, int], patience: float, tell: Callable[[Any], None]) -> None:
    """End this process once the head node has not answered for ``patience`` seconds."""
    if not answers(*address):
        return  # a firewall stands between, and only the connection itself can tell
    last = time.monotonic()
    while True:
        time.sleep(WATCH_SECONDS)
        if answers(*address):
            last = time.monotonic()
        elif time.monotonic() - last > patience:
            tell(Failed(HEAD_GONE))
            os._exit(1)


def _leave() -> None:
    """Let go of the cluster; what cannot be told any more must not keep this process."""
    threading.Timer(5.0, os._exit, [1]).start()
    import ray

    ray.shutdown()
    os._exit(0)


if __name__ == "__main__":
    sys.path[:] = [part for part in sys.path if part != str(Path(__file__).parent)]
    main(int(sys.argv[1]))
