"""Calls from this process: the fork server is started when needed, and told to go at the end."""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from llkd import errors
from llkd.errors import LLKDError
from llkd.isolation.limits import Limits
from llkd.isolation.outcome import ChildEnded, of_status

Message = Callable[[str, Any], None]
PRELOAD = ("llkd.datasets.remote",)
"""What the fork server imports before the first call."""
_PASSED_ON = ("PATH", "HOME", "USER", "TMPDIR", "TZ", "LANG", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_PREFIXES = ("LC_", "PYTHON", "DYLD_")
# One thread at the time of a fork: numpy's and Arrow's libraries start some as they are imported.
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
_READ = 1 << 16


@dataclass
class _Server:
    control: socket.socket
    process: subprocess.Popen[bytes]
    owner: int = field(default_factory=os.getpid)
    called: bool = False

    @property
    def alive(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None

    def close(self) -> None:
        self.control.close()
        if self.owner == os.getpid():
            if not self.called:
                self.process.terminate()  # it may still import, and hears nothing meanwhile
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(2)


SERVER: _Server | None = None
_STARTING = threading.Lock()


def start() -> None:
    """Start the fork server, if there is none; returns at once, while it imports what it needs."""
    with _STARTING:
        _started()


def stop() -> None:
    """End the fork server, and the calls that are being answered."""
    global SERVER
    with _STARTING:
        server, SERVER = SERVER, None
    if server is not None:
        server.close()


atexit.register(stop)


def call(
    function: str,
    arguments: dict[str, Any],
    file: IO[bytes],
    limits: Limits,
    on_message: Message = lambda kind, value: None,
) -> Any:
    """Run ``function`` (``module:name``) in a process of its own and return its document.

    It is given ``arguments`` (JSON) and a :class:`~llkd.isolation.fork_server.Channel`, whose file
    is ``file`` here; what it returns must be JSON. ``on_message`` gets its news; what it raises
    ends the call.

    Raises:
        LLKDError: what the function raised, of the same class.
        ChildEnded: its process ended otherwise.
    """
    request = {
        "function": function,
        "arguments": arguments,
        "limits": asdict(limits),
        "folder": os.getcwd(),
        "environment": {"TMPDIR": os.environ["TMPDIR"]} if "TMPDIR" in os.environ else {},
    }
    for last in (False, True):
        try:
            return _call(json.dumps(request).encode("ascii") + b"\n", file, on_message)
        except _NotBegun as error:  # the server ended just now, as it does when nobody calls
            _wait_for_its_end()
            if last:
                raise LLKDError(
                    "The process that reads files could not be started"
                    + (f" ({error})." if str(error) else ".")
                    + " Free some memory and try again."
                ) from None
    raise AssertionError("not reached")


def _wait_for_its_end() -> None:
    """Until the server that did not answer has ended, if it is ending."""
    with _STARTING:
        if SERVER is not None:
            with suppress(subprocess.TimeoutExpired):
                SERVER.process.wait(1)


class _NotBegun(Exception):
    """The call was not taken; nothing of it has happened."""


def _call(request: bytes, file: IO[bytes], on_message: Message) -> Any:
    ours, theirs = socket.socketpair()
    read_end, write_end = os.pipe()
    # A process that writes very much on standard error loses it, and does not wait or fill a disk.
    os.set_blocking(write_end, False)
    os.set_blocking(read_end, False)
    try:
        try:
            with _STARTING:
                server = _started()
                server.called = True
                files = [theirs.fileno(), file.fileno(), write_end]
                socket.send_fds(server.control, [b"c"], files)
            ours.sendall(request)
        except OSError as error:
            raise _NotBegun(error.strerror or "") from None
        finally:
            theirs.close()
            os.close(write_end)
        return _result(ours, read_end, file, on_message)
    finally:
        ours.close()
        os.close(read_end)


def _result(connection: socket.socket, errors: int, file: IO[bytes], on_message: Message) -> Any:
    begun = False
    done: list[int] | None = None
    failed: list[str] | None = None
    for kind, value in _messages(connection):
        if kind == "begun":
            begun = True
        elif kind == "done":
            done = value
        elif kind == "failed":
            failed = value
        elif kind == "ended":
            if failed is not None:
                raise _as_raised(*failed)
            if done is None:
                raise of_status(value, _read(errors))
            return json.loads(_bytes(file, *done))
        else:
            on_message(kind, value)
    if not begun:
        raise _NotBegun
    raise ChildEnded("killed", "the process that started it has ended", _read(errors))


def _messages(connection: socket.socket) -> Iterator[tuple[str, Any]]:
    """What comes over the socket, line by line, until it is closed."""
    rest = b""
    while True:
        try:
            part = connection.recv(_READ)
        except ConnectionError:
            return
        if not part:
            return
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            kind, value = json.loads(line)
            yield kind, value


def _as_raised(name: str, message: str, trace: str) -> Exception:
    if name == "MemoryError":
        return ChildEnded("memory", message or "it needed too much memory")
    kind = getattr(errors, name, None) if name else None
    if isinstance(kind, type) and issubclass(kind, LLKDError):
        return kind(message)
    last = trace.strip().rpartition("\n")[2]
    return ChildEnded("crash", last[:200] or message[:200], trace)


def _read(descriptor: int) -> str:
    parts = []
    with suppress(BlockingIOError):
        while part := os.read(descriptor, _READ):
            parts.append(part)
    return b"".join(parts).decode("utf-8", "replace")


def _bytes(file: IO[bytes], start: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.pread(file.fileno(), size, start)
        if not part:
            raise ChildEnded("crash", "its result is cut short")
        parts.append(part)
        start, size = start + len(part), size - len(part)
    return b"".join(parts)


def _started() -> _Server:
    global SERVER
    if SERVER is not None and SERVER.alive:
        return SERVER
    if SERVER is not None:
        SERVER.control.close()
    ours, theirs = socket.socketpair()
    parent = str(Path(__file__).resolve().parents[2])
    # No keys and no passwords: what is read is not to be trusted with them.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PREFIXES)
    }
    paths = [parent, *filter(None, [environment.get("PYTHONPATH")])]
    environment |= {**_ONE_THREAD, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-P", "-m", "llkd.isolation.fork_server", str(theirs.fileno())]
    try:
        process = subprocess.Popen(
            [*command, *PRELOAD],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            env=environment,
            start_new_session=True,
        )
    finally:
        theirs.close()
    SERVER = _Server(ours, process)
    return SERVER
