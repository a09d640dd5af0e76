"""A server of somebody else as a process of a test: started, waited for by its port, ended."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

PORT_LINE = "port "
SILENT = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_WAIT_POLICY": "PASSIVE"}


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


def accepts(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def end(process, seconds=20):
    """Ask it to stop, then make it; it is gone afterwards."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running(words, log, port=None, seconds=240, env=None):
    """Start ``python WORDS…`` and give its port once it listens there; ``log`` gets what it prints.

    Without ``port`` the process prints ``port N`` on a line of its own. Raises RuntimeError, with
    the end of the log, where it stops or does not listen in time.
    """
    log = Path(log)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *map(str, words)],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **SILENT, **(env or {})},
        )
    try:
        limit = time.monotonic() + seconds
        while True:
            if port is None:
                port = printed_port(log)
            if port is not None and accepts(port):
                break
            if process.poll() is not None or time.monotonic() > limit:
                said = log.read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"{words[0]} does not listen. It said: {said}")
            time.sleep(0.05)
        yield port
    finally:
        end(process)


def printed_port(log):
    for line in log.read_text("utf-8", "replace").splitlines():
        if line.startswith(PORT_LINE):
            return int(line[len(PORT_LINE) :])
    return None
