"""The process that serves: a socket, time limits for slow callers, a stop that answers first."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from llkd.errors import UserError
from llkd.serving.limits import Limits, is_loopback

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 30
MOST_HEADER_BYTES = 65_536


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises UserError where it cannot."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise UserError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}. Choose another with "
            "--port (0 takes a free one)."
        ) from None
    # Inherited by connections. asyncio sets it only on sockets that name their protocol; without
    # it an answer's second part waits up to 40 ms for the client to acknowledge the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def own_hosts(host: str) -> list[str] | None:
    """The names that a Host header may hold on this address; None for any."""
    return ["127.0.0.1", "localhost", "[::1]", host] if is_loopback(host) else None


def run_server(
    app: ASGIApp,
    listener: socket.socket,
    limits: Limits,
    *,
    on_start: Callable[[str], None] | None = None,
    access_log: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, answer what is in flight, and return.

    ``on_start`` hears the address once requests are taken. What is in flight at the stop has
    ``limits.drain_seconds``; a second SIGINT ends at once.
    """
    _raise_file_limit()
    _configure_logs(access_log)
    config = uvicorn.Config(
        app,
        http=_protocol(limits.header_seconds),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=limits.drain_seconds,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
    )
    server = _Server(config, lambda: on_start and on_start(address(listener)))
    with suppress(KeyboardInterrupt):
        server.run([listener])
    if not server.started:
        raise UserError("The server did not start; what it wrote above says why.")


def address(listener: socket.socket) -> str:
    """The address of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it listens, and ends in good order on a signal."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], Any]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal is an order that was followed, not a failure: it is not raised again."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread hears signals
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        earlier = {each: signal.signal(each, self.handle_exit) for each in signals}
        try:
            yield
        finally:
            for each, handler in earlier.items():
                signal.signal(each, handler)


class _Guard:
    """Mixed into uvicorn's protocols: closes connections whose headers are late, or do not end."""

    header_seconds = 10.0
    _head = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self: Any, transport: asyncio.Transport) -> None:
        super().connection_made(transport)  # type: ignore[misc]
        self._start_timer()

    def data_received(self: Any, data: bytes) -> None:
        if self._timer is None and self._between_requests():
            self._start_timer()
        super().data_received(data)  # type: ignore[misc]
        if not self._between_requests():
            self._stop_timer()
            self._head = 0
            return
        self._head += len(data)
        if self._head > MOST_HEADER_BYTES:
            self._give_up()

    def on_response_complete(self: Any) -> None:
        super().on_response_complete()  # type: ignore[misc]
        self._stop_timer()  # from here on uvicorn's own keep-alive limit counts

    def connection_lost(self: Any, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)  # type: ignore[misc]

    def _between_requests(self: Any) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _start_timer(self: Any) -> None:
        self._timer = self.loop.call_later(self.header_seconds, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self: Any) -> None:
        self._timer = None
        if self._between_requests() and not self.transport.is_closing():
            self.transport.close()


def _protocol(header_seconds: float) -> type[asyncio.Protocol]:
    """HTTP as uvicorn speaks it, in C where that is installed, with the guard before it."""
    base: Any
    if find_spec("httptools") is not None:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as base
    else:
        from uvicorn.protocols.http.h11_impl import H11Protocol as base
    return type("Guarded", (_Guard, base), {"header_seconds": header_seconds})


def _raise_file_limit() -> None:
    """Each connection is an open file; the soft limit is often 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _configure_logs(access_log: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    for name, level in (
        ("llkd.serving", logging.WARNING),
        ("llkd.serving.access", logging.INFO if access_log else logging.WARNING),
        ("uvicorn.error", logging.ERROR),
    ):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        if name != "llkd.serving.access":
            logger.addHandler(handler)
            logger.propagate = False
