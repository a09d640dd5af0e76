"""Starting a server from its flags, whoever parsed them."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from argparse import Namespace

from llkd.config.base import build
from llkd.installation import require
from llkd.serving.decider import Decider
from llkd.serving.limits import Limits, check_address, key_from
from llkd.serving.onnx_classifier import StudentFiles

ENDING_SECONDS = 1.0
"""Within which threads that are about to end do so."""


def limits_of(arguments: Namespace) -> Limits:
    """The limits of the flags. Raises ConfigError."""
    return build(
        Limits, {name: getattr(arguments, f"limit_{name}") for name in Limits.model_fields}
    )


def serve_student(files: StudentFiles, arguments: Namespace) -> None:
    """Serve a student until a signal comes. Raises LLKDError where it cannot be started."""
    require("serve", "A student's server")
    from llkd.serving.folder import check_precision
    from llkd.serving.student_decider import StudentDecider

    check_precision(files, arguments.precision)
    check_address(arguments.host, key_from(arguments.key_file), arguments.no_key)
    decider = StudentDecider(files, waiting=arguments.limit_waiting, workers=arguments.workers)
    serve_decider(decider, arguments)


def serve_decider(decider: Decider, arguments: Namespace) -> None:
    """Serve whatever answers, as :class:`llkd.serving.decider.Decider`, until a signal comes."""
    require("serve", "A server of decisions")
    from llkd.serving.app import PATHS, make_app
    from llkd.serving.metrics import Metrics
    from llkd.serving.server import listen, own_hosts, run_server

    limits, key = limits_of(arguments), key_from(arguments.key_file)
    check_address(arguments.host, key, arguments.no_key)
    hosts = own_hosts(arguments.host)
    if arguments.allowed_host:
        hosts = [*(hosts or ()), *(name.lower() for name in arguments.allowed_host)]
    metrics = Metrics(PATHS)
    app = make_app(decider, limits, key=key, hosts=hosts, metrics=metrics)
    listener = listen(arguments.host, arguments.port)

    def started(address: str) -> None:
        shown = "".join(ch if ch.isprintable() else "\ufffd" for ch in decider.model)
        print(f"Serving {shown} at {address}", flush=True)  # noqa: T201

    if arguments.until_eof:
        threading.Thread(target=_stop_at_eof, daemon=True).start()
    earlier = frozenset(threading.enumerate())
    run_server(app, listener, limits, on_start=started, access_log=arguments.access_log)
    print("Stopped.", file=sys.stderr, flush=True)  # noqa: T201
    _end_where_calls_hang(earlier)


def _end_where_calls_hang(earlier: frozenset[threading.Thread]) -> None:
    """End the process where a teacher still owes an answer that nobody waits for any more.

    The interpreter would wait for the thread that asked, as long as a call may take, and whoever
    supervises the server would kill it meanwhile. What is to be written is written by now.
    ``earlier`` are threads that ran before there was a server.
    """
    until = time.monotonic() + ENDING_SECONDS
    for thread in set(threading.enumerate()) - earlier:
        # Daemons too: the interpreter waits for those of an executor.
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            logging.shutdown()
            sys.stdout.flush()
            os._exit(0)


def _stop_at_eof() -> None:
    """Wait for the end of standard input, then stop as a signal does."""
    # Not through sys.stdin: a thread that holds its lock breaks the end of the interpreter.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
