"""The process that forks once for each call: ``python -m llkd.isolation.fork_server FD MODULE…``.

It has one thread and imports the modules once. Over the socket ``FD`` comes one byte for each call,
with three open files: the call's own socket, the file for its result, and the pipe for what it
writes on standard error. The call's process reads its request from its socket; this one never does.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

from llkd.isolation.limits import Limits, more_memory

IDLE_SECONDS = 600
"""After so long without a call the process ends; the next call starts another one."""
_MOST_MESSAGES = 1 << 20
_PR_SET_PDEATHSIG = 1


class Channel:
    """A function's way to its caller: ``tell`` sends news, ``file`` takes bytes of the result."""

    def __init__(self, connection: socket.socket, file: int) -> None:
        self._connection = connection
        self.file = os.fdopen(file, "wb", buffering=0, closefd=False)

    def tell(self, kind: str, value: Any) -> None:
        """Send a small JSON value to the caller's ``on_message``."""
        self._connection.sendall(json.dumps([kind, value]).encode("ascii") + b"\n")


class ForkServer:
    """Waits for calls, forks, tells each caller how its process ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._calls: dict[int, tuple[int, socket.socket]] = {}  # by descriptor: process, socket
        self._wake, self._wakes = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._wakes, False)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the caller to answer

    def serve(self) -> None:
        """Serve until the other end of the control socket is closed, or nobody calls for long."""
        try:
            while self._turn():
                pass
        finally:
            for process, _ in self._calls.values():
                os.kill(process, signal.SIGKILL)

    def _turn(self) -> bool:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        for descriptor in self._calls:
            poll.register(descriptor, 0)  # that its caller hung up is told whatever is asked for
        events = poll.poll(None if self._calls else IDLE_SECONDS * 1000)
        if not events:
            return False
        for descriptor, event in events:
            if descriptor == self._wake:
                os.read(self._wake, 4096)
                self._reap()
            elif descriptor == self._control.fileno():
                if not self._accept():
                    return False
            elif descriptor in self._calls and event & (select.POLLHUP | select.POLLERR):
                process, connection = self._calls.pop(descriptor)
                os.kill(process, signal.SIGKILL)
                connection.close()
        return True

    def _accept(self) -> bool:
        try:
            byte, files, _, _ = socket.recv_fds(self._control, 1, 3)
        except ConnectionError:
            return False
        if not byte:
            return False
        connection = socket.socket(fileno=files[0])
        try:
            process = os.fork()
        except OSError:  # no memory for another process; its caller hears nothing and says so
            process = -1
        if process == 0:
            self._become_call(connection, files[1], files[2])
        os.close(files[1])
        os.close(files[2])
        if process < 0:
            connection.close()
            return True
        self._calls[connection.fileno()] = (process, connection)
        return True

    def _reap(self) -> None:
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not process:
                return
            for descriptor, (other, connection) in list(self._calls.items()):
                if other == process:
                    del self._calls[descriptor]
                    try:
                        connection.send(
                            json.dumps(["ended", status]).encode("ascii") + b"\n",
                            socket.MSG_DONTWAIT,
                        )
                    except OSError:  # nobody listens any more
                        pass
                    connection.close()

    def _become_call(self, connection: socket.socket, file: int, errors: int) -> None:
        """Be the process of one call; never returns."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            server = os.getppid()
            if sys.platform == "linux":
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            for _, other in self._calls.values():
                other.close()
            self._control.close()
            os.dup2(errors, 1)
            os.dup2(errors, 2)
            for descriptor in (errors, self._wake, self._wakes):
                os.close(descriptor)
            if os.getppid() == server:
                run(connection, file)
        except BaseException:  # the caller sees what is written, and the exit code
            traceback.print_exc()
            os._exit(1)
        os._exit(0)


def run(connection: socket.socket, file: int) -> None:
    """Read the request, call the function, send what came of it."""
    request = json.loads(_line(connection))
    channel = Channel(connection, file)
    os.chdir(request["folder"])
    os.environ.update(request["environment"])
    module, _, name = request["function"].partition(":")
    function: Callable[[dict[str, Any], Channel], Any] = getattr(
        importlib.import_module(module), name
    )
    channel.tell("begun", os.getpid())
    Limits(**request["limits"]).apply()
    try:
        document = function(request["arguments"], channel)
    except MemoryError as error:
        more_memory()
        channel.tell("failed", ["MemoryError", str(error)[:500], ""])
        return
    except Exception as error:
        names = [cls.__name__ for cls in type(error).__mro__ if cls.__module__ == "llkd.errors"]
        message = str(error)[:_MOST_MESSAGES]
        channel.tell("failed", [names[0] if names else "", message, traceback.format_exc()[-2000:]])
        return
    start = channel.file.seek(0, os.SEEK_END)
    view = memoryview(json.dumps(document).encode("ascii"))
    size = len(view)
    while view:
        view = view[channel.file.write(view) :]
    channel.tell("done", [start, size])


def _line(connection: socket.socket) -> bytes:
    parts: list[bytes] = []
    while not parts or not parts[-1].endswith(b"\n"):
        part = connection.recv(1 << 16)
        if not part:
            raise ConnectionError("the caller hung up")
        parts.append(part)
    return b"".join(parts)


def main(arguments: list[str]) -> None:
    """Import the modules and serve."""
    control = socket.socket(fileno=int(arguments[0]))
    os.set_inheritable(control.fileno(), False)
    for name in arguments[1:]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a fork that collects garbage must not copy all that was imported
    ForkServer(control).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
